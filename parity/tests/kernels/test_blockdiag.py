"""Block-diagonal products on kernels, plain and gated: the values, the gradients, and how near they are."""

import math
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import kernels, ops
from mlx_impl.kernels.blockdiag import blockdiag_glu
from mlx_impl.kernels.dispatch import Decision
from parity import msl
from parity.dtypes import Float64
from parity.inputs import generator
from parity.msl import compiler
from parity.specs.definitions import dense_blockdiag, dense_glu

pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]


def normal(*shape: int, dtype: Any = mx.float32) -> mx.array:
    drawn = generator("blockdiag", *shape).standard_normal(shape).astype(np.float32)
    return mx.array(drawn).astype(dtype)


def wide(x: mx.array) -> Float64:
    return np.array(x.astype(mx.float32), dtype=np.float64)


def on_kernels(function: Callable[..., Any], *arguments: Any) -> Any:
    with msl.installed(), kernels.use("on"):
        y = function(*arguments)
        mx.eval(y)
        return y


SIZES = [
    ((1,), 1, 2, 1),
    ((3,), 3, 2, 5),  # a half ends within a block
    ((2, 5), 4, 3, 7),
    ((33,), 2, 33, 17),
    ((4, 31), 8, 4, 16),
    ((65,), 1, 70, 33),  # both halves from one block
    ((5,), 5, 66, 3),
]
sizes = pytest.mark.parametrize(("batch", "k", "q", "p"), SIZES)


@sizes
def test_the_product(batch: tuple[int, ...], k: int, q: int, p: int) -> None:
    x, w = normal(*batch, k * p), normal(k, q, p)
    got, exact = (
        wide(on_kernels(ops.blockdiag_multiply, x, w)),
        dense_blockdiag({"x": wide(x), "weight": wide(w)}, {}),
    )
    bound = 2.0**-24 * (p + 2) * dense_blockdiag({"x": np.abs(wide(x)), "weight": np.abs(wide(w))}, {})
    assert got.shape == exact.shape
    assert (np.abs(got - exact) <= bound).all()


def slope(words: dict[str, Float64], p: int) -> Float64:
    """How far gelu(a)·b may be off: both halves by γ, GELU by 6 ulp of its own, the product by a rounding.

    GELU's slope is at most 1.13.
    """
    u = 2.0**-24
    a, b = np.split(dense_blockdiag(words, {}), 2, axis=-1)
    sizes = {n: np.abs(v) for n, v in words.items()}
    off_a, off_b = (u * (p + 2) * part for part in np.split(dense_blockdiag(sizes, {}), 2, axis=-1))
    return np.asarray(1.13 * off_a * np.abs(b) + np.abs(a) * off_b + 16 * u * np.abs(a * b) + off_a * off_b)


@sizes
@pytest.mark.parametrize("matrix", [True, False])
def test_the_gated_product(batch: tuple[int, ...], k: int, q: int, p: int, matrix: bool) -> None:
    """Feature f and its gate f + k·q/2, wherever they are."""
    x, w = normal(*batch, k * p), normal(k, q, p)
    words = {"x": wide(x), "weight": wide(w)}
    flat = mx.reshape(x, (-1, k * p))
    got = (
        on_kernels(ops.blockdiag_glu, x, w)
        if matrix
        else mx.reshape(on_kernels(lambda *a: blockdiag_glu(*a, matrix=False), flat, w), (*batch, k * q // 2))
    )
    exact = dense_glu(words, {})
    assert got.shape == exact.shape
    assert (np.abs(wide(got) - exact) <= slope(words, p)).all()


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16], ids=str)
def test_half_precision_is_rounded_once(dtype: Any) -> None:
    """Within half a unit of the exact result for the inputs as they are, where the sum itself is near."""
    x, w = normal(20, 12, dtype=dtype), normal(4, 18, 3, dtype=dtype)
    got, exact = wide(on_kernels(ops.blockdiag_glu, x, w)), dense_glu({"x": wide(x), "weight": wide(w)}, {})
    unit = 2.0**-11 if dtype == mx.float16 else 2.0**-8
    assert (np.abs(got - exact) <= 1.01 * unit * np.abs(exact) + 2.0**-20).all()


@pytest.mark.parametrize("word", [ops.blockdiag_multiply, ops.blockdiag_glu], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("k", "q", "p"), [(4, 3, 7), (3, 34, 5), (1, 6, 33)])
def test_gradients_are_those_of_mlx(word: Callable[..., mx.array], k: int, q: int, p: int) -> None:
    x, w = normal(2, 9, k * p), normal(k, q, p)
    g = normal(*word(x, w, kernel=False).shape)

    def run(kernel: bool) -> list[mx.array]:
        outputs, found = mx.vjp(lambda *a: word(*a, kernel=kernel), [x, w], [g])
        return [*outputs, *found]

    for mine, theirs in zip(on_kernels(run, True), run(False), strict=True):
        assert mine.shape == theirs.shape
        scale = float(np.abs(wide(theirs)).max())
        assert np.abs(wide(mine) - wide(theirs)).max() <= 2.0**-24 * 64 * scale


