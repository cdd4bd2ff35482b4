"""The long convolution's kernels: any length, both directions, epilogues, gradients; how near; how exact."""

import math
import re
import struct
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import kernels, ops
from mlx_impl.kernels.dispatch import Decision
from mlx_impl.kernels.fft_conv import LONGEST, LONGEST_EXACT, fft_conv, supports
from mlx_impl.kernels.fft_geometry import options, points
from mlx_impl.kernels.metal_kernel import file_text
from parity import msl
from parity.dtypes import AnyArray, Float64
from parity.inputs import generator
from parity.msl import compiler
from parity.specs.accuracy import KNOWN, maximum_errors
from parity.specs.kernels import long

from .running import bits

pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]


def arguments(
    b: int, d: int, length: int, m: int, rev: int = 0, *, gate: bool = False, extra: bool = False
) -> dict[str, AnyArray]:
    """Standard-normal arguments by name."""
    rng = generator("fft_conv", b, d, length, m, rev)
    shapes: dict[str, tuple[int, ...]] = {"u": (b, d, length), "k": (d, m), "D": (d,)}
    shapes |= {"k_rev": (d, rev)} if rev else {}
    shapes |= {"gate": (b, d, length)} if gate else {}
    shapes |= {"extra": (b, d, length)} if extra else {}
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def exactly(given: dict[str, AnyArray]) -> Float64:
    """The result in double precision, by NumPy's transform."""
    x = {n: v.astype(np.float64) for n, v in given.items()}
    length = x["u"].shape[-1]
    n = 2 * length
    spectrum = np.fft.rfft(x["k"], n=n)
    if "k_rev" in x:
        spectrum = spectrum + np.conj(np.fft.rfft(x["k_rev"], n=n))
    y = np.fft.irfft(np.fft.rfft(x["u"], n=n) * spectrum, n=n)[..., :length] + x["u"] * x["D"][:, None]
    return np.asarray(y * x.get("gate", 1.0) + x.get("extra", 0.0))


def run(given: dict[str, AnyArray], **choices: Any) -> AnyArray:
    with msl.installed():
        named: dict[str, Any] = {n: mx.array(x) for n, x in given.items()}
        return np.array(fft_conv(**named, **choices))


CASES = [
    (2, 3, 1, 1, 0, False, False),
    (2, 3, 2, 4, 1, True, True),
    (2, 3, 7, 9, 5, False, True),
    (1, 2, 65, 65, 0, True, False),
    (3, 2, 130, 260, 100, True, True),
    (1, 1, 2049, 2049, 0, False, False),  # the longest within threadgroup memory are of 4,096
    (1, 2, 4097, 8000, 10, True, True),  # the shortest that are streamed
    (1, 1, 16385, 16385, 0, False, False),
]


@pytest.mark.parametrize(("b", "d", "length", "m", "rev", "gate", "extra"), CASES)
def test_any_length(b: int, d: int, length: int, m: int, rev: int, gate: bool, extra: bool) -> None:
    """Near the exact result, by the steps of radix two that three transforms have.

    Each step rounds by about u/√2 of the row's root mean square at most (Higham 2002, §24), and random errors
    add in squares: a unit and a half leaves room for the epilogues.
    """
    given = arguments(b, d, length, m, rev, gate=gate, extra=extra)
    wanted = exactly(given)
    error = run(given).astype(np.float64) - wanted
    steps = 3 * math.log2(2 * points(length))
    assert np.sqrt(np.mean(error**2) / np.mean(wanted**2)) <= 1.5 * 2**-24 * math.sqrt(steps)


@pytest.mark.parametrize("case", [*CASES[:5], (1, 2, 2050, 4100, 30, True, False)], ids=str)
def test_gradients(case: tuple[Any, ...]) -> None:
    """Every argument's gradient is that of the same function on MLX's own operations."""
    compare_gradients(*case, exact=case[2] > 2048)  # in double-double that is streamed


def test_gradients_of_long_rows(request: pytest.FixtureRequest) -> None:
    """Where threads have few registers, and streamed; if deep, in as many blocks as there can be."""
    deep = request.config.getoption("parity_profile", None) == "deep"
    for length in (3001, 4098, 40000) if deep else (3001, 4098):
        compare_gradients(2, 1, length, length, 0, False, False, exact=False)


def compare_gradients(
    b: int, d: int, length: int, m: int, rev: int, gate: bool, extra: bool, *, exact: bool
) -> None:
    given = {n: mx.array(x) for n, x in arguments(b, d, length, m, rev, gate=gate, extra=extra).items()}
    g = mx.array(generator("cotangent", length).standard_normal((b, d, length)).astype(np.float32))
    names = list(given)

    def plain(*xs: mx.array) -> mx.array:
        x = dict(zip(names, xs, strict=True))
        y = ops.long_conv(x["u"], x["k"], x["D"], x.get("k_rev"))
        y = y * x["gate"] if gate else y
        return y + x["extra"] if extra else y

    _, wanted = mx.vjp(plain, list(given.values()), [g])

    def own(*xs: mx.array) -> mx.array:
        x: dict[str, Any] = dict(zip(names, xs, strict=True))
        return fft_conv(**x, exact=exact)

    with msl.installed():
        _, found = mx.vjp(own, list(given.values()), [g])
    # Five deviations of two results, as in test_any_length.
    bound = 2 * 5 * 1.5 * 2**-24 * math.sqrt(3 * math.log2(2 * points(length)))
    for name, ours, theirs in zip(names, found, wanted, strict=True):
        a, b_ = np.array(ours, np.float64), np.array(theirs, np.float64)
        assert a.shape == b_.shape
        # A skip's gradient is one sum of products, whose size by itself says nothing of what was rounded.
        size = max(np.abs(b_).max(), math.sqrt(b * length) if name == "D" else 0.0)
        assert np.abs(a - b_).max() <= bound * size, name


