"""The search for what has to be mended: the smallest set of candidates that cures, in few questions."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

Cures = Callable[[Sequence[T], int], bool]
"""Whether the model holds when these are mended (and everything else that is known to be wrong); told how
many more questions there are at most before the next culprit is known."""


def first_prefix(candidates: Sequence[T], cures: Cures[T], found: Sequence[T] = ()) -> int:
    """The least k for which mending ``found`` and the first k candidates cures, in ⌈log₂ n⌉ questions.

    All of them have to cure, and mending more must never make a model worse.
    """
    low, high = 0, len(candidates)  # k = low does not cure, k = high does
    while high - low > 1:
        middle = (low + high) // 2
        left = (max(middle - low, high - middle) - 1).bit_length()
        if cures([*found, *candidates[:middle]], left):
            high = middle
        else:
            low = middle
    return high


def peel(candidates: Sequence[T], cures: Cures[T], most: int | None = None) -> tuple[list[T], bool]:
    """A smallest set of candidates that cures, the last one first; and whether it is whole.

    The last member of the shortest prefix that cures cannot be left out; with it mended, the search goes
    on before it. It takes ⌈log₂ n⌉ + 1 questions for each member. With `most`, it stops after so many
    members, and then the set may be incomplete.
    """
    found: list[T] = []
    rest = list(candidates)
    while rest and (most is None or len(found) < most):
        k = first_prefix(rest, cures, found)
        found.append(rest[k - 1])
        rest = rest[: k - 1]
        if cures(found, 0):
            return found, True
    return found, not rest and cures(found, 0)
