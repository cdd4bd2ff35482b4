"""A sum of products as movements of one or two arrays around one product: for what MLX has fast words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import mlx.core as mx

from .equation import Equation, equation
from .plan import Step, plan
from .recipe import CACHED


@dataclass(frozen=True, slots=True)
class Contraction:
    """How to compute an equation.

    Attributes:
        equation: what is computed.
        before: what to do with each array first; nothing is known here for more than two, or for diagonals.
        product: of the two arrays, if there are two.
        after: what to do with the product.
        zeros: the shape of a result that is nothing but sums of nothing, as an array has no elements.
    """

    equation: Equation
    before: tuple[tuple[Step, ...], ...] = ()
    product: Callable[[mx.array, mx.array], mx.array] | None = None
    after: tuple[Step, ...] = ()
    zeros: tuple[int, ...] | None = None


@lru_cache(maxsize=CACHED)
def contraction(pattern: str, letters: bool, shapes: tuple[tuple[int, ...], ...]) -> Contraction:
    """The way to compute a pattern for arrays of these shapes.

    Raises: EinopsError if the pattern is wrong or does not fit the shapes.
    """
    found = equation(pattern, letters, shapes)
    terms = found.terms
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        sizes |= {axis: n for axis, n in zip(term, shape, strict=True) if n != 1}
    if 0 in sizes.values():  # MLX broadcasts no axis to nothing, and may not come back from a sum of it
        return Contraction(found, zeros=tuple(sizes.get(axis, 1) for axis in found.result))
    if len(terms) > 2 or any(len({*term}) < len(term) for term in terms):
        return Contraction(found)
    # An axis of one element that is longer in the other array is broadcast: it is not there.
    own = [
        {axis for axis, n in zip(term, shape, strict=True) if n == sizes.get(axis, 1)}
        for term, shape in zip(terms, shapes, strict=True)
    ]
    lefts = [
        " ".join(axis if axis in there else "1" for axis in term)
        for term, there in zip(terms, own, strict=True)
    ]

    def steps(i: int, *groups: str) -> tuple[Step, ...]:
        return plan("sum", f"{lefts[i]} -> {' '.join(groups)}", shapes[i], ()).before

    if len(terms) == 1:
        return Contraction(found, (steps(0, *found.result),))
    one, two = own
    both = one & two
    summed = [axis for axis in terms[0] if axis in both and axis not in found.result]
    if not summed:
        # Sums over axes of one array alone stand before the product, and this is all of the sums.
        before = [steps(i, *(axis if axis in own[i] else "1" for axis in found.result)) for i in (0, 1)]
        return Contraction(found, tuple(before), mx.multiply)
    batch = [axis for axis in found.result if axis in both]
    rows = [axis for axis in found.result if axis in one - both]
    columns = [axis for axis in found.result if axis in two - both]
    many = [_group(batch)] if batch else []
    first = steps(0, *many, _group(rows), _group(summed))
    second = steps(1, *many, _group(summed), _group(columns))
    joined = [*many, _group(rows), _group(columns)]
    shape = tuple(
        prod(sizes.get(axis, 1) for axis in axes) for axes in (*([batch] if batch else []), rows, columns)
    )
    given = tuple((axis, sizes.get(axis, 1)) for axis in found.result)
    after = plan("rearrange", f"{' '.join(joined)} -> {' '.join(found.result)}", shape, given).before
    return Contraction(found, (first, second), mx.matmul, after)


def _group(axes: Iterable[str]) -> str:
    return f"({' '.join(axes)})"
