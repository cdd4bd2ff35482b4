"""Functions of kernels with gradients of every order: the first by kernels, the rest by MLX's operations."""

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx

from .dispatch import natively

Several = mx.array | Sequence[mx.array]


def with_gradients(
    forward: Callable[..., Several],
    backward: Callable[[list[mx.array], list[mx.array]], Sequence[mx.array]],
    plain: Callable[..., Several],
    *,
    results: int = 1,
) -> Any:
    """An ``mx.custom_function`` of arrays.

    A kernel has no gradient, and neither has the kernel of a gradient: derivatives of `backward` are those of
    the gradient of `plain`, so that Hessians and penalties on gradients are exact, if not fast.

    Args:
        forward: arrays → `results` arrays, on kernels.
        backward: arrays and cotangents of the results → a gradient for each array, on kernels.
        plain: what `forward` computes, by MLX's operations.
        results: how many arrays `forward` gives.
    """

    @mx.custom_function
    def gradient(*given: mx.array) -> list[mx.array]:
        n = len(given) - results
        return list(backward(list(given[:n]), list(given[n:])))

    @gradient.vjp
    def gradient_vjp(given: Any, cotangents: Any, _outputs: Any) -> tuple[mx.array, ...]:
        n = len(given) - results

        def by_operations(*arrays: mx.array) -> list[mx.array]:
            with natively():
                return list(mx.vjp(plain, list(arrays[:n]), list(arrays[n:]))[1])

        return tuple(mx.vjp(by_operations, list(given), several(cotangents))[1])

    @mx.custom_function
    def function(*arrays: mx.array) -> Several:
        return forward(*arrays)

    @function.vjp
    def function_vjp(primals: Any, cotangents: Any, _outputs: Any) -> tuple[mx.array, ...]:
        found: Any = gradient(*several(primals), *several(cotangents))
        return tuple(found)

    return function


def several(given: Several) -> list[mx.array]:
    """Arrays as MLX hands them to a rule, where one comes bare."""
    return [given] if isinstance(given, mx.array) else list(given)
