"""Arithmetic, conversions, comparisons and functions against NumPy, for each dtype and vector width, bit for bit."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ml_dtypes
import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from .helpers import run

pytestmark = pytest.mark.parity_slow

Values = npt.NDArray[Any]
NUMPY: dict[str, Any] = {
    "float": np.float32, "half": np.float16, "bfloat": ml_dtypes.bfloat16,
    "char": np.int8, "uchar": np.uint8, "short": np.int16, "ushort": np.uint16,
    "int": np.int32, "uint": np.uint32, "long": np.int64, "ulong": np.uint64,
}  # fmt: skip
MLX: dict[str, Any] = {
    "float": mx.float32, "half": mx.float16, "bfloat": mx.bfloat16, "char": mx.int8, "uchar": mx.uint8,
    "short": mx.int16, "ushort": mx.uint16, "int": mx.int32, "uint": mx.uint32, "long": mx.int64, "ulong": mx.uint64,
}  # fmt: skip
FLOATS = ("float", "half", "bfloat")
INTEGERS = ("char", "uchar", "short", "ushort", "int", "uint", "long", "ulong")
WIDTHS = (1, 2, 3, 4)
N = 240


def _to_mlx(a: Values, t: str) -> Any:
    if t == "bfloat":
        return mx.array(a.view(np.uint16)).view(mx.bfloat16)
    return mx.array(a)


def _from_mlx(a: Any, t: str) -> Values:
    if t == "bfloat":
        return np.asarray(a.view(mx.uint16)).view(ml_dtypes.bfloat16)
    return np.asarray(a)


def _draw(t: str, seed: int) -> Values:
    rng = np.random.default_rng(seed)
    if t in FLOATS:
        x = rng.standard_normal(N) * np.exp2(rng.integers(-6, 6, N))
        x[:8] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5]
        rng.shuffle(x)
        return x.astype(np.float32).astype(NUMPY[t])
    info = np.iinfo(NUMPY[t])
    x = rng.integers(info.min, info.max, N, dtype=NUMPY[t], endpoint=True)
    x[:4] = [info.min, info.max, 0, 1]
    return x


def _vector(t: str, width: int) -> str:
    return t if width == 1 else f"packed_{t}{width}"


def _value(t: str, width: int) -> str:
    return t if width == 1 else f"{t}{width}"


Wanted = tuple[str, int, str]
"""An expression of a, b, c, how many components they have, and the type of a component of the result."""


def _compute_all(wanted: Sequence[Wanted], t: str, arrays: list[Values]) -> list[Values]:
    """Several expressions in one kernel, each with an output of its own in one array of bytes."""
    names = "abc"[: len(arrays)]
    blocks, offset, places = [], 0, []
    for expression, width, out in wanted:
        loads = " ".join(
            f"{_value(t, width)} {n} = {_value(t, width)}(((device const {_vector(t, width)}*){n}_)[i]);"
            for n in names
        )
        store = f"((device {_vector(out, width)}*)(out + {offset}))[i] = {_vector(out, width)}({expression});"
        blocks.append(f"if (i < {N // width}) {{ {loads} {store} }}")
        size = NUMPY[out](0).itemsize * N
        places.append((offset, size))
        offset += size
    source = "uint i = thread_position_in_grid.x;\n" + "\n".join(blocks)
    given = {f"{n}_": _to_mlx(x, t) for n, x in zip(names, arrays, strict=True)}
    value = run(
        source, inputs=given, shape=(offset,), dtype=mx.uint8, grid=(N, 1, 1), threadgroup=(128, 1, 1)
    )
    data = np.asarray(value)
    return [
        data[at : at + size].view(NUMPY[out]) for (at, size), (_, _, out) in zip(places, wanted, strict=True)
    ]


def _compute(expression: str, t: str, width: int, arrays: list[Values], result: str | None = None) -> Values:
    return _compute_all([(expression, width, result or t)], t, arrays)[0]


def _each_width(
    expressions: Iterable[str], t: str, arrays: list[Values], out: str = "", cast: str = ""
) -> Any:
    """(expression, result) for each expression and vector width."""
    made = [(e, w) for e in expressions for w in WIDTHS]
    wanted = [(f"{_value(cast, w)}({e})" if cast else e, w, out or t) for e, w in made]
    return [(e, got) for (e, _), got in zip(made, _compute_all(wanted, t, arrays), strict=True)]


def _same(got: Values, expected: Values) -> None:
    """Equal bits, any NaN for any NaN."""
    assert got.dtype == expected.dtype
    wide_got, wide = got.astype(np.float64, copy=True), expected.astype(np.float64, copy=True)
    both = np.isnan(wide_got) & np.isnan(wide)
    size = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}[got.dtype.itemsize]
    equal = (got.view(size) == expected.view(size)) | both
    assert equal.all(), list(zip(got[~equal][:4], expected[~equal][:4], strict=True))


ARITHMETIC: dict[str, Callable[[Values, Values], Values]] = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
}


@pytest.mark.parametrize("t", FLOATS)
def test_floating_arithmetic(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    with np.errstate(all="ignore"):
        for expression, got in _each_width(ARITHMETIC, t, [a, b]):
            _same(got, ARITHMETIC[expression](a, b).astype(NUMPY[t]))


def test_half_rounds_after_each_operation() -> None:
    a, b, c = (_draw("half", s) for s in (1, 2, 3))
    with np.errstate(all="ignore"):
        expected = (a * b).astype(np.float16) + c
    _same(_compute("a * b + c", "half", 1, [a, b, c]), expected)


@pytest.mark.parametrize("t", FLOATS)
def test_fused_multiply_add_rounds_once(t: str) -> None:
    a, b, c = (_draw(t, s) for s in (1, 2, 3))
    with np.errstate(all="ignore"):
        exact = a.astype(np.longdouble) * b.astype(np.longdouble) + c.astype(np.longdouble)
        expected = exact.astype(np.float32).astype(NUMPY[t]) if t == "bfloat" else exact.astype(NUMPY[t])
    _same(_compute("fma(a, b, c)", t, 1, [a, b, c]), expected)


INTEGER: dict[str, Callable[[Values, Values], Values]] = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a & b": lambda a, b: a & b,
    "a | b": lambda a, b: a | b,
    "a ^ b": lambda a, b: a ^ b,
    "min(a, b)": np.minimum,
    "max(a, b)": np.maximum,
    "popcount(a) + b - b": lambda a, _b: np.bitwise_count(a.view(f"u{a.dtype.itemsize}")).astype(a.dtype),
}


@pytest.mark.parametrize("t", INTEGERS)
def test_integer_arithmetic(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    with np.errstate(all="ignore"):
        for expression, got in _each_width(INTEGER, t, [a, b]):
            _same(got, INTEGER[expression](a, b).astype(NUMPY[t]))


@pytest.mark.parametrize("t", INTEGERS)
def test_integer_division_and_shifts(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    b[b == 0] = 3
    b[b == -1] = 3
    shift = (b.astype(np.int64) & (NUMPY[t](0).itemsize * 8 - 1)).astype(NUMPY[t])
    quotient = np.trunc(a.astype(np.longdouble) / b.astype(np.longdouble)).astype(NUMPY[t])
    with np.errstate(all="ignore"):
        expected = {
            "a / b": quotient,
            "a % b": (a - quotient * b).astype(NUMPY[t]),
            "a << c": np.left_shift(a, shift).astype(NUMPY[t]),
            "a >> c": np.right_shift(a, shift).astype(NUMPY[t]),
        }
    for expression, got in _each_width(expected, t, [a, b, shift]):
        _same(got, expected[expression])


def _wide(a: Values) -> list[int]:
    return [int(x) for x in a]


EXACT_INTEGER: dict[str, Callable[[int, int, int, int, int], int]] = {
    # of a, b, bits, least, greatest
    "clz(a)": lambda a, _b, bits, *_: bits - (a % 2**bits).bit_length(),
    "ctz(a)": lambda a, _b, bits, *_: bits if a == 0 else (a & -a).bit_length() - 1,
    "reverse_bits(a)": lambda a, _b, bits, *_: int(format(a % 2**bits, f"0{bits}b")[::-1], 2),
    "absdiff(a, b)": lambda a, b, *_: abs(a - b),
    "addsat(a, b)": lambda a, b, _n, low, high: min(max(a + b, low), high),
    "subsat(a, b)": lambda a, b, _n, low, high: min(max(a - b, low), high),
    "hadd(a, b)": lambda a, b, *_: (a + b) >> 1,
    "rhadd(a, b)": lambda a, b, *_: (a + b + 1) >> 1,
    "mulhi(a, b)": lambda a, b, bits, *_: (a * b) >> bits,
    "rotate(a, b)": lambda a, b, bits, *_: (
        ((a % 2**bits) << (b % bits)) | ((a % 2**bits) >> ((bits - b % bits) % bits))
    ),
    "extract_bits(a, 3u, 4u)": lambda a, _b, _bits, low, _high: (
        ((a >> 3) & 15) - (16 if low < 0 and (a >> 6) & 1 else 0)
    ),
    "insert_bits(a, b, 2u, 5u)": lambda a, b, bits, *_: (a % 2**bits & ~(31 << 2)) | ((b & 31) << 2),
}  # fmt: skip


@pytest.mark.parametrize("t", INTEGERS)
def test_integer_functions(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    info, bits = np.iinfo(NUMPY[t]), NUMPY[t](0).itemsize * 8
    results = _compute_all([(e, 1, t) for e in EXACT_INTEGER], t, [a, b])
    for (expression, f), got in zip(EXACT_INTEGER.items(), results, strict=True):
        exact = [
            f(x, y, bits, int(info.min), int(info.max)) % 2**bits
            for x, y in zip(_wide(a), _wide(b), strict=True)
        ]
        expected = np.array(exact, f"u{bits // 8}").view(NUMPY[t])
        assert np.array_equal(got, expected), expression


COMPARISONS: dict[str, Callable[[Values, Values], Values]] = {
    "a < b": np.less, "a <= b": np.less_equal, "a == b": np.equal, "a != b": np.not_equal, "a > b": np.greater,
    "a >= b": np.greater_equal,
}  # fmt: skip


@pytest.mark.parametrize("t", [*FLOATS, "int", "uint", "uchar", "long"])
def test_comparisons(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    b[::3] = a[::3]
    with np.errstate(all="ignore"):
        for expression, got in _each_width(COMPARISONS, t, [a, b], "uchar", "uchar"):
            assert np.array_equal(got, COMPARISONS[expression](a, b).astype(np.uint8)), expression


EXACT: dict[str, Callable[[Values], Values]] = {
    "floor(a)": np.floor, "ceil(a)": np.ceil, "trunc(a)": np.trunc, "rint(a)": np.rint, "fabs(a)": np.abs,
    "-a": np.negative, "abs(a)": np.abs, "sqrt(a)": np.sqrt,
    "round(a)": lambda x: np.copysign(np.floor(np.abs(x) + np.float32(0.5)), x),
    "sign(a)": lambda x: np.where(np.isnan(x), np.float32(0), np.where(x == 0, x, np.sign(x))),
}  # fmt: skip


@pytest.mark.parametrize("t", FLOATS)
def test_exact_functions(t: str) -> None:
    a = _draw(t, 1)
    with np.errstate(all="ignore"):
        for expression, got in _each_width(EXACT, t, [a]):
            _same(got, EXACT[expression](a.astype(np.float32)).astype(np.float32).astype(NUMPY[t]))


PAIRS: dict[str, Callable[[Values, Values], Values]] = {
    "fmin(a, b)": np.fmin, "fmax(a, b)": np.fmax, "min(a, b)": np.fmin, "max(a, b)": np.fmax,
    "copysign(a, b)": np.copysign, "fmod(a, b)": np.fmod, "select(a, b, a < b)": lambda a, b: np.where(a < b, b, a),
    "clamp(a, -1, 1)": lambda a, _b: np.fmin(np.fmax(a, np.float32(-1)), np.float32(1)),
    "step(a, b)": lambda a, b: np.where(b < a, np.float32(0), np.float32(1)),
}  # fmt: skip


@pytest.mark.parametrize("t", FLOATS)
def test_exact_functions_of_two(t: str) -> None:
    a, b = _draw(t, 1), _draw(t, 2)
    a[(a == 0) & (b == 0)] = 1  # either zero is right where both are
    with np.errstate(all="ignore"):
        for expression, got in _each_width(PAIRS, t, [a, b]):
            expected = PAIRS[expression](a.astype(np.float32), b.astype(np.float32))
            _same(got, expected.astype(np.float32).astype(NUMPY[t]))


FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2,
    "exp10": lambda x: np.power(10.0, x), "log": np.log, "log2": np.log2, "log10": np.log10,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sin": np.sin, "sinh": np.sinh, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip


@pytest.mark.parametrize("space", ["", "metal::", "precise::", "metal::fast::"])
@pytest.mark.parametrize("t", FLOATS)
def test_functions_are_correctly_rounded(t: str, space: str) -> None:
    """To one unit of float32: float64 functions differ in their last bit between libraries."""
    a = _draw(t, 1)
    results = _compute_all([(f"{space}{name}(a)", 1, t) for name in FUNCTIONS], t, [a])
    with np.errstate(all="ignore"):
        for (name, f), value in zip(FUNCTIONS.items(), results, strict=True):
            expected = f(a.astype(np.float64)).astype(np.float32)
            got = value.astype(np.float32)
            rounded = expected.astype(NUMPY[t]).astype(np.float32)
            near = np.nextafter(expected, got).astype(NUMPY[t]).astype(np.float32)
            fine = (got == rounded) | (got == near) | (np.isnan(got) & np.isnan(rounded))
            assert fine.all(), (name, a[~fine][:3], got[~fine][:3], rounded[~fine][:3])


@pytest.mark.parametrize(("name", "f"), [("atan2", np.arctan2), ("pow", np.power)])
def test_functions_of_two_are_correctly_rounded(name: str, f: Callable[[Values, Values], Values]) -> None:
    a, b = _draw("float", 1), _draw("float", 2)
    with np.errstate(all="ignore"):
        expected = f(a.astype(np.float64), b.astype(np.float64)).astype(np.float32)
        got = _compute(f"{name}(a, b)", "float", 2, [a, b])
        near = np.nextafter(expected, got)
    assert ((got == expected) | (got == near) | (np.isnan(got) & np.isnan(expected))).all()


@pytest.mark.parametrize("t", [*FLOATS, *INTEGERS])
def test_conversions(t: str) -> None:
    """Of values that the target can hold: others are undefined, in Metal as in C++."""
    a = _draw(t, 1)
    if t in FLOATS:
        a = np.clip(np.nan_to_num(a.astype(np.float32), nan=1, posinf=2, neginf=3), -100, 100).astype(
            NUMPY[t]
        )
    targets = [*FLOATS, *INTEGERS]
    results = _compute_all(
        [(f"{target}({'abs(a)' if t in FLOATS else 'a'})", 1, target) for target in targets], t, [a]
    )
    for target, got in zip(targets, results, strict=True):
        source = np.abs(a) if t in FLOATS else a
        with np.errstate(all="ignore"):
            through = source.astype(np.float32) if "bfloat" in (t, target) and target in FLOATS else source
            _same(got, through.astype(NUMPY[target]))


def test_literals_are_single_precision() -> None:
    a = _draw("float", 1)
    with np.errstate(all="ignore"):
        _same(
            _compute("a * 0.1 + 1.0 / 3.0", "float", 1, [a]),
            a * np.float32(0.1) + np.float32(1) / np.float32(3),
        )


def test_mixed_types() -> None:
    """half with float is float, bfloat with float is float, bfloat with an integer is bfloat."""
    a = _draw("half", 1)
    with np.errstate(all="ignore"):
        _same(_compute("a * 1.1f", "half", 1, [a], "float"), a.astype(np.float32) * np.float32(1.1))
        b = _draw("bfloat", 1)
        _same(_compute("a * 1.1f", "bfloat", 1, [b], "float"), b.astype(np.float32) * np.float32(1.1))
        twice = (b.astype(np.float32) * 3).astype(ml_dtypes.bfloat16)
        _same(_compute("a * 3", "bfloat", 1, [b]), twice)


def test_swizzles_constructors_and_bits() -> None:
    a = np.arange(N, dtype=np.float32)
    got = _compute(
        "float4(a.zw, a.y, 1) + a.wzyx * float4(0, 0, 0, 1) - float4(a.r, float3(0).xxx)", "float", 4, [a]
    )
    v = a.reshape(-1, 4)
    x, y, z, w = v.T
    expected = np.stack([z - x, w, y, 1 + x], 1).reshape(-1)
    assert np.array_equal(got, expected)
    source = """
        float4 v = float4(1, 2, 3, 4);
        v.xz = v.zx;
        v.yw += 10;
        v.zyx *= float3(2, 3, 4);
        float2x2 m = float2x2(float2(1, 2), float2(3, 4));
        float2 p = m * float2(1, 10);
        uint4 bits = as_type<uint4>(v);
        out[0] = v.x; out[1] = v.y; out[2] = v.z; out[3] = v.w;
        out[4] = as_type<float>(bits.y); out[5] = p.x; out[6] = p.y;
        out[7] = as_type<ushort2>(as_type<uint>(1.0f)).y;
        half2 h = half2(1.5h, 2); h += 1; out[8] = h.x * h[1];
        bool4 less = v < 13.0f; out[9] = all(less) * 2 + any(less);
        out[10] = dot(v, v); out[11] = length(float3(2, 3, 6)); out[12] = cross(float3(1, 0, 0), float3(0, 1, 0)).z;
        uchar4 c = uchar4(250, 1, 2, 3); c += uchar4(10); out[13] = c.x;
        float3 n = normalize(float3(0, 3, 4)); out[14] = n.z;
        int2 q = int2(7, -7) / 2; out[15] = q.x * 10 + q.y;
    """
    got = np.asarray(run(source, shape=(16,), grid=(1, 1, 1)))
    numbers: list[Any] = [
        12,
        36,
        2,
        14,
        36,
        31,
        42,
        16256,
        7.5,
        1,
        144 + 1296 + 4 + 196,
        7,
        1,
        4,
        np.float32(0.8),
        27,
    ]
    assert np.allclose(got, numbers)


def test_small_matrices() -> None:
    rng = np.random.default_rng(0)
    m2, m3, m4 = (rng.standard_normal((n, n)).astype(np.float32) for n in (2, 3, 4))
    source = """
        float2x2 a = float2x2(x[0], x[1], x[2], x[3]);
        float3x3 b;
        float4x4 c;
        for (int i = 0; i < 3; ++i) for (int j = 0; j < 3; ++j) b[i][j] = x[4 + 3 * i + j];
        for (int i = 0; i < 4; ++i) for (int j = 0; j < 4; ++j) c[i][j] = x[13 + 4 * i + j];
        out[0] = determinant(a); out[1] = determinant(b); out[2] = determinant(c);
        float3x3 d = 2.0f * b - b * b + transpose(b);
        d += b; d -= -b; d *= 0.5f;
        half3x3 h = half3x3(d);
        for (int i = 0; i < 3; ++i) for (int j = 0; j < 3; ++j) out[3 + 3 * i + j] = d[i][j] + 0.0f * float(h[i][j]);
        out[12] = (float3(1, 2, 3) * b).y; out[13] = (b * float3(1, 2, 3)).y;
    """
    x = mx.array(np.concatenate([m2.ravel(), m3.ravel(), m4.ravel()]))
    got = np.asarray(run(source, inputs={"x": x}, shape=(14,), grid=(1, 1, 1)))
    columns = m3.T.astype(np.float64)  # rows of x are columns
    both = (4 * columns - columns @ columns + columns.T) / 2
    expected = [*(np.linalg.det(m.astype(np.float64)) for m in (m2, m3, m4)), *both.T.ravel()]
    expected += [([1, 2, 3] @ columns)[1], (columns @ [1, 2, 3])[1]]
    assert np.allclose(got, expected, atol=1e-5)


def test_packing() -> None:
    """Fixed-point numbers, component x lowest; ties go to the even integer, what is outside to the end."""
    source = """
        float4 v = float4(x[0], x[1], x[2], x[3]);
        out[0] = pack_float_to_unorm4x8(v); out[1] = pack_float_to_snorm4x8(v);
        out[2] = pack_half_to_unorm2x16(half2(v.xy)); out[3] = pack_float_to_snorm2x16(v.yz);
        out[4] = pack_float_to_unorm10a2(v);
        out[5] = as_type<uint>(unpack_snorm4x8_to_float(0x807f01ffu).x);
        out[6] = as_type<uint>(unpack_snorm4x8_to_float(0x807f01ffu).w);
        out[7] = as_type<uint>(float(unpack_unorm2x16_to_half(0xffff0000u).y));
        out[8] = as_type<uint>(unpack_unorm10a2_to_float(0xc00ffc00u).y);
        out[9] = pack_float_to_srgb_unorm4x8(float4(0.002f, 0.5f, 1.0f, 0.5f));
        out[10] = as_type<uint>(unpack_unorm4x8_srgb_to_float(0x80ff0a80u).y);
    """
    x = [0.5, -0.25, 2.0, 1.0]
    got = run(source, inputs={"x": mx.array(x)}, shape=(11,), dtype=mx.uint32, grid=(1, 1, 1)).tolist()

    def packed(values: list[float], bits: list[int], low: float) -> int:
        u, at = 0, 0
        for value, n in zip(values, bits, strict=True):
            top = (1 << (n - (low < 0))) - 1
            u |= (int(np.rint(np.clip(value, low, 1) * top)) & ((1 << n) - 1)) << at
            at += n
        return u

    assert got[:5] == [
        packed(x, [8] * 4, 0), packed(x, [8] * 4, -1), packed(x[:2], [16] * 2, 0), packed(x[1:3], [16] * 2, -1),
        packed(x, [10, 10, 10, 2], 0),
    ]  # fmt: skip
    floats = np.array(got[5:9], np.uint32).view(np.float32)
    assert np.array_equal(floats, np.array([-1 / 127, -1, 1, 1], np.float32))
    assert got[9] == 7 | 188 << 8 | 255 << 16 | 128 << 24  # IEC 61966-2-1: 12.92·0.002·255, 0.735·255
    assert np.isclose(np.array(got[10], np.uint32).view(np.float32), 10 / 255 / 12.92)


def test_geometry() -> None:
    source = """
        float3 i = float3(1, -1, 0), n = float3(0, 1, 0);
        float3 r = reflect(i, n), t = refract(normalize(i), n, 0.5f), none = refract(normalize(i), n, 2.0f);
        out[0] = r.x; out[1] = r.y; out[2] = t.x; out[3] = t.y; out[4] = length(none);
        out[5] = faceforward(n, i, n).y; out[6] = faceforward(n, -i, n).y;
        out[7] = fast::length(float2(3, 4)) + precise::distance(float2(0), float2(3, 4)) + fast::normalize(n).y;
        int e;
        float m = precise::frexp(6.0f, e);
        out[8] = fast::mix(1.0f, 3.0f, 0.5f) + precise::step(1.0f, 2.0f) + fast::ldexp(m, e);
        out[9] = fma(float2(1, 2), 3.0f, 4.0f).y + mix(0.0f, 2.0f, float2(0.5f)).x + mix(0.0f, float2(2), 0.5f).y;
        out[10] = smoothstep(0.0f, 1.0f, float2(0.5f)).x;
    """
    got = np.asarray(run(source, shape=(11,), grid=(1, 1, 1)))
    sine = np.sqrt(0.5) / 2  # Snell's law: half of the sine of 45°
    assert np.allclose(got, [1, 1, sine, -np.sqrt(1 - sine**2), 0, 1, -1, 11, 9, 12, 0.5])


def test_simd_functions() -> None:
    source = """
        uint l = thread_index_in_simdgroup, i = thread_position_in_grid.x;
        int v = x[i];
        device int* o = out + i * 24;
        o[0] = simd_sum(v); o[1] = simd_max(v); o[2] = simd_min(v); o[3] = simd_and(v); o[4] = simd_or(v);
        o[5] = simd_xor(v); o[6] = simd_prefix_inclusive_sum(v); o[7] = simd_prefix_exclusive_sum(v);
        o[8] = simd_broadcast(v, 7); o[9] = simd_broadcast_first(v); o[10] = simd_shuffle(v, (l * 5) % 32);
        o[11] = simd_shuffle_up(v, 3); o[12] = simd_shuffle_down(v, 3); o[13] = simd_shuffle_xor(v, 6);
        o[14] = simd_shuffle_rotate_up(v, 3); o[15] = simd_shuffle_rotate_down(v, 3);
        o[16] = simd_shuffle_and_fill_up(v, -v, 2); o[17] = simd_shuffle_and_fill_down(v, -v, 2);
        o[18] = simd_all(v > 0) * 2 + simd_any(v > 60); o[19] = popcount(uint(uint64_t(simd_ballot(v % 3 == 0))));
        o[20] = quad_sum(v); o[21] = quad_broadcast(v, 2); o[22] = quad_shuffle_xor(v, 1); o[23] = simd_is_first();
    """
    x = np.random.default_rng(3).integers(1, 90, 64).astype(np.int32)
    out = run(
        source,
        inputs={"x": mx.array(x)},
        shape=(64, 24),
        dtype=mx.int32,
        grid=(64, 1, 1),
        threadgroup=(64, 1, 1),
    )
    got = np.asarray(out)
    for s in range(2):
        v = x[32 * s : 32 * s + 32]
        lane = np.arange(32)
        quads = v.reshape(8, 4)
        rows = [
            np.full(32, v.sum()), np.full(32, v.max()), np.full(32, v.min()), np.full(32, np.bitwise_and.reduce(v)),
            np.full(32, np.bitwise_or.reduce(v)), np.full(32, np.bitwise_xor.reduce(v)), np.cumsum(v), np.cumsum(v) - v,
            np.full(32, v[7]), np.full(32, v[0]), v[(lane * 5) % 32], np.where(lane >= 3, v[lane - 3], v),
            np.where(lane < 29, v[(lane + 3) % 32], v), v[lane ^ 6], v[(lane - 3) % 32], v[(lane + 3) % 32],
            np.where(lane >= 2, v[lane - 2], -v[(lane - 2) % 32]),
            np.where(lane < 30, v[(lane + 2) % 32], -v[(lane + 2) % 32]),
            np.full(32, 2 + (v > 60).any()), np.full(32, (v % 3 == 0).sum()), np.repeat(quads.sum(1), 4),
            np.repeat(quads[:, 2], 4), v[lane ^ 1], lane == 0,
        ]  # fmt: skip
        assert np.array_equal(got[32 * s : 32 * s + 32], np.stack(rows, 1))
