"""Products on kernels: the values, the gradients, what runs on them, and how near they are."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import kernels, ops
from mlx_impl.kernels.dispatch import Decision
from mlx_impl.kernels.gemm import LARGEST, gemm_at_b, gemm_av, supports
from parity import msl
from parity.bounds import gamma
from parity.dtypes import FLOAT32, Float64
from parity.inputs import generator
from parity.msl import compiler

pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]
UNIT = {mx.float32: 2.0**-24, mx.float16: 2.0**-11, mx.bfloat16: 2.0**-8}


def normal(*shape: int, dtype: Any = mx.float32) -> mx.array:
    """Standard-normal numbers, the same for the same shape."""
    drawn = generator("gemm", *shape).standard_normal(shape).astype(np.float32)
    with mx.stream(mx.cpu):  # no GPU has float64
        return mx.array(drawn).astype(dtype)


def wide(x: mx.array) -> Float64:
    return np.array(x.astype(mx.float32), dtype=np.float64)


def within(got: mx.array, a: Float64, b: Float64, extra: Float64 | float = 0.0) -> None:
    """|got − (a·b + extra)| is at most γ of so many terms, and one rounding."""
    exact, magnitude = a @ b + extra, np.abs(a) @ np.abs(b) + np.abs(extra)
    bound = (gamma(a.shape[-1] + 1, UNIT[mx.float32]) + UNIT[got.dtype] * 1.01) * magnitude + 2.0**-24
    error = np.abs(wide(got) - exact)
    assert got.shape == exact.shape
    assert (error <= bound).all(), float((error / bound).max())


def on_kernels(function: Callable[..., Any], *arguments: Any) -> Any:
    with msl.installed(), kernels.use("on"):
        y = function(*arguments)
        mx.eval(y)
        return y


SHAPES = [
    ((1, 1), (1, 1)),
    ((7, 1), (1, 13)),  # an outer product
    ((1, 97), (97, 1)),  # an inner one
    ((31, 33), (33, 31)),
    ((33, 64), (64, 65)),
    ((2, 3, 5, 7), (7, 11)),  # one matrix for all
    ((3, 5, 7), (3, 7, 11)),
    ((2, 1, 5, 7), (1, 3, 7, 4)),  # both are broadcast
    ((5, 7), (2, 7, 4)),
    ((5, 7), (1, 1, 7, 4)),
]


@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = normal(*a), normal(*b)
    within(on_kernels(ops.matmul, x, y), wide(x), wide(y))


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16], ids=str)
def test_half_precision_is_rounded_once(dtype: Any) -> None:
    x, y = normal(33, 300, dtype=dtype), normal(300, 40, dtype=dtype)
    within(on_kernels(ops.matmul, x, y), wide(x), wide(y))


@pytest.mark.parametrize("tile", ["32x32x32", "64x32x16", "32x64x16", "32x128x16", "128x64x16"])
@pytest.mark.parametrize("matrix", [True, False])
def test_every_tile_says_the_same(tile: str, matrix: bool) -> None:
    """A larger tile, another depth, scalar products: within the same bound; of 128 sides in half only."""
    dtype = mx.float16 if tile.startswith("128") else mx.float32
    a, b = normal(1, 70, 40, dtype=dtype), normal(1, 40, 67, dtype=dtype)
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}
    within(on_kernels(lambda p, q: gemm_av(p, q, **how), a, b), wide(a), wide(b))
    if matrix:
        turned = mx.contiguous(mx.swapaxes(a, 1, 2))
        c, sums = on_kernels(lambda p, q: gemm_at_b(p, q, **how), turned, b)
        within(c, wide(a), wide(b))
        within(sums, wide(a), np.ones((40,)))


def test_inputs_that_are_not_contiguous() -> None:
    """Every other row, a transposed matrix, rows backwards."""
    a, b = mx.swapaxes(normal(30, 21), 0, 1)[::2], normal(60, 9)[::-2]
    within(on_kernels(ops.matmul, a, b), wide(a), wide(b))


def test_what_lies_beyond_the_edges_stays_there() -> None:
    """Infinities and NaN go to their own rows and columns only."""
    a, b = normal(5, 7), normal(7, 6)
    a[2, 3], b[4, 1] = mx.array(np.inf), mx.array(np.nan)
    got, native = wide(on_kernels(ops.matmul, a, b)), wide(mx.matmul(a, b))
    assert (np.isnan(got) == np.isnan(native)).all()
    assert (np.isinf(got) == np.isinf(native)).all()


@pytest.mark.parametrize(
    ("shape", "out"), [((3, 5, 7), 9), ((33,), 4), ((1, 1), 1), ((2, 40, 70), 66)], ids=str
)
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(shape: tuple[int, ...], out: int, with_bias: bool) -> None:
    x, w, b = normal(*shape), normal(out, shape[-1]), normal(out) if with_bias else None
    got = on_kernels(ops.linear, x, w, b)
    exact = np.atleast_2d(wide(x))
    within(mx.reshape(got, (*exact.shape[:-1], out)), exact, wide(w).T, wide(b) if b is not None else 0.0)
    assert got.shape == (*shape[:-1], out)


WORDS: dict[str, tuple[Callable[..., mx.array], tuple[tuple[int, ...], ...]]] = {
    "matmul": (ops.matmul, ((3, 5, 7), (3, 7, 4))),
    "matmul broadcast": (ops.matmul, ((3, 5, 7), (7, 4))),
    "linear": (ops.linear, ((2, 5, 7), (9, 7), (9,))),
    "linear without bias": (ops.linear, ((2, 5, 7), (9, 7))),
}


def gradients(function: Callable[..., mx.array], inputs: list[mx.array], **more: Any) -> list[mx.array]:
    """The result, and the gradients for a cotangent that is different everywhere."""
    shape = function(*inputs, kernel=False).shape
    outputs, found = mx.vjp(lambda *x: function(*x, **more), inputs, [normal(*shape)])
    mx.eval(outputs, found)
    return [*outputs, *found]


@pytest.mark.parametrize("name", WORDS)
def test_gradients_are_those_of_mlx(name: str) -> None:
    function, shapes = WORDS[name]
    inputs = [normal(*s) for s in shapes]
    got = on_kernels(lambda: gradients(function, inputs))
    for mine, theirs in zip(got, gradients(function, inputs, kernel=False), strict=True):
        assert mine.shape == theirs.shape
        assert np.allclose(wide(mine), wide(theirs), rtol=1e-5, atol=1e-5)  # at most 15 terms of size 10


def test_gradients_of_gradients() -> None:
    """The kernels are each other's gradients, and so on."""
    w, b, x = normal(3, 4), normal(3), normal(5, 4)

    def slope(kernel: bool) -> mx.array:
        def loss(v: mx.array) -> mx.array:
            return mx.sum(mx.square(ops.linear(v, w, b, kernel=kernel)))

        found: mx.array = mx.grad(lambda v: mx.sum(mx.square(mx.grad(loss)(v))))(x)
        return found

    with msl.installed():
        mine = slope(True)
        mx.eval(mine)
    assert np.allclose(wide(mine), wide(slope(False)), rtol=1e-4, atol=1e-3)


