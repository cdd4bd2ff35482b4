"""The sides that run the port's Metal kernels. The port has none yet, and each says so."""

import sys
from typing import Any

from parity.errors import SideUnavailableError

from .base import Outcome, Task
from .live import Live


class KernelSide:
    """Metal kernels: `metal` through MLX on an Apple GPU, `msl` through an executor on the CPU."""

    def __init__(self, name: str) -> None:
        self.name = name

    def unavailable(self, device: str | None = None) -> str | None:
        if self.name == "metal" and sys.platform != "darwin":
            return "needs an Apple GPU, and this is not macOS"
        return "the port has no Metal kernels yet: every word runs on MLX's own operations"

    def devices(self) -> list[str]:
        return []

    def describe(self) -> dict[str, Any]:
        return {"unavailable": self.unavailable()}

    def run(self, task: Task) -> Outcome:
        raise SideUnavailableError(f"side {self.name}: {self.unavailable()}")

    def open(self, task: Task) -> Live:
        raise SideUnavailableError(f"side {self.name}: {self.unavailable()}")

    def call_raw(self, task: Task) -> Any:
        raise SideUnavailableError(f"side {self.name}: {self.unavailable()}")
