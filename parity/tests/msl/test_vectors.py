"""A copy of a vector is one access of its size, whatever compiler there is, and has to be aligned as a whole."""

from typing import Any

import mlx.core as mx
import pytest

from parity import msl
from parity.session import KEY

from .helpers import kinds, make, run

pytestmark = pytest.mark.parity_slow

SIZES = {"float": 4, "half": 2, "bfloat": 2, "uint": 4, "uchar": 1, "bool": 1, "long": 8}
BYTES = mx.zeros((1024,), dtype=mx.uint8)
PLACE = "uint i = thread_position_in_grid.x; const device V* p = (const device V*)x; device V* q = (device V*)out;"

# Body, and the kinds of access that it makes: read and written, of device and of threadgroup memory.
USES = {
    "copied": ("q[i] = p[i];", "rw"),
    "by component": ("V v = p[i]; v[1] = v[0]; q[i] = v;", "rw"),
    "summed": (
        "V v = p[i]; T s = v[0]; for (int k = 1; k < N; ++k) s = (T)(s + v[k]); out[i] = (uchar)s;",
        "r",
    ),
    "in a structure": ("Pair a = *(const device Pair*)&p[i]; q[i] = a.v;", "rw"),
    "shared": (
        "threadgroup V t[32]; t[31 - i] = p[i]; threadgroup_barrier(mem_flags::mem_threadgroup); "
        "V v = t[i]; v[0] = v[1]; q[i] = v;",
        "rwRW",
    ),
}


def profile(source: str, header: str = "", **more: Any) -> msl.Profile:
    call = {"inputs": [BYTES], "output_shapes": [(1024,)], "output_dtypes": [mx.uint8]}
    call |= {"grid": (32, 1, 1), "threadgroup": (32, 1, 1)}
    return msl.profile(make(source, ["x"], header=header), **{**call, **more})


def cases() -> list[tuple[str, str, int]]:
    vectors = [(f"{t}{n}", t, n) for t in SIZES for n in (2, 3, 4)]
    # g++ takes packed bytes apart, whose one access is what four are.
    packed = [(f"packed_{t}{n}", t, n) for t in ("float", "half", "bfloat", "uint") for n in (2, 3, 4)]
    return vectors + packed


@pytest.mark.parametrize(("name", "scalar", "n"), cases(), ids=str)
def test_a_copy_is_one_access_of_its_size(
    name: str, scalar: str, n: int, request: pytest.FixtureRequest
) -> None:
    """Of three components the padding may be read, as it is by g++ at times, and is never written."""
    deep = request.config.stash[KEY].settings.profile == "deep"
    if not deep and name not in (
        "float2",
        "float3",
        "float4",
        "half3",
        "bfloat4",
        "uchar4",
        "long4",
        "packed_float3",
    ):
        pytest.skip("the deep profile has every type")
    header = f"typedef {name} V; typedef {scalar} T; constant constexpr int N = {n}; struct Pair {{ V v; }};"
    size = n * SIZES[scalar]
    padded = size if n != 3 or name.startswith("packed") else 4 * SIZES[scalar]
    for use, (body, made) in USES.items():
        p = profile(PLACE + body, header)
        for letter, traffic in zip(
            "rwRW", (p.read, p.written, p.threadgroup_read, p.threadgroup_written), strict=True
        ):
            if letter in made:
                assert traffic.instructions == 1, (use, letter)
                assert traffic.requested in (32 * size, 32 * padded if letter in "rR" else 32 * size), (
                    use,
                    letter,
                )


@pytest.mark.parametrize("use", ["V v = p[0]; q[0] = v.x + v.y;", "auto v = p[0] + p[0]; q[0] = v.x;"])
@pytest.mark.parametrize("name", ["float2", "half2", "float3", "float4", "uchar4"])
def test_a_vector_that_is_not_aligned_is_found(name: str, use: str) -> None:
    """It begins one component late; packed, it may."""
    scalar = name[:-1]
    body = f"typedef {name} V; const device V* p = (const device V*)((const device {scalar}*)x + 1); device {scalar}* q = (device {scalar}*)out; {use}"
    call: dict[str, Any] = {
        "inputs": {"x": BYTES},
        "shape": (64,),
        "dtype": mx.uint8,
        "grid": (1, 1, 1),
        "init_value": 0,
    }
    assert "misaligned" in kinds(body, **call)
    assert "misaligned" not in kinds(body.replace(f"typedef {name} V", f"typedef packed_{name} V"), **call)


