"""The implicit filter: every tile edge, sines as inexact as Metal's may be, gradients, refusals."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import ops
from mlx_impl.kernels.hyena_filter import hyena_filter, supports
from mlx_impl.kernels.sums import SEGMENT, fold, outer_sums
from parity.mutants.bugs._edits import PARITY, Edit, edited

from .running import bits, judged, needs_compiler, on_kernels
from .test_batching import Rule

pytest.importorskip("torch", reason="the oracle needs PyTorch")
pytestmark = needs_compiler
live = pytest.mark.parity_live

WORD = "hyena_filter_forward"
word: Any = ops.hyena_filter_forward
METAL = {"math": "drawn", "contract": True, "flush": True}
"""Functions as inexact as the specification's table 8.1 allows, products and sums fused, no subnormals."""


def drawn(
    length: int = 40, e: int = 5, o: int = 9, d: int = 10, j: int = 2, dtype: mx.Dtype = mx.float32
) -> Any:
    """The arguments of the word, weights as a network has them."""
    rng = np.random.default_rng(length)

    def normal(*shape: int, scale: float = 1.0) -> mx.array:
        return mx.array((scale * rng.standard_normal(shape)).astype(np.float32))

    z, t = ops.positional_embedding(length, e)
    arrays = [
        z, t, normal(o, e, scale=e**-0.5), normal(o), normal(j, o, o, scale=o**-0.5), normal(j, o),
        normal(d, o, scale=o**-0.5), normal(1, o), normal(1, 1, d, scale=4.0),
    ]  # fmt: skip
    return [mx.astype(a, dtype) for a in arrays]


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize(
    "sizes",
    [
        "l=31;e=3;o=7;d=31;j=2",  # one less than a tile has, each way
        "l=32;e=31;o=8;d=32;j=2",
        "l=33;e=32;o=9;d=33;j=2",  # an even number of features
        "l=65;e=65;o=16;d=65;j=2",  # features in three blocks
        "l=33;e=5;o=33;d=20;j=2",  # more features between layers than 32, 64
        "l=33;e=5;o=128;d=20;j=2",
        "l=1;e=3;o=1;d=1;j=1",
        "l=97;e=5;o=13;d=17;j=2;opt.shift=0.05;layout=transposed",
    ],
)
def test_around_every_edge(sizes: str) -> None:
    """Of positions, features, layers and channels: outputs and gradients."""
    at, _, layout = sizes.partition(";layout")
    layout = f";layout{layout}" if layout else ""
    assert judged(f"{WORD};{at};dtype=f32{layout};vjp").status == "pass"


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize("w_mod", [1.0, 10.0])
def test_with_sines_as_inexact_as_metals(w_mod: float) -> None:
    """Parity holds for any errors within the table, arguments in the hundreds or not."""
    case = f"{WORD};l=33;e=5;o=16;d=16;j=2;dtype=f32;opt.w_mod={w_mod};vjp"
    assert judged(case, **METAL).status == "pass"


@live
@pytest.mark.parity_slow
def test_fast_sines_are_red() -> None:
    """Why the kernel says ``precise::``: what a plain one is depends on how the text is compiled."""
    fast = Edit("hyena_filter", "precise::sin(", "fast::sin(", PARITY, "")
    with edited(fast):
        assert judged(f"{WORD};l=33;e=5;o=16;d=16;j=2;dtype=f32", **METAL).status == "fail"


@pytest.mark.parity_slow
def test_no_inner_layers() -> None:
    """Nothing to point at, and nothing read."""
    arrays = drawn(j=0, d=16, o=16)
    g = mx.random.normal((1, 40, 16), key=mx.random.key(0))

    def of(*a: mx.array) -> Any:
        return word(*a, modulate=False)

    with on_kernels() as heard:
        (h,), mine = mx.vjp(of, arrays, [g])
        mx.eval(h, mine)
    assert [d.ran for d in heard] == [True]
    (native,), theirs = mx.vjp(of, arrays, [g])
    np.testing.assert_allclose(h, native, atol=1e-5)
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parity_slow
def test_a_half_is_rounded_once() -> None:
    """The float32 result of the same numbers, rounded: nothing is rounded between layers."""
    arrays = drawn(dtype=mx.float16)
    wide = [mx.astype(a, mx.float32) for a in arrays]
    with on_kernels():
        h, exact = hyena_filter(*arrays), hyena_filter(*wide)
    assert h.dtype == mx.float16
    assert bits(h) == bits(mx.astype(exact, mx.float16))


@pytest.mark.parity_slow
def test_the_same_bits_in_any_schedule() -> None:
    """Gradients of weights are sums over tiles in their order, and no atomics."""
    arrays = drawn(length=70)

    def gradients(seed: int) -> list[bytes]:
        def loss(*a: mx.array) -> mx.array:
            return mx.sum(mx.square(hyena_filter(*a)))

        with on_kernels(seed=seed):
            return [bits(g) for g in mx.grad(loss, argnums=tuple(range(9)))(*arrays)]

    assert gradients(1) == gradients(2)


@pytest.mark.parity_slow
def test_the_normalized_filter() -> None:
    """The kernel, then the word that normalizes."""
    arrays = drawn()
    with on_kernels() as heard:
        h = word(*arrays, normalized=True)
    assert [(d.word, d.ran) for d in heard] == [(WORD, True)]
    np.testing.assert_allclose(h, word(*arrays, normalized=True), atol=1e-6)


