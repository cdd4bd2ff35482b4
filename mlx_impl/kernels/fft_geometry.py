"""How long a transform is, and how it is divided among threads."""

import mlx.core as mx

from .metal_kernel import Shaped, size

SHORTEST = 64
BLOCK = 4096
"""Complex points that fit threadgroup memory: 32 KiB of float2, and half as many in double-double."""
PAIRED = 8
"""Below so many elements an array is in the constant address space, and is not read in pairs."""


def points(length: int) -> int:
    """Complex points of a row's transform: the least power of two that is not below the row's length.

    They hold 2·points real ones, so that nothing wraps around.
    """
    return max(SHORTEST, 1 << (length - 1).bit_length())


def block(exact: bool) -> int:
    """Points of the longest transform within threadgroup memory."""
    return BLOCK // 2 if exact else BLOCK


def radix(m: int) -> int:
    """Points of a thread: eight, or fewer where a SIMD group would not be full."""
    return min(8, m // 32)


def vectors(*arrays: Shaped) -> bool:
    """Whether all arrays are in the device address space."""
    return all(size(a.shape) >= PAIRED for a in arrays)


def options(
    *arrays: Shaped, reverse: bool = False, flip: bool = False, gate: bool = False, add: bool = False
) -> mx.array:
    """What a launch is asked to do, as the bits that ``rows.h`` reads.

    They are a number and not template arguments, so that a transform's length is compiled once. Samples
    are read in pairs where every row of all arrays starts at an even place.
    """
    pairs = vectors(*arrays) and all(a.shape[-1] % 2 == 0 for a in arrays)
    bits = sum(flag << i for i, flag in enumerate((reverse, flip, gate, add, pairs)))
    return mx.array([bits], dtype=mx.int32)
