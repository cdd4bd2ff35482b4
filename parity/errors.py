"""The family of exceptions, each with the exit code that a command ends with."""

import difflib
from collections.abc import Iterable

EXIT_OK = 0
EXIT_MISMATCH = 1
EXIT_INTERRUPTED = 2
EXIT_USAGE = 4
EXIT_NOTHING_COLLECTED = 5
EXIT_NOTHING_COMPARED = 10
EXIT_STALE_GOLDEN = 11
EXIT_SIDE_UNAVAILABLE = 12


class ParityError(Exception):
    """What went wrong, with which value, and what to do; `exit_code` is the command's."""

    exit_code = EXIT_MISMATCH


class UsageError(ParityError):
    """An option, configuration key, case or name that cannot be what was meant."""

    exit_code = EXIT_USAGE


class SpecError(ParityError):
    """A declaration that contradicts itself or cannot be resolved."""

    exit_code = EXIT_USAGE


class GoldenError(ParityError):
    """A golden file that is missing, changed, stale, unused or malformed."""

    exit_code = EXIT_STALE_GOLDEN


class SideUnavailableError(ParityError):
    """A side that had to run cannot run here."""

    exit_code = EXIT_SIDE_UNAVAILABLE


class NotOnKernelError(SideUnavailableError):
    """What should have run on a kernel ran on none: nothing can be said of the side for this case."""


class NothingComparedError(ParityError):
    """A run in which not one value was compared."""

    exit_code = EXIT_NOTHING_COMPARED


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A message for an unknown `name` that lists the nearest known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"unknown {what} {name!r}; did you mean {' or '.join(map(repr, near))}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"unknown {what} {name!r}; known: {shown}"