def lazily(**made: Any) -> Callable[..., list[mx.array]]:
    """In place of the kernels MLX's own operations, which need no values: a map has none to give."""

    def run(inputs: list[mx.array], template: list[tuple[str, Any]], **_: Any) -> list[mx.array]:
        a, b, *bias = inputs
        chosen = dict(template)
        if made["name"] == "gemm_at_b":
            return [mx.matmul(mx.swapaxes(a, 1, 2), b), mx.sum(a, axis=1)]
        c = mx.matmul(a, mx.swapaxes(b, 1, 2) if chosen["TRANSPOSED"] else b)
        return [mx.add(c, bias[0]) if chosen["BIAS"] else c]

    return run


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx.fast, "metal_kernel", lazily)


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("axes", [(0, None, None), (None, 0, None), (None, None, 0), (1, 1, None), (0, 0, 0)])
def test_vmap(axes: tuple[int | None, ...]) -> None:
    """Over x, the weight, the bias, or several; along any axis."""
    given = [(5, 7), (9, 7), (9,)]
    inputs = [
        normal(*(s if axis is None else (*s[:axis], 3, *s[axis:])))
        for s, axis in zip(given, axes, strict=True)
    ]
    with kernels.use("on"):
        mine = mx.vmap(ops.linear, in_axes=axes)(*inputs)
    each = (
        [x if axis is None else mx.take(x, i, axis=axis) for x, axis in zip(inputs, axes, strict=True)]
        for i in range(3)
    )
    theirs = mx.stack([ops.linear(*one, kernel=False) for one in each])  # MLX cannot map the c of addmm
    assert np.allclose(wide(mine), wide(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("lazy")
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_of_gradients(axes: tuple[int | None, ...]) -> None:
    """Of the input and of the weight: the second is a product with the first matrix transposed."""
    x, w = (normal(*((3,) * (axis == 0)), *s) for s, axis in zip([(5, 7), (9, 7)], axes, strict=True))

    def run(kernel: bool) -> tuple[mx.array, ...]:
        loss = mx.grad(lambda v, u: mx.sum(mx.square(ops.linear(v, u, kernel=kernel))), argnums=(0, 1))
        found: tuple[mx.array, ...] = mx.vmap(loss, in_axes=axes)(x, w)
        return found

    for mine, theirs in zip(run(True), run(False), strict=True):
        assert np.allclose(wide(mine), wide(theirs), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (normal(3, 0), normal(0, 4), "nothing to compute"),
        (normal(3, 4), normal(4, 2).astype(mx.float16), "the dtypes differ"),
        (normal(3, 4, dtype=mx.float64), normal(4, 3, dtype=mx.float64), "float64"),
    ],
    ids=["empty", "mixed", "double"],
)
def test_what_the_kernel_cannot_run_says_why(a: mx.array, b: mx.array, says: str) -> None:
    """It runs on MLX's own operations, and an observer hears the reason; a caller who insists, too."""
    heard: list[Decision] = []
    with mx.stream(mx.cpu), kernels.use("on"), kernels.observing(heard.append):
        assert ops.matmul(a, b).shape == (3, b.shape[1])
    assert [(d.word, d.kernel, d.ran) for d in heard] == [("matmul", "gemm_av", False)]
    assert says in heard[0].reason
    with pytest.raises(ValueError, match=r"matmul\(kernel=True\): kernel gemm_av cannot run this") as raised:
        ops.matmul(a, b, kernel=True)
    assert says in str(raised.value)


def test_indices_of_32_bits() -> None:
    support = supports(normal(2, 2), made=LARGEST)
    assert not support
    assert f"{LARGEST:,}" in support.reason


def test_a_wrong_tile_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_IMPL_GEMM_TILE", "33x32x16")
    with pytest.raises(ValueError, match="rows of 33"):
        ops.matmul(normal(3, 4), normal(4, 3), kernel=True)


def errors(k: int) -> dict[str, float]:
    """RMS errors of one product with k terms, over the RMS of the result."""
    a, b = normal(32, k), normal(k, 32)
    exact = wide(a) @ wide(b)
    scale = np.sqrt(np.mean(exact**2))
    found: dict[str, mx.array] = {
        "kernel": on_kernels(ops.matmul, a, b),
        "scalar": on_kernels(lambda p, q: gemm_av(p[None], q[None], matrix=False)[0], a, b),
        "mlx": mx.matmul(a, b),
    }
    return {n: float(np.sqrt(np.mean((wide(y) - exact) ** 2)) / scale) for n, y in found.items()}


@pytest.mark.parametrize("k", [192, 768, 3072])
def test_as_near_as_mlx_or_nearer(k: int) -> None:
    """Steps of 16 summed by themselves: γ of 16 + k/16 terms, where a plain sum has γ of k."""
    found = errors(k)
    assert found["kernel"] <= found["mlx"], found
    assert found["scalar"] <= found["mlx"], found
    a, b = normal(32, k), normal(k, 32)
    steps = gamma(16 + -(-k // 16), FLOAT32.unit_roundoff) * (np.abs(wide(a)) @ np.abs(wide(b)))
    assert (np.abs(wide(on_kernels(ops.matmul, a, b)) - wide(a) @ wide(b)) <= steps).all()
