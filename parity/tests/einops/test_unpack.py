"""unpack beside the einops package: the same parts, and the same sizes and patterns refused."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import strategies as st

from mlx_impl.einops import EinopsError, pack, unpack
from parity.dtypes import AnyArray

from .beside import numbers
from .conftest import Search

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")


@dataclass(frozen=True)
class Parts:
    """A pattern, the shape of an array and the shapes asked for."""

    pattern: str
    shape: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]


@st.composite
def parts(draw: Any) -> Parts:
    """Shapes that make up the axis, one size perhaps left to follow; half of them spoilt."""
    found = [
        tuple(draw(st.integers(0, 3)) for _ in range(draw(st.integers(0, 2))))
        for _ in range(draw(st.integers(0, 3)))
    ]
    total = sum(int(np.prod(part)) for part in found)
    pattern, at = draw(st.sampled_from((("*", 0), ("a *", 1), ("* a", 0), ("a * b", 1), ("a b *", 2))))
    shape = [draw(st.integers(0, 2)) for _ in range(len(pattern.split()) - 1)]
    shape.insert(at, total)
    if draw(st.booleans()):
        where = [(i, j) for i, part in enumerate(found) for j in range(len(part))]
        for _ in range(draw(st.integers(1, 2)) if where else 0):
            i, j = draw(st.sampled_from(where))
            size = draw(st.sampled_from((-1, -1, -1, 0, 1, 5, -2)))
            found[i] = (*found[i][:j], size, *found[i][j + 1 :])
    if draw(st.integers(0, 5)) == 0:
        pattern = draw(st.sampled_from(("", "a", "* *", "a * a", "_ *", "a *", "*", "a * b", "1 *", "...")))
    return Parts(pattern, tuple(shape), tuple(found))


def test_random_parts(search: Search) -> None:
    """Bit for bit; refused on one side exactly when it is on the other, with one exception."""
    seen: Counter[str] = Counter()

    def agrees(case: Parts) -> None:
        x = np.asarray(numbers(case.shape))
        ours = _parts(lambda: unpack(mx.array(x), case.parts, case.pattern), EinopsError)
        theirs = _parts(
            lambda: einops.unpack(torch.tensor(x), case.parts, case.pattern), (RuntimeError, ValueError)
        )
        if x.size == 0 and (ours is None) != (theirs is None):
            # The package leaves it to reshape to notice: PyTorch's takes (0, 0) for (0, 1, 1), no elements
            # either way, and infers no −1 from none.
            assert (theirs is None) == (-1 in sum(case.parts, ()))
            return
        if ours is None and theirs is not None:
            # With too many elements asked for on both sides of a −1, the package takes an empty slice for
            # it and hands elements out twice. "Does not raise", says a remark in its tests; with the −1 at
            # the end it does.
            assert -1 in sum(case.parts, ())
            assert sum(part.size for part in theirs) > x.size
            return
        assert (ours is None) == (theirs is None), "refused on one side only"
        if ours is not None and theirs is not None:
            assert len(ours) == len(theirs)
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(one, other)
        seen["refused" if ours is None else "done"] += 1

    search(parts(), agrees, 250)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


def _parts(call: Any, errors: Any) -> list[AnyArray] | None:
    try:
        return [np.asarray(x) for x in call()]
    except errors:
        return None


def test_elements_are_not_handed_out_twice() -> None:
    """6 and 9 of 12 elements: the package gives 6, 0 and 9 of them, three twice."""
    x = numbers((12,))
    doubled = einops.unpack(torch.from_numpy(x), [[6], [-1], [9]], "*")
    assert [len(part) for part in doubled] == [6, 0, 9]
    with pytest.raises(EinopsError, match="12 elements"):
        unpack(mx.array(x), [[6], [-1], [9]], "*")


@pytest.mark.parametrize(
    "wrong", [[[12.0]], [["12"]], [12], 12, None, [[None]], [[mx.array(12)]], [[-2, -6]]]
)
def test_sizes_are_integers(wrong: Any) -> None:
    """Not numbers that equal one, not even after a call with the integer; never negative but −1."""
    x = mx.zeros((12,))
    assert [y.shape for y in unpack(x, [[12]], "*")] == [(12,)]
    with pytest.raises(EinopsError):
        unpack(x, wrong, "*")


def test_there_and_back() -> None:
    """What pack joins unpack takes apart, with the sizes that pack gives; gradients go the way back."""
    arrays = [mx.array(numbers(shape)) for shape in ((2, 3), (2, 4, 3), (2, 0, 3), (2, 2, 2, 3))]
    joined, sizes = pack(arrays, "b * d")
    for one, other in zip(unpack(joined, sizes, "b * d"), arrays, strict=True):
        assert mx.array_equal(one, other)
    x = mx.zeros((5, 2))
    _, (flow,) = mx.vjp(
        lambda z: unpack(z, [[], [2, 2]], "* d"), [x], [mx.ones((2,)), mx.full((2, 2, 2), 2.0)]
    )
    assert flow[:, 0].tolist() == [1, 2, 2, 2, 2]
    assert mx.array_equal(mx.compile(lambda z: unpack(z, [[], [2, 2]], "* d")[1])(x), mx.zeros((2, 2, 2)))
    mapped = mx.vmap(lambda z: unpack(z, [[], [2, 2]], "* d")[1])(mx.zeros((3, 5, 2)))
    assert mapped.shape == (3, 2, 2, 2)
