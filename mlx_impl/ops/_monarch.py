"""The DFT as a Monarch matrix, in real arithmetic."""

import math
from dataclasses import dataclass
from functools import lru_cache

import mlx.core as mx

from ._precision import scalar


@lru_cache(maxsize=32)
def _roots(n: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """cos and sin of 2π·j/n for every j, to double precision: a phase in float32 would cost six bits."""
    phases = [2 * math.pi * j / n for j in range(n)]
    return tuple(map(math.cos, phases)), tuple(map(math.sin, phases))


@dataclass(frozen=True)
class Dft:
    """The DFT of n = n1·n2 points in two stages.

    `stage1`, `twiddle` and `stage2` are cos and sin of the phases 2π·a·c/n1, 2π·b·c/n and 2π·b·d/n2.

    Shapes: (n1, n1), (n2, n1) and (n2, n2) each.
    """

    n1: int
    n2: int
    stage1: tuple[mx.array, mx.array]
    twiddle: tuple[mx.array, mx.array]
    stage2: tuple[mx.array, mx.array]

    @property
    def n(self) -> int:
        """How many points it has."""
        return self.n1 * self.n2

    @classmethod
    def of_at_least(cls, points: int, dtype: mx.Dtype) -> "Dft":
        """The DFT with the fewest points from `points` on whose stages are next to equal."""
        n1 = math.isqrt(points - 1) + 1
        n2 = -(-points // n1)
        n = n1 * n2
        cos, sin = (mx.array(table, dtype=dtype) for table in _roots(n))

        def phases(rows: int, columns: int, period: int) -> tuple[mx.array, mx.array]:
            i = mx.reshape(mx.arange(rows, dtype=mx.int32), (rows, 1))
            j = mx.arange(columns, dtype=mx.int32)
            turns = mx.remainder(mx.multiply(i, j), scalar(period, i))
            index = mx.multiply(turns, scalar(n // period, i))
            return mx.take(cos, index), mx.take(sin, index)

        return cls(n1, n2, phases(n1, n1, n1), phases(n2, n1, n), phases(n2, n2, n2))

    def forward(self, x: mx.array) -> tuple[mx.array, mx.array]:
        """Real and imaginary part of Σ_j x_j·exp(−2πi·j·k/n), x followed by zeros, at k = c + n1·d.

        Shapes: x: (..., m) with m ≤ n → (..., n1, n2) each, c first.
        """
        padded = mx.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, self.n - x.shape[-1])])
        columns = mx.swapaxes(mx.reshape(padded, (*x.shape[:-1], self.n1, self.n2)), -1, -2)  # (..., b, a)
        cos, sin = self.stage1
        re, im = mx.matmul(columns, cos), mx.negative(mx.matmul(columns, sin))  # (..., b, c)
        cos, sin = self.twiddle
        re, im = (
            mx.add(mx.multiply(re, cos), mx.multiply(im, sin)),
            mx.subtract(mx.multiply(im, cos), mx.multiply(re, sin)),
        )
        re, im = mx.swapaxes(re, -1, -2), mx.swapaxes(im, -1, -2)  # (..., c, b)
        cos, sin = self.stage2
        return (
            mx.add(mx.matmul(re, cos), mx.matmul(im, sin)),
            mx.subtract(mx.matmul(im, cos), mx.matmul(re, sin)),
        )  # (..., c, d)

    def inverse(self, re: mx.array, im: mx.array) -> mx.array:
        """The real part of Σ_k X_k·exp(2πi·j·k/n), not divided by n.

        Shapes: re, im: (..., n1, n2) → (..., n).
        """
        cos, sin = self.stage2  # symmetric, as stage1 is
        re, im = (
            mx.subtract(mx.matmul(re, cos), mx.matmul(im, sin)),
            mx.add(mx.matmul(re, sin), mx.matmul(im, cos)),
        )  # (..., c, b)
        re, im = mx.swapaxes(re, -1, -2), mx.swapaxes(im, -1, -2)  # (..., b, c)
        cos, sin = self.twiddle
        re, im = (
            mx.subtract(mx.multiply(re, cos), mx.multiply(im, sin)),
            mx.add(mx.multiply(re, sin), mx.multiply(im, cos)),
        )
        cos, sin = self.stage1
        x = mx.subtract(mx.matmul(re, cos), mx.matmul(im, sin))  # (..., b, a)
        return mx.reshape(mx.swapaxes(x, -1, -2), (*re.shape[:-2], self.n))
