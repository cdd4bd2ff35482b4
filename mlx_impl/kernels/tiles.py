"""How large the tiles of a product are: by argument, by environment, or by device."""

import os
import re
from dataclasses import dataclass
from functools import cache

import mlx.core as mx

from .metal_kernel import CERTAIN_THREADS

VARIABLE = "MLX_IMPL_GEMM_TILE"
SIDES = (32, 64, 128)
"""Powers of two: each thread reads as many elements of a tile as every other, unlike of 96 rows."""
DEPTHS = (16, 32)
THREADGROUP_MEMORY = 32 * 1024
PADDING = 16
"""Bytes after each row of a tile, see ``gemm.h``."""

BY_SIZE = {"p": (64, 32), "g": (64, 32), "s": (64, 64), "c": (64, 64), "d": (64, 64)}
"""Rows and columns by the last letter of an Apple GPU's architecture: phone, base, Pro, Max and Ultra chips.
A larger tile reads less, and a smaller one leaves no core of a small GPU idle."""
ELSEWHERE = (32, 32)


@dataclass(frozen=True)
class Tile:
    """A threadgroup makes m×n elements of the product, k products at a time."""

    m: int
    n: int
    k: int

    def __str__(self) -> str:
        return f"{self.m}x{self.n}x{self.k}"

    @property
    def threads(self) -> int:
        """A SIMD group for each 32×32."""
        return self.m * self.n // 32

    def nbytes(self, itemsize: int, pairs: int = 1) -> int:
        """Threadgroup memory of two buffers, each of so many pairs of tiles whose rows are of k elements."""
        return 2 * pairs * (self.m + self.n) * (self.k * itemsize + PADDING)


def parse(text: str, origin: str = "tile") -> Tile:
    """``"64x32x16"``: rows × columns × depth.

    Raises: ValueError if it is not that, or the kernels have no such tile.
    """
    match = re.fullmatch(r"(\d+)x(\d+)x(\d+)", text.strip())
    if match is None:
        raise ValueError(f"{origin}={text!r} is no tile: write rows x columns x depth, such as 32x32x16")
    m, n, k = (int(g) for g in match.groups())
    for name, value, allowed in (("rows", m, SIDES), ("columns", n, SIDES), ("depth", k, DEPTHS)):
        if value not in allowed:
            known = ", ".join(map(str, allowed))
            raise ValueError(f"{origin}={text!r}: {name} of {value}, and the kernels have {known}")
    return Tile(m, n, k)


def choose(tile: str | None, dtype: mx.Dtype) -> Tile:
    """The tile of a product: the caller's, that of ``MLX_IMPL_GEMM_TILE``, or the device's.

    Raises: ValueError if there is no such tile, or neither registers nor threadgroup memory hold it.
    """
    origin, text = ("tile", tile) if tile is not None else (VARIABLE, os.environ.get(VARIABLE, ""))
    if not text:
        m, n = _of_device()
        return Tile(m, n, 64 // dtype.size)  # rows of 64 bytes, as many as one transaction reads
    found = parse(text, origin)
    needed = found.nbytes(dtype.size)
    if needed > THREADGROUP_MEMORY:
        raise ValueError(
            f"{origin}={text!r} needs {needed:,} bytes of threadgroup memory in {dtype}, and there are "
            f"{THREADGROUP_MEMORY:,}: halve a side or the depth"
        )
    if found.threads > CERTAIN_THREADS:
        raise ValueError(
            f"{origin}={text!r} takes {found.threads} threads, and a GPU may have no registers for more than "
            f"{CERTAIN_THREADS} of a product: halve the rows or the columns"
        )
    return found


def for_two(tile: Tile, itemsize: int) -> Tile:
    """The tile of two products at once in as much memory: half of each side, or at least of the depth."""
    small = Tile(max(32, tile.m // 64 * 32), max(32, tile.n // 64 * 32), tile.k)
    return small if small.nbytes(itemsize, 2) <= THREADGROUP_MEMORY else Tile(small.m, small.n, DEPTHS[0])


@cache
def _of_device() -> tuple[int, int]:
    """Rows and columns for this machine's GPU."""
    architecture = str(mx.device_info().get("architecture", ""))
    return of_architecture(architecture)


def of_architecture(name: str) -> tuple[int, int]:
    """Rows and columns by a name such as ``applegpu_g13s``."""
    return BY_SIZE.get(name[-1:], ELSEWHERE) if name.startswith("applegpu_") else ELSEWHERE
