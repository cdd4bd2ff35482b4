"""What can go wrong with a kernel, each with the kernel's name and what to do.

Mistakes in a call are what MLX raises for them: ValueError, TypeError, RuntimeError.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from parity.errors import EXIT_MISMATCH, EXIT_SIDE_UNAVAILABLE, ParityError

if TYPE_CHECKING:
    from .findings import Finding


class MslError(ParityError):
    """Something is wrong with a kernel, or it could not be run. `kernel` is its name."""

    exit_code = EXIT_MISMATCH

    def __init__(self, kernel: str, message: str) -> None:
        super().__init__(f"kernel {kernel!r}: {message}")
        self.kernel = kernel


class CompilerMissingError(MslError):
    """There is no C++ compiler to compile kernels with."""

    exit_code = EXIT_SIDE_UNAVAILABLE


class CompileError(MslError):
    """The kernel does not compile; the message is the compiler's, against the kernel's own lines."""


class KernelFindingsError(MslError):
    """The checks found mistakes. `findings` holds all of them, worst first."""

    def __init__(self, kernel: str, findings: Sequence["Finding"], source: str) -> None:
        shown = "\n\n".join(f.describe() for f in findings[:8])
        more = len(findings) - 8
        tail = f"\n\nand {more} more: parity kernels check shows all" if more > 0 else ""
        count = "1 mistake" if len(findings) == 1 else f"{len(findings)} mistakes"
        super().__init__(kernel, f"{count}\n{shown}{tail}")
        self.findings = tuple(findings)
        self.source = source


class LaunchError(MslError):
    """The process that ran the kernel ended without an answer: out of memory, or killed."""
