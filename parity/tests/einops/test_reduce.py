"""reduce beside the einops package: the same values, gradients within rounding, the same patterns refused."""

from collections import Counter
from math import prod
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import strategies as st

from mlx_impl import einops as ours
from mlx_impl import use
from mlx_impl.einops import EinopsError, means, reduce
from mlx_impl.einops.reductions import REDUCTIONS
from parity.bounds import gamma
from parity.specs import means as means_table

from .beside import both, numbers, peculiar
from .conftest import Search
from .patterns import Case, cases

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")

EXACT = tuple(name for name in REDUCTIONS if name != "mean")


def test_random_patterns(search: Search) -> None:
    """The same numbers, for integers that leave nothing to round; refused together or not at all."""
    seen: Counter[str] = Counter()

    def agrees(case: Case) -> None:
        x = numbers(case.shape)
        here, there = both(case, np.asarray(x % 3 - 1) if case.word == "prod" else x)
        if why := peculiar(case):
            assert here is None, why
        else:
            assert (here is None) == (there is None), "refused on one side only"
        if here is not None and there is not None:
            # Sums of int32 are int32 in MLX and int64 in PyTorch; in the dtype of the port they are the same.
            np.testing.assert_array_equal(here, there.astype(here.dtype), strict=True)
        seen["refused" if here is None else "done"] += 1

    search(st.sampled_from(EXACT).flatmap(cases), agrees, 450)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


def test_random_means(search: Search) -> None:
    """Sums of small integers are exact; what is left is one division, or a product with a rounded 1/n: 2u."""

    def agrees(case: Case) -> None:
        x = numbers(case.shape).astype(np.float32)
        here, there = both(case, x)
        if peculiar(case):
            return
        assert (here is None) == (there is None), "refused on one side only"
        if here is not None and there is not None:
            u = 2.0**-24
            assert here.shape == there.shape
            assert here.dtype == there.dtype
            wrong = ~(np.abs(here - there) <= 2 * gamma(2, u) * np.abs(there)) & ~(
                np.isnan(here) & np.isnan(there)
            )
            assert not wrong.any()

    search(cases("mean"), agrees, 150)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("reduction", ["sum", "mean", "prod"])
def test_rounding(reduction: str, name: str) -> None:
    """Within theory's bound for any order: γₙΣ|x| for n terms summed in float32, and one rounding at the end.

    A product of n factors is off by γₙ of itself, and its half-precision result by one rounding more
    (Higham 2002, §3.1 and §4.2).
    """
    dtype, u = getattr(mx, name), 2.0**-24
    v = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}[name]
    rng = np.random.default_rng(0)
    # Close to one where factors are many: the product is neither huge nor subnormal.
    values = rng.standard_normal((6, 40, 5)) * (0.01 if reduction == "prod" else 1) + (reduction == "prod")
    x = mx.array(values.astype(np.float32)).astype(dtype)
    wide = np.array(x.astype(mx.float32)).astype(np.float64)
    y = reduce(x, "a (b c) d -> d b", reduction, c=4)
    assert y.dtype == dtype
    parts = wide.reshape(6, 10, 4, 5)
    exact = getattr(parts, reduction)(axis=(0, 2)).T
    n = 6 * 4
    size = np.abs(exact) if reduction == "prod" else np.abs(parts).sum(axis=(0, 2)).T
    size = size / n if reduction == "mean" else size
    error = np.abs(np.array(y.astype(mx.float32)).astype(np.float64) - exact)
    bound = gamma(n + 1, u) * size * (1 + v) + v * np.abs(exact)
    assert (error <= bound).all()


