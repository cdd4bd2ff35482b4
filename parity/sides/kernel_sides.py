"""The sides that run the port's Metal kernels, the same source text on both."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import mlx.core as mx
from mlx import nn

from parity import msl
from parity.errors import NotOnKernelError
from parity.msl import compiler

from .base import Outcome, Task
from .kernel_use import NATIVE, UNHEARD, listening
from .mlx_side import MlxSide, kernels


class KernelSide(MlxSide):
    """A side that runs the port's kernels, and vouches for nothing else.

    What it runs by `open` and `call_raw`, to find a culprit or for what it raises, may run on either.
    """

    def run(self, task: Task, *, module: nn.Module | None = None) -> Outcome:
        """Run a task to the end, with a note for each word that has a kernel and ran on none.

        Raises: NotOnKernelError if it is the word that is to be tested, or no word of a layer or model ran
            on a kernel.
        """
        with listening(task) as use:
            if use is None:
                return self.run_unheard(task, module)
            outcome = super().run(task, module=module)
        return replace(outcome, notes=use.conclude())

    def run_unheard(self, task: Task, module: nn.Module | None) -> Outcome:
        """Run a task of a port that does not say what runs on its kernels, and say that."""
        return replace(super().run(task, module=module), notes=(UNHEARD,))


class MetalSide(KernelSide):
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


class MslSide(KernelSide):
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

    def run_unheard(self, task: Task, module: nn.Module | None) -> Outcome:
        """Run a task of a port that does not say what runs on its kernels; the executor does.

        Raises: NotOnKernelError if it is a layer, a model or a word with a kernel, and that was none.
        """
        launched: list[str] = []
        with msl.observing(lambda kernel, _call, _outcome: launched.append(kernel.text.name)):
            outcome = MlxSide.run(self, task, module=module)
        if not launched and (task.spec.family != "word" or task.spec.kernels):
            raise NotOnKernelError(f"{task.spec.name} {NATIVE} alone: it launched no kernel")
        return outcome

    @contextmanager
    def executing(self, device: str) -> Iterator[None]:
        """Within the context words run on their kernels, and ``mx.fast.metal_kernel`` is the executor's."""
        with mx.stream(mx.cpu), kernels("on"), msl.installed():
            yield