@pytest.mark.parametrize("length", [1, 64, 100, 200, 300, 1000, 2048])
def test_double_double_is_correctly_rounded(length: int) -> None:
    """Within one unit of the correctly rounded result everywhere, epilogues included."""
    given = arguments(2, 2, length, 2 * length, length, gate=True, extra=True)
    assert ulps(run(given, exact=True), exactly(given)) <= 1


def test_double_double_while_streamed(request: pytest.FixtureRequest) -> None:
    """The same beyond threadgroup memory; to its longest if deep."""
    deep = request.config.getoption("parity_profile", None) == "deep"
    for length in (2050, 32768) if deep else (2050,):
        given = arguments(1, 1, length, length)
        assert ulps(run(given, exact=True), exactly(given)) <= 1


def ulps(found: AnyArray, wanted: Float64) -> float:
    """The largest distance in units in the last place of the correctly rounded result."""
    rounded = wanted.astype(np.float32)
    return float((np.abs(found.astype(np.float64) - rounded) / np.spacing(np.abs(rounded))).max())


def test_exactness_holds_in_every_mode() -> None:
    """Fused, flushed and inexact functions change no bit of a double-double result."""
    given = arguments(1, 2, 300, 600, 300, gate=True, extra=True)
    first = run(given, exact=True)
    for mode in msl.fpmodes.MODES[1:]:
        asked: dict[str, Any] = {n: getattr(mode, n) for n in ("contract", "flush", "fast_math", "math")}
        with msl.installed(**asked):
            again = np.array(fft_conv(**{n: mx.array(x) for n, x in given.items()}, exact=True))
        assert np.array_equal(first, again), mode.name


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16], ids=str)
@pytest.mark.parametrize("length", [64, 4098])
def test_views_that_start_at_odd_places(length: int, dtype: Any, request: pytest.FixtureRequest) -> None:
    """Rows of an even length at an odd place of a larger array give the bits of copies, both ways."""
    deep = request.config.getoption("parity_profile", None) == "deep"
    if not deep and (length, dtype) != (64, mx.float16):
        pytest.skip("the deep profile has every dtype, and streamed rows")
    shapes = ((1, 2, length), (2, length), (1, 2, length))
    rng = generator("odd", length)
    flat = mx.array(rng.standard_normal(1 + 6 * length).astype(np.float32)).astype(dtype)
    D = mx.array(rng.standard_normal(2).astype(np.float32)).astype(dtype)
    later = mx.array(np.array(flat.astype(mx.float32))[1:]).astype(dtype)

    def run_on(memory: mx.array, first: int) -> list[bytes]:
        given = []
        for shape in shapes:
            given.append(mx.reshape(memory[first : first + math.prod(shape)], shape))
            first += math.prod(shape)
        mx.eval(memory, given)
        u, k, gate = given
        with msl.installed():
            y, found = mx.vjp(lambda u, k, D, gate: fft_conv(u, k, D, gate=gate), [u, k, D, gate], [u])
            mx.eval(y, found)
        return [bits(x) for x in (*y, *found)]

    assert run_on(flat, 1) == run_on(later, 0)


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16], ids=str)
def test_pairs_are_read_where_they_are_aligned(dtype: Any) -> None:
    """The kernels look where an array begins; had they not, the executor would find the access misaligned."""
    body = """
        const device T* from = x + options[0];
        const bool pairs = FORCED || Pair<true>::template at<T>(from);
        const float2 v = Pair<true>::template load<T>(from, 0, 2 * thread_position_in_grid.x, 62, pairs);
        out[2 * thread_position_in_grid.x] = pairs ? v.x : -v.x;
        out[2 * thread_position_in_grid.x + 1] = v.y;
    """
    header = file_text("fft_rows")[
        : file_text("fft_rows").index("template <typename U, typename T, int Q, int BLOCK, bool EXACT>")
    ]
    kernel = msl.metal_kernel(
        name="pairs", input_names=["x", "options"], output_names=["out"], source=body, header=header
    )

    def read(first: int, forced: bool) -> list[float]:
        (out,) = kernel(
            inputs=[mx.arange(1, 65).astype(dtype), mx.array([first], dtype=mx.int32)],
            template=[("T", dtype), ("FORCED", forced)],
            grid=(31, 1, 1),
            threadgroup=(31, 1, 1),
            output_shapes=[(62,)],
            output_dtypes=[mx.float32],
        )
        return list(out.tolist())

    def counted(first: int, sign: int) -> list[int]:
        return [(sign if i % 2 == 0 else 1) * (i + 1 + first) for i in range(62)]

    assert [read(first, False) for first in (0, 1, 2)] == [counted(0, 1), counted(1, -1), counted(2, 1)]
    with pytest.raises(msl.KernelFindingsError, match="misaligned"):
        read(1, True)


