"""The one error of this package, and the context that every function gives it at its boundary."""

from collections.abc import Mapping
from typing import NoReturn


class EinopsError(ValueError, RuntimeError):
    """A pattern is wrong, or it does not fit its arrays and sizes.

    A ValueError, as wrong arguments of the port's words are, and a RuntimeError, as the error of this name
    in the einops package is: code that catches either goes on working.
    """


class UnsupportedPatternError(EinopsError, NotImplementedError):
    """A pattern that other functions of this package understand, but not the one that was called."""


CAUGHT = (ValueError, TypeError, AttributeError)
"""What a function re-raises: its own error, MLX's for arrays, Python's for what is no pattern at all."""


def reraise(
    error: Exception, call: str, pattern: object, given: str, sizes: Mapping[str, object]
) -> NoReturn:
    """Raise `error` as an :class:`EinopsError` that says in which call, on what shape, with which sizes."""
    if not isinstance(pattern, str):  # whatever came of it
        error = EinopsError(f"The pattern is {pattern!r}, expected text like 'b (h w) -> b h w'")
    words = [repr(pattern), *(f"{name}={size!r}" for name, size in sizes.items())]
    kind = type(error) if isinstance(error, EinopsError) else EinopsError
    cause = None if isinstance(error, EinopsError) else error
    raise kind(f"{error}\n  in {call}(..., {', '.join(words)}) of {given}") from cause
