"""Cases of a word's own spec to ask it by: the named one, and one as large as a call in a model."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from parity.axes import factors
from parity.case import Case, named
from parity.dtypes import WorkingDtype
from parity.sides.base import resolve_target
from parity.spec import OpSpec

from .local import Made

EVERYWHERE = "grid"
"""The kind of input that is spread over all that a function may be asked: where it is patched, it shows."""


def cases_of(word: OpSpec, made: Made | None, dtype: WorkingDtype, *, vjp: bool) -> Iterator[Case]:
    """The first case of a word, the same as large as a call, and spread wide.

    Optional arguments are there as in the call; without a call, the case is asked without them and with them.
    """
    first = named(word, word.cases[0], dtype, vjp=vjp)
    given = None if made is None else _given(word, made)
    if given is not None:
        first = replace(first, left_out=_absent(word, given))
    yield first
    if given is None and first.left_out:
        yield replace(first, left_out=())
    like = None if made is None else like_call(first, made)
    if like is not None and like.sizes != first.sizes:
        yield like
    if EVERYWHERE in word.kinds:
        yield replace(first, kind=EVERYWHERE)


def like_call(case: Case, made: Made) -> Case | None:
    """A case with the sizes and options of a call; None if the spec's axes do not fit its arguments."""
    word = case.spec
    given = _given(word, made)
    sizes = None if given is None else _sizes(word, given)
    if given is None or sizes is None:
        return None
    options = {n: _plain(given[n]) for n in word.options if n in given}
    return replace(
        case,
        sizes=word.fill_sizes(sizes),
        options=dict(case.options) | options,
        left_out=_absent(word, given),
    )


def _given(word: OpSpec, made: Made) -> Mapping[str, Any] | None:
    """The arguments of a call by the names that the reference's word has for them."""
    args, kwargs = made.arguments
    try:
        return inspect.signature(resolve_target(word.reference)).bind(*args, **kwargs).arguments
    except TypeError:
        return None


def _absent(word: OpSpec, given: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(n for n, a in word.arrays().items() if a.optional and given.get(n) is None)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _sizes(word: OpSpec, given: Mapping[str, Any]) -> dict[str, int] | None:
    """The size of every axis that the arguments have, from their shapes."""
    sizes: dict[str, int] = {}
    patterns: list[tuple[list[str], int]] = []
    for name, array in word.arrays().items():
        x = given.get(name)
        if isinstance(x, np.ndarray):
            pattern = factors(array.axes)
            patterns += zip(pattern, _with_rank(x.shape, len(pattern)), strict=True)
    # What multiplies no other first: "k p" in one argument tells what (k p) is in another.
    for axis, n in sorted(patterns, key=lambda pair: len(pair[0])):
        unknown = [f for f in axis if not f.isdigit() and f not in sizes]
        known = int(np.prod([int(f) if f.isdigit() else sizes[f] for f in axis if f not in unknown]))
        if len(unknown) > 1 or known == 0 or n % known or (not unknown and n != known):
            return None
        sizes |= dict.fromkeys(unknown, n // known)
    return sizes


def _with_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """A shape with as many axes as a spec declares: words take any number of leading ones."""
    if len(shape) <= rank:
        return (1,) * (rank - len(shape)) + shape
    extra = len(shape) - rank + 1
    return (int(np.prod(shape[:extra])), *shape[extra:]) if rank else shape
