"""What ran on a kernel and what fell back, so that a side of kernels vouches only for what it has run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from parity.errors import NotOnKernelError
from parity.kernel_spec import OBSERVERS
from parity.spec import OpSpec

from .base import Task, resolve_target

NATIVE = "ran on MLX's own operations"
UNHEARD = "the port does not say what runs on its kernels: tell parity.kernel_spec.policy how to observe it"


class Heard(Protocol):
    """What a port says of a word that has a kernel each time that it is called."""

    @property
    def word(self) -> str: ...

    @property
    def kernel(self) -> str: ...

    @property
    def ran(self) -> bool: ...

    @property
    def reason(self) -> str: ...


class KernelUse:
    """Listens to one run of a spec on a side of kernels."""

    def __init__(self, spec: OpSpec) -> None:
        self._spec = spec
        self._ran = False
        self._fell: dict[str, None] = {}

    def hear(self, heard: Heard) -> None:
        """Remember what a word ran on.

        Raises: NotOnKernelError if the kernel is one of the spec's own, and the word falls back: the rest of
            the run would say nothing of it.
        """
        if heard.ran:
            self._ran = True
        elif heard.kernel in self._spec.kernels:
            raise NotOnKernelError(
                f"{heard.word} {NATIVE}: kernel {heard.kernel} does not take this: {heard.reason}"
            )
        else:
            self._fell[f"{heard.word} {NATIVE}: {heard.reason}"] = None

    def conclude(self) -> tuple[str, ...]:
        """A note for each word within that fell back, and why.

        Raises: NotOnKernelError if something of the port's ran and nothing of it on a kernel.
        """
        if self._ran or (self._spec.family == "word" and not (self._spec.kernels and _own(self._spec))):
            return tuple(self._fell)
        if self._spec.family == "word":
            raise NotOnKernelError(f"{self._spec.name} {NATIVE}: it asked for no kernel")
        why = "; ".join(self._fell) or "none of its words has a kernel"
        raise NotOnKernelError(f"{self._spec.name} {NATIVE} alone: {why}")


def _own(spec: OpSpec) -> bool:
    """Whether the spec's function is the port's: one swapped in may have a kernel that nobody hears of."""
    return _package(str(getattr(resolve_target(spec.port), "__module__", ""))) == _package(spec.port)


@contextmanager
def listening(task: Task) -> Iterator[KernelUse | None]:
    """Within the context a run's use of kernels is heard; None if the port does not say."""
    observers = [target for target in OBSERVERS if _package(target) == _package(task.spec.port)]
    if not observers:
        yield None
        return
    use = KernelUse(task.spec)
    with ExitStack() as stack:
        for target in observers:
            stack.enter_context(resolve_target(target)(use.hear))
        yield use


def _package(target: str) -> str:
    """``"package.module:name"`` → ``package``."""
    return target.partition(":")[0].partition(".")[0]
