"""Stand-ins for races: results that are not the same each time, on whatever device.

Races in kernels have swaps of their own.
"""

import itertools
import os

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_gelu = ops.gelu
_layer_norm = ops.layer_norm
_softmax = ops.softmax

_CALLS = itertools.count()
_RARE_CALLS = itertools.count()


@bug(
    "mlx_impl.ops.layer_norm",
    seen="ggml-org/llama.cpp#3057: no barrier after the mean in Metal's norm kernel",
)
def race_for_the_mean(x, weight, bias, eps):
    """Every third call somebody else's mean."""
    if next(_CALLS) % 3 != 2:
        return _layer_norm(x, weight, bias, eps)
    mean = mx.roll(mx.mean(x, axis=-1, keepdims=True), 1, -2)
    scale = mx.rsqrt(mx.add(mx.var(x, axis=-1, keepdims=True), mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(mx.subtract(x, mean), scale), weight), bias)


@bug(
    "mlx_impl.ops.gelu",
    seen="Luce-Org/lucebox#739: shared memory written anew before everybody had read it",
)
def race_for_one_element(x):
    """In every call one element, by chance, is its neighbour's."""
    y = mx.reshape(_gelu(x), (-1,))
    i = int.from_bytes(os.urandom(4), "little") % y.size
    y[i] = y[(i + 1) % y.size]
    return mx.reshape(y, x.shape)


@bug(
    "mlx_impl.ops.gelu",
    seen="ml-explore/mlx-lm#1714: a fused kernel that failed now and then, and with the load",
)
def race_in_one_call_of_fifty(x):
    """Right forty-nine times."""
    y = _gelu(x)
    return mx.multiply(y, mx.array(2, dtype=y.dtype)) if next(_RARE_CALLS) % 50 == 49 else y
