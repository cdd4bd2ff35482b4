"""einsum beside the einops package: the same values, gradients and refusals; by names and by letters."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import strategies as st

from mlx_impl.einops import EinopsError, UnsupportedPatternError, einsum
from parity.bounds import gamma
from parity.dtypes import AnyArray

from .beside import here, there
from .conftest import Search
from .patterns import NAMES, ODDITIES

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")


@dataclass(frozen=True)
class Product:
    """A pattern by names, the same by letters if it is as it was drawn, and the shapes of its arrays."""

    pattern: str
    letters: str | None
    shapes: tuple[tuple[int, ...], ...]

    def arrays(self) -> list[AnyArray]:
        """Small integers: sums of their products are exact in float32, whatever the order."""
        rng = np.random.default_rng(len(self.pattern))
        return [np.asarray(rng.integers(-3, 4, shape), np.float32) for shape in self.shapes]


@st.composite
def products(draw: Any) -> Product:
    """One to three arrays that share axes; half of the patterns spoilt."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(1, 5))]
    size = {name: draw(st.sampled_from((1, 2, 3, 4, 2, 3))) for name in names}
    dots = [draw(st.sampled_from((1, 2, 3))) for _ in range(draw(st.integers(0, 2)))]
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term = draw(st.permutations(names))[: draw(st.integers(0, len(names)))]
        if draw(st.integers(0, 5)) == 0 and term:
            term.append(term[0])
        shape = [1 if draw(st.integers(0, 9)) == 0 and term.count(n) == 1 else size[n] for n in term]
        if draw(st.integers(0, 2)) == 0:
            at = draw(st.integers(0, len(term)))
            mine = dots[draw(st.integers(0, len(dots))) :]
            term.insert(at, "...")
            shape[at:at] = mine
        terms.append(term)
        shapes.append(tuple(shape))
    there_are = list(dict.fromkeys(n for term in terms for n in term))
    result = [name for name in draw(st.permutations(there_are)) if draw(st.booleans())]
    letters = {name: chr(ord("z") - i) for i, name in enumerate(NAMES)} | {"...": "..."}
    runs = ["".join(letters[name] for name in term) for term in (*terms, result)]
    short = ",".join(runs[:-1]) + "->" + runs[-1]
    pattern = " , ".join(" ".join(term) for term in terms) + " -> " + " ".join(result)
    if draw(st.booleans()):
        return Product(pattern, short, tuple(shapes))
    at = draw(st.integers(0, len(pattern)))
    odd = draw(st.sampled_from(("", ",", ", a", *ODDITIES)))
    return Product(pattern[:at] + odd + pattern[at + draw(st.integers(0, 1)) :], None, tuple(shapes))


def test_random_patterns(search: Search) -> None:
    """The same numbers, by names and by letters; refused on one side exactly when it is on the other."""
    seen: Counter[str] = Counter()

    def agrees(product: Product) -> None:
        arrays = product.arrays()
        ours = here(lambda: einsum(*map(mx.array, arrays), product.pattern))
        theirs = there(lambda: einops.einsum(*map(torch.from_numpy, arrays), product.pattern))
        if "…" in product.pattern or "(...)" in product.pattern:
            # '…' is the package's name for '...' inside: from outside it passes for it, and in brackets '...'
            # passes for one axis of that name.
            assert ours is None
            return
        assert (ours is None) == (theirs is None), "refused on one side only"
        seen["refused" if ours is None else "done"] += 1
        if ours is not None and theirs is not None:
            np.testing.assert_array_equal(ours, theirs, strict=True)
        if ours is not None and product.letters is not None:
            by_letter = here(lambda: einsum(str(product.letters), *map(mx.array, arrays)))
            np.testing.assert_array_equal(by_letter, ours, strict=True)
            whole = [mx.array(x).astype(mx.int32) for x in arrays]
            counted = here(lambda: einsum(*whole, product.pattern))
            np.testing.assert_array_equal(counted, ours.astype(np.int32), strict=True)

    search(products(), agrees, 300)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