def test_rows_are_independent() -> None:
    """A NaN in one row leaves every other row's bits alone."""
    given = arguments(3, 2, 100, 100)
    clean = run(given)
    given["u"] = given["u"].copy()
    given["u"][1, 0, 5] = np.nan
    broken = run(given)
    assert np.isnan(broken[1, 0]).any()
    mask = np.ones((3, 2), bool)
    mask[1, 0] = False
    assert np.array_equal(clean[mask], broken[mask])


def test_the_known_figures() -> None:
    """Below the largest errors that are known, and in double-double below half of them."""
    for row in maximum_errors([64, 256, 512]):
        assert row.kernel.largest < KNOWN[row.length]
        assert row.exact.largest < KNOWN[row.length] / 2
        assert row.ulps <= 1


def test_supports() -> None:
    """No, with a reason."""
    u, k, D = mx.zeros((1, 2, 8)), mx.zeros((2, 8)), mx.zeros((2,))
    assert supports(u, k, D)
    assert "float16" in supports(u, k.astype(mx.float16), D).reason
    assert str(LONGEST) in supports(mx.zeros((1, 1, LONGEST + 1)), k, D).reason
    assert str(LONGEST_EXACT) in supports(mx.zeros((1, 1, LONGEST)), k, D, exact=True).reason
    assert "nothing" in supports(mx.zeros((0, 2, 8)), k, D).reason
    with pytest.raises(ValueError, match="int32"):
        ops.long_conv(u, k.astype(mx.int32), D, kernel=True)


def test_the_word_runs_on_it() -> None:
    """Wherever the context says so, in double-double if the profile does, and nowhere else."""
    heard: list[Decision] = []
    given: dict[str, Any] = {n: mx.array(x) for n, x in arguments(1, 2, 100, 200).items()}
    with kernels.observing(heard.append):
        plain = ops.long_conv(**given)
        with msl.installed(), kernels.use("on"):
            on = ops.long_conv(**given)
            exact = ops.long_conv(**given, profile="stable")
            off = ops.long_conv(**given, kernel=False)
    assert [d.ran for d in heard] == [False, True, True, False]
    assert mx.array_equal(plain, off)
    assert not mx.array_equal(on, exact)


def test_the_tables() -> None:
    """Every root is the exact one, in two floats."""
    text = file_text("fft_conv")
    for name, step in (("ROOTS_COARSE", 256), ("ROOTS_FINE", 1)):
        body = text[text.index(f"{name}[256]") :]
        entries = re.findall(r"float4\((.*?)\)", body)[:256]
        for i, entry in enumerate(entries):
            re_hi, im_hi, re_lo, im_lo = (float(x.rstrip("f")) for x in entry.split(", "))
            angle = -2 * math.pi * i * step / 65536
            for hi, lo, exact in ((re_hi, re_lo, math.cos(angle)), (im_hi, im_lo, math.sin(angle))):
                assert struct.unpack("f", struct.pack("f", hi))[0] == pytest.approx(hi, rel=1e-8, abs=1e-45)
                assert abs(np.float64(np.float32(hi)) + np.float64(np.float32(lo)) - exact) <= 2**-47


def test_wrong_shapes_reach_no_kernel() -> None:
    """The gated word refuses what the plain one refuses, before anything is launched."""
    u, gate = mx.zeros((1, 4, 16)), mx.zeros((1, 4, 16))
    k, D = mx.zeros((4, 16)), mx.zeros((4,))
    with msl.installed(), kernels.use("on"):
        for wrong in (
            {"k": mx.zeros((2, 16))},
            {"k": mx.zeros((7, 16))},
            {"D": mx.zeros((2,))},
            {"D": mx.zeros((4, 1))},
            {"k_rev": mx.zeros((1, 16))},
            {"k_rev": mx.zeros((4, 40))},
        ):
            given: dict[str, Any] = {"u": u, "k": k, "D": D, "gate": gate, **wrong}
            with pytest.raises(ValueError, match=r"has (shape|\d+ taps)"):
                ops.gated_long_conv(**given)


def test_specs_ask_as_the_kernels_read() -> None:
    """The bits in the specs, which know no framework, are those that launches get."""
    names = ("reverse", "flip", "gate", "add")
    for i in range(16):
        asked = {name: bool(i >> j & 1) for j, name in enumerate(names)}
        for pairs, length in ((True, 8), (False, 9)):
            made = options(mx.zeros((1, 2, length)), **asked)
            spec = long._options(
                reverse=asked["reverse"],
                flip=asked["flip"],
                gated=asked["gate"],
                added=asked["add"],
                pairs=pairs,
            )
            assert made.tolist() == [spec]
