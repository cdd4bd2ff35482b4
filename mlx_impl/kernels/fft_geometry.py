"""How long a transform is, and how it is divided among threads."""

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


def in_pairs(*arrays: Shaped) -> bool:
    """Whether every row of all arrays starts at an even place, so that samples can be read in pairs."""
    return all(a.shape[-1] % 2 == 0 and size(a.shape) >= PAIRED for a in arrays)
