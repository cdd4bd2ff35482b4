"""vmap of kernels: an axis that is mapped over x alone joins its batch, else the map is a loop."""

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx


def batched(function: Any, again: Callable[..., Any], *, joins: bool = True) -> Any:
    """Give a custom function a rule for ``mx.vmap``.

    Args:
        function: an ``mx.custom_function`` of arrays, that gives an array or several.
        again: the same computation, called with arrays of more batch or once for each member.
        joins: whether the first argument, and each result, has a batch of its own as axis 0.
    """

    def rule(arrays: Any, axes: Any) -> tuple[Any, Any]:
        given: Sequence[mx.array] = [arrays] if isinstance(arrays, mx.array) else list(arrays)
        at: Sequence[int | None] = [axes] if isinstance(axes, int) else list(axes)
        n = next(x.shape[a] for x, a in zip(given, at, strict=True) if a is not None)
        first, rest = given[0], given[1:]
        if joins and at[0] is not None and all(a is None for a in at[1:]):
            joined = mx.moveaxis(first, at[0], 0)
            shape = joined.shape
            made = again(mx.reshape(joined, (shape[0] * shape[1], *shape[2:])), *rest)
            found = [mx.reshape(y, (n, shape[1], *y.shape[1:])) for y in _several(made)]
        else:
            one = [
                again(*(x if a is None else mx.take(x, i, axis=a) for x, a in zip(given, at, strict=True)))
                for i in range(n)
            ]
            made = one[0]
            found = [mx.stack(list(ys)) for ys in zip(*map(_several, one), strict=True)]
        if isinstance(made, mx.array):
            return found[0], 0
        return found, [0] * len(found)

    function.vmap(rule)
    return function


def _several(made: Any) -> Sequence[mx.array]:
    return [made] if isinstance(made, mx.array) else list(made)
