"""vmap of kernels: an axis that is mapped over the batch joins it, else the map is a loop.

MLX (0.32.4) maps what is inside a custom function as well, whatever its rule: where that is a kernel,
``mx.vmap`` is an error until it does not (``test_derivatives.py`` watches). With kernels off words can be.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import mlx.core as mx

from .gradients import several


def batched(function: Any, again: Callable[..., Any], *, batch: Collection[int] = (0,)) -> Any:
    """Give a custom function a rule for ``mx.vmap``.

    Where only arguments that have a batch are mapped over, all of those join it, the others of them repeated;
    a weight that is mapped over makes the map a loop.

    Args:
        function: an ``mx.custom_function`` of arrays, that gives an array or several.
        again: the same computation, called with arrays of more batch or once for each member.
        batch: which arguments have a batch of their own as axis 0, as each result then has; none if the
            results have none.
    """

    def rule(arrays: Any, axes: Any) -> tuple[Any, Any]:
        given: Sequence[mx.array] = [arrays] if isinstance(arrays, mx.array) else list(arrays)
        at: Sequence[int | None] = [axes] if isinstance(axes, int) else list(axes)
        n = next(x.shape[a] for x, a in zip(given, at, strict=True) if a is not None)
        if batch and all(a is None or i in batch for i, a in enumerate(at)):
            every = [
                _joined(x, a, n) if i in batch else x for i, (x, a) in enumerate(zip(given, at, strict=True))
            ]
            made, b = again(*every), every[min(batch)].shape[0] // n
            found = [mx.reshape(y, (n, b, *y.shape[1:])) for y in several(made)]
        else:
            one = [
                again(*(x if a is None else mx.take(x, i, axis=a) for x, a in zip(given, at, strict=True)))
                for i in range(n)
            ]
            made = one[0]
            found = [mx.stack(list(ys)) for ys in zip(*map(several, one), strict=True)]
        if isinstance(made, mx.array):
            return found[0], 0
        return found, [0] * len(found)

    function.vmap(rule)
    return function


def _joined(x: mx.array, axis: int | None, n: int) -> mx.array:
    """(b, …) of every member as (members·b, …); what is not mapped over is the same for all."""
    every = mx.broadcast_to(x, (n, *x.shape)) if axis is None else mx.moveaxis(x, axis, 0)
    return mx.reshape(every, (n * every.shape[1], *every.shape[2:]))
