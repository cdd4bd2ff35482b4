"""A kernel under the transformations of MLX, which has no rules for kernels: no gradient and no map."""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx


def traced(array: mx.array) -> bool:
    """Has the array no value, as inside ``mx.vmap`` and ``mx.compile``? Otherwise it is evaluated.

    Raises: what its computation raises.
    """
    try:
        mx.eval(array)
    except (RuntimeError, ValueError) as error:
        if "transformations" in str(error):
            return True
        raise
    return False


def without_gradient(inputs: Sequence[Any], outputs: list[Any]) -> list[Any]:
    """The outputs as results of the inputs that MLX refuses to differentiate."""
    given = [x for x in inputs if isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating)]
    if not given:
        return outputs

    @mx.custom_function
    def launched(*_: mx.array) -> list[Any]:
        return outputs

    @launched.vjp
    def launched_vjp(*_: Any) -> Any:
        raise ValueError("[Primitive::vjp] Not implemented for CustomKernel.")

    @launched.jvp
    def launched_jvp(*_: Any) -> Any:
        raise ValueError("[Primitive::jvp] Not implemented for CustomKernel.")

    made: Any = launched(*given)
    return list(made)
