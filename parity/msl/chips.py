"""What a few Apple chips can do, for the roofline.

Bandwidth: Apple's technical specifications of the machines that carry the chip (support.apple.com/specs).
Arithmetic: cores × 128 lanes × 2 operations (a fused multiply-add) × clock. Apple does not publish the lanes
of a core and the clocks; they are measurements (P. Turner, github.com/philipturner/metal-benchmarks), and the
result should be read to two digits.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """`bandwidth` in bytes a second, `flops` in float32 operations a second."""

    name: str
    cores: int
    clock: float
    bandwidth: float

    @property
    def flops(self) -> float:
        return self.cores * 128 * 2 * self.clock


CHIPS = (
    Chip("M1", 8, 1.278e9, 68e9),
    Chip("M1 Max", 32, 1.296e9, 400e9),
    Chip("M2", 10, 1.398e9, 100e9),
    Chip("M2 Ultra", 76, 1.398e9, 800e9),
    Chip("M3 Max", 40, 1.398e9, 400e9),
    Chip("M4", 10, 1.470e9, 120e9),
    Chip("M4 Max", 40, 1.578e9, 546e9),
)
"""The largest configuration of each chip."""
