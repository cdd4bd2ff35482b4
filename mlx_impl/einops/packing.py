"""The pattern of pack and unpack: named axes, and one ``*`` for any number of axes."""

from dataclasses import dataclass
from functools import lru_cache

from .errors import EinopsError
from .parse import fault
from .recipe import CACHED

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """Where ``*`` stands: after `before` axes that have names, and before `after` of them."""

    names: tuple[str, ...]
    before: int
    after: int


@lru_cache(maxsize=CACHED)
def packing(pattern: str) -> Packing:
    """The named axes of a pattern like ``'b * d'``.

    Raises: EinopsError if there is not one ``*``, or a name is none or stands twice.
    """
    words = pattern.split()
    names = tuple(word for word in words if word != "*")
    if words.count("*") != 1:
        raise EinopsError(f"{words.count('*')} times '*' in {pattern!r}, expected once, apart from the names")
    for name in names:
        why = fault(name)
        if why is not None:
            raise EinopsError(f"Invalid axis identifier {name!r}: {why}")
        if names.count(name) > 1:
            raise EinopsError(f"Axis {name!r} stands twice in {pattern!r}")
    before = words.index("*")
    return Packing(names, before, len(names) - before)
