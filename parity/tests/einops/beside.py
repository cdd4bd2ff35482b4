"""One call on both sides: what came out, or that it was refused."""

import warnings
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import einops as ours
from parity.dtypes import AnyArray

from .patterns import Case

einops = pytest.importorskip("einops", reason="what ours is compared with: pip install -e '.[dev]'")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")

Values = AnyArray | None
"""What a call gave, in an array of NumPy's; none if it was refused."""


def numbers(shape: tuple[int, ...]) -> AnyArray:
    """A number of its own for every element: what moves it may not lose or change any."""
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)


def here(call: Callable[[], Any]) -> Values:
    """What our side gives; nothing but an :class:`EinopsError` counts as refused."""
    try:
        return np.array(call())
    except ours.EinopsError as error:
        if "\n  in " not in str(error):
            raise AssertionError("an error without its pattern, shape and sizes") from error
        return None


def there(call: Callable[[], Any]) -> Values:
    """What the einops package gives; it refuses by many errors, its own, PyTorch's and Python's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are keywords
        try:
            return np.asarray(call())
        except (RuntimeError, ValueError, TypeError, IndexError, ZeroDivisionError, AttributeError):
            return None


def called(package: Any, case: Case, x: Any) -> Any:
    """The call of a case in one package or the other."""
    if case.word in ("rearrange", "repeat"):
        return getattr(package, case.word)(x, case.pattern, **case.sizes)
    return package.reduce(x, case.pattern, case.word, **case.sizes)


def both(case: Case, x: AnyArray) -> tuple[Values, Values]:
    """A case on both sides."""
    return (
        here(lambda: called(ours, case, mx.array(x))),
        there(lambda: called(einops, case, torch.from_numpy(x.copy()))),
    )


def peculiar(case: Case) -> str | None:
    """Why the einops package takes what it should refuse, if that is known."""
    if "…" in case.pattern:
        return (
            "'…' is what einops calls '...' inside: given from outside it is the name of one axis in "
            "rearrange, reduce, repeat and parse_shape, and all remaining axes in einsum"
        )
    if any(size < 0 for size in case.sizes.values()):
        return "a negative size is refused by most backends; PyTorch's expand takes −1 for 'as it is'"
    return None