def test_the_mean_of_large_half_precision() -> None:
    """MLX's own is infinity: it rounds the sum, 4,096,000, to float16 before it divides."""
    x = mx.full((4096, 2), 1000, dtype=mx.float16)
    assert mx.isinf(mx.mean(x)).item(), "MLX's own mean is right now: ours need not convert"
    assert reduce(x, "a b -> b", "mean").tolist() == [1000, 1000]


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "pattern", ["a b c ->", "a b c -> a", "a b c -> c", "a b c -> b c", "a b c -> c a", "a b c -> 1 b 1"]
)
def test_the_mean_of_more_than_is_copied_at_once(
    name: str, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are summed in float32, and all of it is rounded once, whatever the parts are and how many."""
    dtype, u, v = getattr(mx, name), 2.0**-24, {"float16": 2.0**-11, "bfloat16": 2.0**-8}[name]
    for shape in ((5, 1, 64), (8, 16, 32), (3, 7, 11), (2, 400, 3), (2, 1, 1100), (64, 3, 2)):
        x = mx.array(np.random.default_rng(0).standard_normal(shape).astype(np.float32) + 1).astype(dtype)
        wide = np.array(x.astype(mx.float32)).astype(np.float64)
        exact = einops.reduce(wide, pattern, "mean")
        n = wide.size // exact.size
        size = einops.reduce(np.abs(wide), pattern, "mean")
        bound = gamma(n + 2, u) * size * (1 + v) + v * np.abs(exact)
        for most in (20, 100, 1 << 11) if x.size > 1 << 10 else (1, 20, 1 << 17):
            monkeypatch.setattr(means, "AT_ONCE", most)
            y = reduce(x, pattern, "mean")
            assert y.dtype == dtype
            error = np.abs(np.array(y.astype(mx.float32)).astype(np.float64) - exact)
            assert error.shape == exact.shape
            assert (error <= bound).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_the_gradient_of_a_mean_in_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same share for every element, also where the function is compiled or mapped."""
    monkeypatch.setattr(means, "AT_ONCE", 20)
    x = mx.ones((3, 5, 7), dtype=getattr(mx, name))
    share = mx.array(1 / 15, dtype=x.dtype).item()

    def total(z: mx.array) -> mx.array:
        return mx.sum(reduce(z, "a b c -> c", "mean"))

    assert mx.allclose(mx.grad(total)(x), mx.array(share, dtype=x.dtype)).item()
    assert mx.allclose(mx.compile(mx.grad(total))(x), mx.array(share, dtype=x.dtype)).item()
    assert mx.vmap(lambda z: reduce(z, "b c ->", "mean"))(x).tolist() == [1, 1, 1]


def test_what_the_mean_of_bfloat16_takes_from_mlx() -> None:
    """Its sum on the CPU, in float32: a sum in bfloat16 would stop at 256, as 256 + 1 is 256 there."""
    x = mx.ones((1 << 13, 3), dtype=mx.bfloat16)
    with mx.stream(mx.cpu):
        for axis in (0, 1):
            assert mx.sum(x if axis == 0 else x.T, axis=axis).tolist() == [1 << 13] * 3
        many = mx.ones((64, 3, 64, 2, 32), dtype=mx.bfloat16)
        for axes in ((0, 2), (0, 2, 4), (2, 4), (0, 4)):
            n = prod(many.shape[axis] for axis in axes)
            assert mx.all(mx.equal(mx.sum(many, axes), mx.array(n, dtype=mx.bfloat16))).item()


def test_the_mean_by_profile() -> None:
    """`fast` takes MLX's of bfloat16, and no other does; of float16 nobody's, which overflows."""
    x = mx.array(np.random.default_rng(0).uniform(0.5, 1.5, (63, 40)).astype(np.float32)).astype(mx.bfloat16)
    once = mx.mean(x.astype(mx.float32), axis=0).astype(mx.bfloat16)
    rounded = mx.mean(x, axis=0)
    assert not mx.array_equal(once, rounded)
    for profile, expected in (("canonical", once), ("stable", once), ("fast", rounded)):
        with mx.stream(mx.cpu), use(profile):
            assert mx.array_equal(reduce(x, "a b -> b", "mean"), expected)
            assert (
                reduce(mx.full((4096, 2), 1000, dtype=mx.float16), "a b -> b", "mean").tolist() == [1000] * 2
            )


def test_profiles_keep_the_gate_of_means() -> None:
    """The table of the report: every profile within twice PyTorch's error, and one that is not fails."""
    found = list(means_table.rows("again"))
    assert [row.case for row in found] == list(means_table.PATTERNS)
    assert all(row.status == "pass" for row in found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(means_table, "RMS_LIMIT", 1.05)
        failed = [row for row in means_table.rows("again") if row.status == "fail"]
    assert [row.case for row in failed] == ["a b c -> c", "a b c -> a b", "a b c -> b c"]
    assert all("fast" in row.reasons[0] for row in failed)


@pytest.mark.parametrize("reduction", ["sum", "max", "min", "prod", "mean"])
@pytest.mark.parametrize("pattern", ["a (b c) d -> d b", "a (b c) d -> b 1 a", "... d -> d", "a b d ->"])
def test_gradients(reduction: str, pattern: str) -> None:
    """As the package's on PyTorch: exact for sums and extremes, ties shared alike; products within γₙ."""
    sizes = {"c": 2} if "c" in pattern else {}
    x = np.asarray(np.random.default_rng(1).integers(1, 4, (2, 4, 3)), dtype=np.float32)  # with ties
    if reduction in ("prod", "mean"):
        x = x + np.float32(0.37)
    t = torch.from_numpy(x).requires_grad_()
    y = einops.reduce(t, pattern, reduction, **sizes)
    ct = torch.arange(1, y.numel() + 1, dtype=torch.float32).reshape(y.shape)
    y.backward(ct)
    theirs = t.grad.numpy()
    _, (flow,) = mx.vjp(
        lambda z: reduce(z, pattern, reduction, **sizes), [mx.array(x)], [mx.array(ct.numpy())]
    )
    # An extreme's gradient is ct / ties, a mean's ct / n: two roundings on either side. A product's is the
    # product of the others: n roundings, by whatever way.
    n = {"sum": 0, "max": 2, "min": 2, "mean": 2, "prod": x.size + 2}[reduction]
    assert (np.abs(np.array(flow) - theirs) <= 2 * gamma(n, 2.0**-24) * np.abs(theirs)).all()


def test_the_gradient_of_a_product_with_zeros() -> None:
    """One zero takes the product of the others; two zeros take nothing: no division by the zero."""
    x = mx.array([[2.0, 0, 3], [0, 0, 4], [1, 2, 3]])
    found = mx.grad(lambda z: mx.sum(reduce(z, "a b -> a", "prod")))(x)
    assert found.tolist() == [[0, 6, 0], [0, 0, 0], [6, 3, 2]]


@pytest.mark.parametrize("name", ["bool_", "uint8", "int8", "int64", "float16", "bfloat16", "complex64"])
def test_every_dtype(name: str) -> None:
    """Sums have the dtype of MLX's own; extremes that of the input; any and all are booleans.

    Where a pattern reduces nothing, nothing is called, in the package and here: the dtype stays.
    """
    x = mx.array([[0, 1, 1], [1, 1, 1]]).astype(getattr(mx, name))
    for reduction, own in (("sum", mx.sum), ("prod", mx.prod), ("max", mx.max), ("min", mx.min)):
        y = reduce(x, "a b -> a", reduction)
        assert y.dtype == own(x, axis=1).dtype
        assert y.tolist() == {"sum": [2, 3], "prod": [0, 1], "max": [1, 1], "min": [0, 1]}[reduction]
    assert reduce(x, "a b -> b", "all").tolist() == [False, True, True]
    for pattern in ("a b -> a", "a b -> b a", "a b -> (a b)"):
        for package in (ours, einops):
            found = package.reduce(x, pattern, "any").dtype
            assert found == (mx.bool_ if pattern == "a b -> a" else x.dtype)
    if not mx.issubdtype(x.dtype, mx.floating):
        with pytest.raises(EinopsError, match="mean of"):
            reduce(x, "a b -> a", "mean")  # refused by the package too, on every backend


@pytest.mark.parametrize("reduction", list(REDUCTIONS))
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 0)])
def test_nothing_to_reduce(reduction: str, shape: tuple[int, ...]) -> None:
    """What each is over no elements, of an array of NumPy's too: MLX's own sum may not come back from it."""
    x = mx.array(np.zeros(shape, np.float32))
    y = torch.zeros(shape)
    for pattern in ("... -> ", "a ... -> a", "a ... -> ...", "a ... -> 1 ..."):
        if reduction in ("max", "min"):
            with pytest.raises(EinopsError, match="no elements"):
                reduce(x, "... ->", reduction)
        else:
            here = np.array(reduce(x, pattern, reduction))
            there = einops.reduce(y, pattern, reduction).numpy()
            np.testing.assert_array_equal(here, there, strict=True)