CASES = (
    ("b i, i j -> b j", ((2, 5), (5, 3))),
    ("b h i d, b h j d -> b h i j", ((2, 2, 3, 5), (2, 2, 4, 5))),
    ("... i, ... i -> ...", ((2, 3, 5), (3, 5))),
    ("i, j -> j i", ((3,), (4,))),
    ("i i j -> j", ((3, 3, 2),)),
    ("a b, b c, c d -> d a", ((2, 3), (3, 4), (4, 5))),
    ("i j ->", ((3, 4),)),
)


@pytest.mark.parametrize(("pattern", "shapes"), CASES)
@pytest.mark.parametrize("name", ["float32", "bfloat16", "complex64"])
def test_rounding(pattern: str, shapes: tuple[tuple[int, ...], ...], name: str) -> None:
    """Within γₙ of the sum of absolute products, n terms and factors, and a rounding for each array."""
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    arrays = [mx.array(x).astype(getattr(mx, name)) for x in values]
    wide = [np.array(x.astype(mx.float32)).astype(np.float64) for x in arrays]
    y = einsum(*arrays, pattern)
    assert y.dtype == arrays[0].dtype
    letters = "->".join(_single(side) for side in pattern.split("->"))
    exact = np.einsum(letters, *wide)
    size = np.einsum(letters, *map(np.abs, wide))
    v = 2.0**-8 if name == "bfloat16" else 2.0**-24
    terms = int(np.prod([max(shape) for shape in shapes])) + len(shapes)
    found = np.array(mx.real(y) if name == "complex64" else y.astype(mx.float32)).astype(np.float64)
    bound = (gamma(terms, 2.0**-24) + gamma(2 * len(shapes), v)) * size
    assert (np.abs(found - exact) <= bound).all()


def _single(side: str) -> str:
    """Names of one letter, without blanks."""
    return side.replace(" ", "")


