"""The sides that run the port's Metal kernels, the same source text on both."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx

from parity import msl
from parity.msl import compiler

from .mlx_side import MlxSide, kernels


class MetalSide(MlxSide):
    """The port with its kernels, through ``mx.fast.metal_kernel`` on an Apple GPU."""

    name = "metal"

    def unavailable(self, device: str | None = None) -> str | None:
        if platform.system() != "Darwin":
            return "needs an Apple GPU, and this is not macOS"
        if not mx.metal.is_available():
            return "needs an Apple GPU, and MLX finds no Metal here"
        return None if device in (None, "gpu") else f"kernels run on the GPU, not on {device!r}"

    def devices(self) -> list[str]:
        return ["gpu"] if self.unavailable() is None else []

    def describe(self) -> dict[str, Any]:
        return {"unavailable": self.unavailable()} if self.unavailable() else super().describe()

    @contextmanager
    def executing(self, device: str) -> Iterator[None]:
        """Within the context words run on their kernels."""
        with mx.stream(mx.gpu), kernels("on"):
            yield


class MslSide(MlxSide):
    """The port with its kernels, on the CPU through the executor, which checks them.

    Findings of a check are raised: what the side raises is its answer.
    """

    name = "msl"

    def unavailable(self, device: str | None = None) -> str | None:
        if device not in (None, "cpu"):
            return f"the executor runs on the CPU, not on {device!r}"
        return compiler.why_not()

    def devices(self) -> list[str]:
        return ["cpu"] if self.unavailable() is None else []

    def describe(self) -> dict[str, Any]:
        return {"unavailable": self.unavailable()} if self.unavailable() else compiler.describe()

    @contextmanager
    def executing(self, device: str) -> Iterator[None]:
        """Within the context words run on their kernels, and ``mx.fast.metal_kernel`` is the executor's."""
        with mx.stream(mx.cpu), kernels("on"), msl.installed():
            yield
