"""Sums over an axis, in the order that the profile in force asks for."""

from math import isqrt

import mlx.core as mx

from mlx_impl.profiles import Sums

from ._precision import scalar

FEW = 16
"""So few terms are summed as they are."""


def total(x: mx.array, axis: int, sums: Sums) -> mx.array:
    """Σ over one axis, which stays with one element.

    In blocks of about √n terms the error grows with √n in place of n (Higham 2002, §4.2).
    """
    n = x.shape[axis]
    if sums == "sequence" or n <= FEW:
        return mx.sum(x, axis=axis, keepdims=True)
    axis %= x.ndim
    size = _block(n)
    rest = -n % size
    if rest:
        x = mx.pad(x, [(0, rest if i == axis else 0) for i in range(x.ndim)])
    blocks = mx.reshape(x, (*x.shape[:axis], (n + rest) // size, size, *x.shape[axis + 1 :]))
    return mx.sum(mx.sum(blocks, axis=axis + 1), axis=axis, keepdims=True)


def mean(x: mx.array, axis: int, sums: Sums) -> mx.array:
    """The mean over one axis, which stays with one element; NaN over none."""
    if sums == "sequence":
        return mx.mean(x, axis=axis, keepdims=True)
    return mx.divide(total(x, axis, sums), scalar(x.shape[axis], x))


def mean_of_all(x: mx.array, sums: Sums) -> mx.array:
    """The mean of every element as an array of one: (1,); NaN of none."""
    return mean(mx.reshape(x, (x.size,)), 0, sums)


def _block(n: int) -> int:
    """How many terms a block has: near √n, a divisor of n where there is one."""
    root = isqrt(n)
    return next((b for b in range(root, root // 2, -1) if n % b == 0), root)