def _length(x: Any, axes: tuple[int, ...]) -> Any:
    """The Euclidean norm, with what both frameworks have."""
    return (x * x).sum(axes) ** 0.5


@pytest.mark.parametrize(
    ("pattern", "sizes"),
    [("a b c -> c a", {}), ("a (b n) c -> b c", {"n": 2}), ("1 ... c -> c 1", {}), ("a b c ->", {}),
     ("a b c -> b c a", {}), ("... -> ", {})],
)  # fmt: skip
def test_a_function(pattern: str, sizes: dict[str, int]) -> None:
    """It gets the same array and axes as in the package: kept axes in the result's order, then the others."""
    handed: list[tuple[tuple[int, ...], tuple[int, ...], list[float]]] = []

    def watched(x: Any, axes: tuple[int, ...]) -> Any:
        handed.append((tuple(x.shape), axes, x.flatten().tolist()))
        return _length(x, axes)

    x = numbers((1, 4, 3)).astype(np.float32)
    here = np.array(reduce(mx.array(x), pattern, watched, **sizes))
    there = einops.reduce(torch.from_numpy(x), pattern, watched, **sizes).numpy()
    np.testing.assert_allclose(here, there, rtol=gamma(16, 2.0**-24))
    assert len(handed) in (0, 2)  # none where nothing is reduced
    assert handed[:1] == handed[1:]