def test_the_padding_of_three_components_is_left_alone() -> None:
    """What lies beside the third component keeps its value, and the one who writes it does not race."""
    out = run(
        """
        threadgroup float3 t[32];
        uint i = thread_position_in_grid.x;
        if (i < 16) t[i] = float3(i, 1, 2);
        else ((threadgroup float*)t)[4 * (i - 16) + 3] = 100 + i;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (i < 16) out[i] = ((threadgroup float*)t)[4 * i + 3] + t[i].x;
        else out[i] = t[i - 16].z;
        """
    )
    assert out.tolist() == [116.0 + 2 * i for i in range(16)] + [2.0] * 16


def test_one_component_is_written_alone() -> None:
    """Threads that write different components of one vector do not race."""
    source = """
        threadgroup float4 t[8];
        uint i = thread_position_in_grid.x;
        t[i / 4][i % 4] = i;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        float4 v = t[i / 4];
        if (i % 4 == 0) t[i / 4].xy = v.zw; else if (i % 4 == 1) t[i / 4].w = 5;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        out[i] = t[i / 4][i % 4];
    """
    late = source.replace(
        "float4 v = t[i / 4];", "float4 v = t[i / 4]; threadgroup_barrier(mem_flags::mem_threadgroup);"
    )
    assert run(late).tolist() == [x for k in range(8) for x in (4 * k + 2, 4 * k + 3, 4 * k + 2, 5)]
    assert "race" in kinds(source)


@pytest.mark.parametrize("eight", ["long", "float", "half"])
def test_neighbours_are_checked_one_by_one(eight: str) -> None:
    """A compiler may not make one wide access of them that nobody checks: the last is out of bounds."""
    sums = " + ".join(f"p[8 * i + {k}]" for k in range(8))
    source = f"uint i = thread_position_in_grid.x; const device {eight}* p = (const device {eight}*)x; out[i] = {sums};"
    dtype = {"long": mx.int64, "float": mx.float32, "half": mx.float16}[eight]
    assert "out-of-bounds" in kinds(source, inputs={"x": mx.zeros((8 * 32 - 1,), dtype=dtype)})
    assert kinds(source, inputs={"x": mx.zeros((8 * 32,), dtype=dtype)}) == set()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("union U { float4 v; float a[4]; };", "U u = {p[i]}; U w = u; out[i] = w.a[1];"),
        (
            "struct S { union { float4 v; float a[4]; }; int k; };",
            "S u; u.v = p[i]; S w = u; out[i] = w.a[1];",
        ),
        (
            "struct S { float4 v; int k; }; float f(S s) { return s.v.x; }",
            "S s = {p[i], 3}; S w = s; out[i] = w.v.y + 0 * f(w);",
        ),
        (
            "constant float4 T[2] = {float4(1, 2, 3, 4), float4(5)};",
            "float4 v = T[0]; out[i] = p[i].y + 0 * v.x;",
        ),
        ("", "out[i] = as_type<float4>(as_type<uint4>(p[i])).y;"),
        ("", "thread float4 a[2]; for (int k = 0; k < 2; ++k) a[k] = p[i]; out[i] = a[i % 2].y;"),
        ("template <typename V> V g(const device V& v) { return v; }", "out[i] = g(p[i]).y;"),
        (
            "constant constexpr float4 one = float4(1); constant constexpr float4 two = one;",
            "out[i] = (p[i] * two).y;",
        ),
    ],
)
def test_vectors_are_plain_values(header: str, body: str) -> None:
    """In unions, structures, arrays and constants, by value and by reference, and as other bits."""
    place = "uint i = thread_position_in_grid.x; const device float4* p = (const device float4*)x;"
    out = run(place + body, inputs={"x": mx.arange(128).astype(mx.float32)}, header=header)
    assert out.tolist() == [4.0 * i + 1 for i in range(32)]
