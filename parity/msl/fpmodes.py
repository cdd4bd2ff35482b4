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
    reassociate: bool = False

    def apply(self, settings: RunSettings, seed: int) -> RunSettings:
        """The settings with this mode; errors of functions are drawn from `seed`."""
        return dataclasses.replace(
            settings,
            contract=self.contract,
            flush=self.flush,
            fast_math=self.fast_math,
            math=self.math,
            reassociate=self.reassociate,
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
"""From IEEE arithmetic to all that Metal's fast math allows of functions."""
REASSOCIATED = Mode("reassociated", contract=True, flush=True, fast_math=True, math="drawn", reassociate=True)
"""Sums in another order: the one that the host's compiler prefers."""


def allowed(math_mode: str) -> tuple[Mode, ...]:
    """What Metal may do in a ``math_mode``: in ``safe``, the default, sums keep their order."""
    return MODES if math_mode == "safe" else (*MODES, REASSOCIATED)
