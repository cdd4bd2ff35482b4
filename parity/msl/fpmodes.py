"""What Metal may do with floating-point numbers: the modes in which a kernel's result has to hold."""

import dataclasses
from dataclasses import dataclass

from .settings import RunSettings


@dataclass(frozen=True)
class Mode:
    """One way to compute: whether products and sums are fused, subnormals flushed, functions inexact."""

    name: str
    contract: bool = False
    flush: bool = False
    fast_math: bool = False
    math: str = "rounded"

    def apply(self, settings: RunSettings, seed: int) -> RunSettings:
        """The settings with this mode; errors of functions are drawn from `seed`."""
        return dataclasses.replace(
            settings,
            contract=self.contract,
            flush=self.flush,
            fast_math=self.fast_math,
            math=self.math,
            math_seed=seed,
        )


STRICT = Mode("strict")
MODES = (
    STRICT,
    Mode("contracted", contract=True),
    Mode("flushed", flush=True),
    Mode("precise", contract=True, flush=True, math="drawn"),
    Mode("fast", contract=True, flush=True, fast_math=True, math="drawn"),
)
"""From IEEE arithmetic to all that Metal's fast math allows of functions. Reassociation, which fast math
allows too, is not among them: it can change a result by any amount."""