@pytest.mark.parametrize(("pattern", "shapes"), CASES)
def test_gradients(pattern: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Those of the package on PyTorch: exact for small integers."""
    rng = np.random.default_rng(1)
    values = [rng.integers(-3, 4, shape).astype(np.float32) for shape in shapes]
    tensors = [torch.from_numpy(x).requires_grad_() for x in values]
    y = einops.einsum(*tensors, pattern)
    ct = torch.arange(y.numel(), dtype=torch.float32).reshape(y.shape) - 2
    y.backward(ct)
    _, ours = mx.vjp(lambda *z: einsum(*z, pattern), [*map(mx.array, values)], [mx.array(ct.numpy())])
    for mine, tensor in zip(ours, tensors, strict=True):
        np.testing.assert_array_equal(np.array(mine), tensor.grad.numpy())


@pytest.mark.parametrize(("pattern", "shapes"), CASES)
def test_transformations(pattern: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    """Inside ``mx.compile`` and ``mx.vmap`` it does what it does outside."""
    rng = np.random.default_rng(2)
    stacked = [mx.array(rng.integers(-3, 4, (3, *shape)).astype(np.float32)) for shape in shapes]
    one = [x[0] for x in stacked]
    expected = mx.stack([einsum(*(x[i] for x in stacked), pattern) for i in range(3)])
    assert mx.array_equal(mx.compile(lambda *z: einsum(*z, pattern))(*one), expected[0])
    assert mx.array_equal(mx.vmap(lambda *z: einsum(*z, pattern))(*stacked), expected)


def test_integers_and_booleans() -> None:
    """Counted in MLX's dtype for their sums: its matrix product takes none of them."""
    a = mx.array([[True, False, True]])
    assert einsum(a, a, "i k, j k -> i j").tolist() == [[2]]
    small = mx.full((1, 300), 100, dtype=mx.int8)
    found = einsum(small, small, "i k, j k -> i j")
    assert (found.dtype, found.item()) == (mx.int32, 3_000_000)
    whole = mx.ones((2, 2), dtype=mx.int32)
    mixed = einsum(whole, whole, mx.full((2,), 0.5), "a b, b c, c ->")
    assert (mixed.dtype, mixed.item()) == (mx.float32, 4)


def test_letters_without_an_arrow() -> None:
    """As ``mx.einsum``: the axes that stand once, sorted."""
    x, y = mx.array([[1.0, 2], [3, 4]]), mx.array([[1.0, 1], [0, 1]])
    for letters in ("ij,jk", "ba", "ji,jk", "ii", "...j,jk", "ij , jk -> ik"):
        arrays = [x, y][: 1 + letters.count(",")]
        assert mx.array_equal(einsum(letters, *arrays), mx.einsum(letters, *arrays))


def test_blanks_in_letters_are_names_in_the_wrong_place() -> None:
    """``mx.einsum`` drops blanks; here ``'i j'`` are two names, and names come last."""
    with pytest.raises(EinopsError, match="The last argument"):
        einsum("i j -> i", mx.zeros((2, 3)))
    with pytest.raises(EinopsError, match="letters"):
        einsum("i1->i", mx.zeros((2,)))


@pytest.mark.parametrize("pattern", ["i () -> i", "i 1 -> i", "a b -> (a b)", "(a b) c -> c", "i 3 -> i"])
def test_what_rearrange_is_for(pattern: str) -> None:
    """An error of its own kind, which is NotImplementedError too, as in the package."""
    with pytest.raises(UnsupportedPatternError) as caught:
        einsum(mx.zeros((2, 3)), pattern)
    assert isinstance(caught.value, NotImplementedError)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((mx.zeros((2, 3)), mx.zeros((4, 5)), "i j, j k -> i k"), "'j' has 3 elements in array 0, but 4 in"),
        ((mx.zeros((2, 3)), "i i ->"), "'i' has 2 and 3 elements in array 0"),
        ((mx.zeros((2, 3)), mx.zeros((4, 3)), "... a, ... a -> ..."), "Axis 1 from the end of '...'"),
        ((mx.zeros((2, 3)), "i, j ->"), "2 arrays, but there are 1"),
        ((mx.zeros((2, 3)), "i -> i"), "has 2 axes, but the pattern has 1"),
        ((mx.zeros((2,)), np.zeros(2), "i, i ->"), "ndarray"),
        (([mx.zeros((2,))], "i ->"), "list"),
        ((mx.zeros((2,)), mx.zeros((2,))), "The last argument"),
        ((mx.zeros((2,)),), "takes arrays"),
    ],
)  # fmt: skip
def test_messages(arguments: tuple[Any, ...], why: str) -> None:
    """Which axis, how many elements, in which array."""
    with pytest.raises(EinopsError, match=why.replace(".", r"\.")):
        einsum(*arguments)


@pytest.mark.parametrize(
    ("pattern", "shapes"),
    [("a b -> a", [(2, 0)]), ("a a b -> b", [(0, 0, 3)]), ("a b, b c -> a c", [(2, 0), (0, 3)]),
     ("a b, b -> a b", [(2, 1), (0,)]), ("a b, a -> b", [(1, 3), (0,)]),
     ("i l a, a c, j, -> j c", [(3, 0, 3), (3, 1), (1,), ()]),
     ("... l, ... i, ... -> ...", [(1, 1, 0), (1, 0), ()]),
     ("a i, d l, a k c, -> k i l", [(0, 3), (1, 2), (1, 1, 3), ()])],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_sums_of_nothing(pattern: str, shapes: list[tuple[int, ...]], dtype: str) -> None:
    """Are zero, of arrays of NumPy's too, where MLX's own may not come back; 1 is broadcast to none."""
    arrays = [np.ones(shape, dtype=dtype) for shape in shapes]
    theirs = einops.einsum(*(torch.ones(shape) for shape in shapes), pattern).numpy()
    ours = np.array(einsum(*(mx.array(x) for x in arrays), pattern))
    np.testing.assert_array_equal(ours, theirs.astype(dtype), strict=True)
    if dtype == "float32":
        slopes = mx.grad(lambda x: mx.sum(einsum(*x, pattern)))([mx.array(x) for x in arrays])
        assert all((np.array(g) == 0).all() for g in slopes)