@pytest.mark.parity_slow
def test_a_map_is_a_loop() -> None:
    """By the rule that MLX calls: under ``mx.vmap`` itself arrays have no values for the executor."""
    from mlx_impl.kernels.batching import batched

    z, *rest = drawn()
    rule = Rule()
    batched(rule, hyena_filter, batch=())
    two = mx.stack([z, mx.multiply(z, mx.array(0.5))])
    with on_kernels():
        found, at = rule.rule([two, *rest], [0, *[None] * 8])
        assert at == 0
        for i in range(2):
            assert bits(found[i]) == bits(hyena_filter(two[i], *rest))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"o": 129}, "129 features between layers, and the kernel keeps at most 128"),
        ({"dtype": mx.float64}, "float64"),
    ],
)
def test_it_says_no_with_a_reason(change: dict[str, Any], says: str) -> None:
    """What the kernel cannot do, and that ``kernel=True`` is an error then."""
    with mx.stream(mx.cpu):
        arrays = drawn(**change)
        assert says in supports(*arrays).reason
        with on_kernels(), pytest.raises(ValueError, match=f"hyena_filter cannot run this: .*{says}"):
            word(*arrays, kernel=True)


def test_several_tables_are_left_to_mlx() -> None:
    """The kernel takes one."""
    z, t, *rest = drawn()
    assert "more than one table" in supports(mx.concatenate([z, z]), t, *rest).reason
    assert "nothing to compute" in supports(z[:, :0], t[:, :0], *rest).reason
    assert "dtypes differ" in supports(z, mx.astype(t, mx.float16), *rest).reason


@pytest.mark.parametrize(
    ("at", "shape", "says"),
    [
        (1, (1, 39, 1), r"t has shape \(1, 39, 1\), expected \(1, 40, 1\)"),
        (3, (8,), r"b_in has shape \(8,\), expected \(9,\)"),
        (4, (2, 9, 8), r"w_inner has shape \(2, 9, 8\): axis 2 must be 9"),
        (6, (10, 8), r"w_out has shape \(10, 8\): axis 1 must be 9"),
        (7, (1, 8), r"freq has shape \(1, 8\), expected \(1, 9\)"),
        (7, (40, 9), r"freq has shape \(40, 9\), expected \(1, 9\)"),
        (1, (1, 40, 10), r"t has shape \(1, 40, 10\), expected \(1, 40, 1\)"),
        (8, (1, 1, 9), r"deltas has shape \(1, 1, 9\), expected \(1, 1, 10\)"),
    ],
)
def test_wrong_shapes_are_refused_before_any_kernel(at: int, shape: tuple[int, ...], says: str) -> None:
    """A kernel would read beyond what is there."""
    arrays = drawn()
    arrays[at] = mx.zeros(shape)
    with on_kernels() as heard, pytest.raises(ValueError, match=says):
        word(*arrays)
    assert heard == []


@pytest.mark.parametrize(
    ("o", "d", "j", "length", "says"),
    [(1, 2**11, 0, 2**20, "2,147,483,648"), (1, 1, 3, 2**29, "2,147,483,648"), (1, 2**11, 0, 2**20 - 1, "")],
)
def test_results_beyond_an_index_are_refused(o: int, d: int, j: int, length: int, says: str) -> None:
    """Of the filter and of what its gradient keeps, though every input is small; nothing is computed."""

    def of(*shape: int) -> mx.array:
        return mx.broadcast_to(mx.zeros((1,), dtype=mx.float32), shape)

    positions, weights = (
        [of(1, length, 1), of(1, length, 1)],
        [of(o, 1), of(o), of(j, o, o), of(j, o), of(d, o)],
    )
    reason = supports(*positions, *weights, *[of(1, o), of(1, 1, d)]).reason
    assert says in reason
    assert bool(reason) == bool(says)


@pytest.mark.parity_slow
@pytest.mark.parametrize(("n", "i", "k", "t"), [(1, 1, 1, 1), (2, 33, 5, 31), (1, 5, 40, SEGMENT + 1)])
def test_sums_of_products(n: int, i: int, k: int, t: int) -> None:
    """Within γ of the sums of magnitudes (Higham 2002, §3.1), over segments of any number."""
    rng = np.random.default_rng(t)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((n, i, t), (n, k, t)))
    with on_kernels():
        products, sums = outer_sums(mx.array(a), mx.array(b))
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    gamma = (t + 8) * 2.0**-24
    exact = np.einsum("nit,nkt->nik", wide_a, wide_b)
    assert np.all(np.abs(products - exact) <= gamma * np.einsum("nit,nkt->nik", abs(wide_a), abs(wide_b)))
    assert np.all(np.abs(sums - wide_a.sum(2)) <= gamma * np.abs(wide_a).sum(2))


@pytest.mark.parity_slow
@pytest.mark.parametrize("terms", [2, 8, 9, 70])
def test_sums_over_the_first_axis(terms: int) -> None:
    """Small integers, whose sums are exact in any order: each is there once."""
    x = mx.random.randint(-9, 10, (terms, 3, 13), key=mx.random.key(terms))
    with on_kernels():
        y = fold(mx.astype(x, mx.float32))
    assert y.tolist() == mx.sum(x, axis=0).tolist()


def test_one_term_is_not_summed() -> None:
    """Nor launched: there is nothing to add."""
    x = mx.random.normal((1, 3, 4), key=mx.random.key(0))
    assert bits(fold(x)) == bits(x)