def test_what_a_function_raises_is_left_alone() -> None:
    """Its own mistakes are not patterns'; a result that does not fit is said with both shapes."""

    def broken(x: mx.array, axes: tuple[int, ...]) -> mx.array:
        raise KeyError(axes)

    with pytest.raises(KeyError):
        reduce(mx.zeros((2, 3)), "a b -> a", broken)
    with pytest.raises(EinopsError, match=r"reduced to an array of shape \(2, 3\)"):
        reduce(mx.zeros((2, 3)), "a b -> a", lambda x, axes: x)


@pytest.mark.parametrize("reduction", ["avg", "", None, 3, "Sum", ["sum"]])
def test_unknown_reductions(reduction: Any) -> None:
    """The message lists those there are."""
    with pytest.raises(EinopsError, match="reduction is"):
        reduce(mx.zeros((2, 3)), "a b -> a", reduction)


@pytest.mark.parametrize("reduction", list(REDUCTIONS))
def test_transformations(reduction: str) -> None:
    """Inside ``mx.compile`` and ``mx.vmap`` it does what it does outside."""
    x = mx.array(numbers((3, 2, 4, 2)) % 5).astype(mx.float32)

    def call(z: mx.array) -> mx.array:
        return ours.reduce(z, "a (b c) d -> d b", reduction, c=2)

    expected = mx.stack([call(z) for z in x])
    assert mx.array_equal(mx.vmap(call)(x), expected)
    assert mx.array_equal(mx.compile(call)(x[0]), expected[0])
