"""pack beside the einops package: the same array and sizes, the same lists and patterns refused."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import strategies as st

from mlx_impl.einops import EinopsError, pack

from .beside import here, numbers, there
from .conftest import Search

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")

WORDS = ("a", "b", "c1", "for", "ß", "*", "*")
ODD = ("_", "_a", "a_", "1", "2b", "()", "(a)", "...", "…", "a-b", "a", "*", "**", "é·")


@dataclass(frozen=True)
class Packed:
    """A pattern and the shapes of some arrays."""

    pattern: str
    shapes: tuple[tuple[int, ...], ...]


@st.composite
def lists(draw: Any) -> Packed:
    """Arrays that share the named axes; a third of the patterns and a third of the shapes spoilt."""
    names = draw(st.permutations(("a", "b", "c1", "for", "ß")))[: draw(st.integers(0, 3))]
    at = draw(st.integers(0, len(names)))
    words = [*names[:at], "*", *names[at:]]
    named = [draw(st.integers(0, 3)) for _ in names]
    shapes = []
    for _ in range(draw(st.integers(1, 3))):
        inner = [draw(st.integers(0, 3)) for _ in range(draw(st.integers(0, 2)))]
        shapes.append([*named[:at], *inner, *named[at:]])
    if draw(st.integers(0, 2)) == 0:
        i = draw(st.integers(0, len(words)))
        words[i : i + draw(st.integers(0, 1))] = [draw(st.sampled_from(ODD))]
    if draw(st.integers(0, 2)) == 0:
        shape = shapes[draw(st.integers(0, len(shapes) - 1))]
        i = draw(st.integers(0, len(shape)))
        shape[i : i + draw(st.integers(0, 1))] = [draw(st.integers(0, 3))] * draw(st.integers(0, 1))
    blank = draw(st.sampled_from((" ", "  ", "\t")))  # any blank parts words here, as in the package
    return Packed(blank.join(words), tuple(map(tuple, shapes)))


def test_random_lists(search: Search) -> None:
    """Bit for bit, sizes too; refused on one side exactly when it is on the other."""
    seen: Counter[str] = Counter()

    def agrees(case: Packed) -> None:
        arrays = [np.asarray(numbers(shape)) + 100 * i for i, shape in enumerate(case.shapes)]
        sizes: list[Any] = [None, None]

        def keep(side: int, found: tuple[Any, Any]) -> Any:
            sizes[side] = [tuple(s) for s in found[1]]
            return found[0]

        ours = here(lambda: keep(0, pack([mx.array(x) for x in arrays], case.pattern)))
        theirs = there(lambda: keep(1, einops.pack([torch.tensor(x) for x in arrays], case.pattern)))
        if theirs is None and ours is not None and any(x.size == 0 for x in arrays):
            return  # the package leaves the size to PyTorch's reshape, which infers none of no elements
        if "·" in case.pattern:  # the package's pack takes any identifier of Python's, its rearrange does not
            assert ours is None
            return
        assert (ours is None) == (theirs is None), "refused on one side only"
        if ours is not None and theirs is not None:
            np.testing.assert_array_equal(ours, theirs)
            assert sizes[0] == sizes[1]
        seen["refused" if ours is None else "done"] += 1

    search(lists(), agrees, 200)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


@pytest.mark.parametrize("wrong", [[], [None], [mx.zeros((2,)), np.zeros(2)], 3, None])
def test_what_is_no_list_of_arrays(wrong: Any) -> None:
    """One error for all of them."""
    with pytest.raises(EinopsError):
        pack(wrong, "*")


def test_messages() -> None:
    """Which axis, in which array."""
    with pytest.raises(EinopsError, match="'d' has 3 elements in array 0, but 4 in array 1"):
        pack([mx.zeros((2, 3)), mx.zeros((2, 4))], "* d")
    with pytest.raises(EinopsError, match=r"Array 0 has shape \(2,\)"):
        pack([mx.zeros((2,))], "b d *")


def test_gradients_and_transformations() -> None:
    """Each array gets its own part back; the same inside ``mx.compile`` and ``mx.vmap``."""
    x, y = mx.array(numbers((3, 2, 4))).astype(mx.float32), mx.ones((3, 4))

    def joined(x: mx.array, y: mx.array) -> mx.array:
        return pack([x, y], "* d")[0]

    flow = mx.array(numbers((3, 4))).astype(mx.float32)
    _, (dx, dy) = mx.vjp(joined, [x[0], y[0]], [flow])
    assert mx.array_equal(dx, flow[:2])
    assert mx.array_equal(dy, flow[2])
    expected = mx.stack([joined(a, b) for a, b in zip(x, y, strict=True)])
    assert mx.array_equal(mx.vmap(joined)(x, y), expected)
    assert mx.array_equal(mx.compile(joined)(x[0], y[0]), expected[0])