def test_gradients_of_gradients_of_the_product() -> None:
    x, w = normal(3, 8), normal(2, 3, 4)

    def run(kernel: bool) -> mx.array:
        def loss(v: mx.array, u: mx.array) -> mx.array:
            return mx.sum(mx.square(ops.blockdiag_multiply(v, u, kernel=kernel)))

        found: mx.array = mx.grad(lambda v: mx.sum(mx.square(mx.grad(loss, argnums=1)(v, w))))(x)
        return found

    assert np.allclose(wide(on_kernels(run, True)), wide(run(False)), rtol=1e-4, atol=1e-3)


def test_one_launch_and_who_hears_of_it() -> None:
    """The gated product is one kernel; without it, it is four words of which one has a kernel."""
    x, w = normal(3, 8), normal(2, 3, 4)
    heard: list[Decision] = []
    launched: list[str] = []
    with msl.observing(lambda k, _c, _o: launched.append(k.text.name)), kernels.observing(heard.append):
        on_kernels(ops.blockdiag_glu, x, w)
    assert [(d.word, d.ran) for d in heard] == [("blockdiag_glu", True)]
    assert launched == ["blockdiag_glu"]
    heard.clear()
    with kernels.use("off"), kernels.observing(heard.append):
        ops.blockdiag_glu(x, w)
    assert [(d.word, d.ran) for d in heard] == [("blockdiag_glu", False), ("blockdiag_multiply", False)]


def test_a_caller_who_insists_hears_why_not() -> None:
    with pytest.raises(ValueError, match=r"blockdiag_glu\(kernel=True\).*the dtypes differ"):
        ops.blockdiag_glu(normal(3, 8), normal(2, 3, 4).astype(mx.float16), kernel=True)
    with pytest.raises(ValueError, match=r"blockdiag_multiply\(kernel=True\).*nothing to compute"):
        ops.blockdiag_multiply(normal(0, 8), normal(2, 3, 4), kernel=True)


def functions(x: np.ndarray[Any, Any]) -> dict[str, Float64]:
    """erf, Φ, GELU and its slope in double precision."""
    erfc = np.array([math.erfc(-t / math.sqrt(2)) for t in x])
    return {
        "erf": np.array([math.erf(t) for t in x]),
        "share": erfc / 2,
        "gelu": x * erfc / 2,
        "slope": erfc / 2 + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    }


def test_the_error_function() -> None:
    """Within 2 ulp, Φ and GELU within 8 over their whole range, the slope within 4 ulp of one.

    Measured on 350,000 points: 1.1, 5.4, 5.8 and 2.2.
    """
    from mlx_impl.kernels.metal_kernel import file_text

    header = file_text("blockdiag_glu").partition("inline float scaled_erfc")
    kernel = msl.metal_kernel(
        name="functions",
        input_names=["x"],
        output_names=["erf", "share", "gelus", "slope"],
        header="inline float scaled_erfc" + header[2].partition("struct Segment")[0],
        source="uint i = thread_position_in_grid.x; erf[i] = error_function(x[i]);"
        " share[i] = normal_share(x[i]); gelus[i] = gelu(x[i]); slope[i] = gelu_slope(x[i]);",
    )
    rng = generator("erf")
    x = np.concatenate(
        [np.linspace(-12, 12, 6001), rng.standard_normal(3000), 10.0 ** rng.uniform(-30, 1, 2000)]
    )
    x = np.concatenate([x, [0, 1, -1, math.sqrt(2), -math.sqrt(2), 1e30, -1e30]]).astype(np.float32)
    got = kernel(
        inputs=[mx.array(x)],
        grid=(len(x), 1, 1),
        threadgroup=(64, 1, 1),
        output_shapes=[x.shape] * 4,
        output_dtypes=[mx.float32] * 4,
    )
    for (name, exact), y, ulps in zip(
        functions(x.astype(np.float64)).items(), got, (2, 8, 8, 4), strict=True
    ):
        unit = np.spacing(np.maximum(np.abs(exact), np.finfo(np.float32).tiny).astype(np.float32))
        unit = np.maximum(unit, 2.0**-24) if name == "slope" else unit
        assert (np.abs(wide(y) - exact) <= ulps * unit).all(), name
