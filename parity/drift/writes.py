"""Calls that write into what they were given: their result is right, and their caller's next line is not.

``x *= 2`` on an array is an assignment into it, on MLX as in PyTorch. A call that is made by itself is given
copies, and a hybrid hands arrays from one side to the other: neither shows it, so it is looked for.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from parity.expect import named_results
from parity.sides.live import Live, leaves
from parity.sides.points import Around, Point

from .hybrid import exchanging


class Writers:
    """An around that keeps the calls whose arguments are others afterwards, none for one that it makes.

    Whoever writes where nobody reads any more does no harm: `read_afterwards` tells.
    """

    def __init__(self, port: Live, inner: Around) -> None:
        self._port = port
        self._inner = inner
        self.found: list[Point] = []

    def around(
        self, point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """To be given to a run of the port; `inner` makes the call."""
        before, found = self._digest(args, kwargs), len(self.found)
        result = self._inner(point, call, args, kwargs)
        if len(self.found) == found and self._digest(args, kwargs) != before:
            self.found.append(point)
        return result

    def _digest(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for x in leaves(self._port.portable((args, dict(kwargs)))):
            if isinstance(x, np.ndarray):
                digest.update(x.tobytes())
        return digest.hexdigest()


def writers(port: Live) -> list[Point]:
    """The calls of the port that write into their arguments, where somebody reads those afterwards."""
    found = Writers(port, lambda _, call, args, kwargs: call(*args, **kwargs))
    port.run(found.around)
    return read_afterwards(port, found.found)


def read_afterwards(port: Live, points: Sequence[Point]) -> list[Point]:
    """The points whose writing changes the results: given copies, the port gives others."""
    if not points:
        return []
    as_it_is = _results(port, ())
    return [p for p in points if _results(port, [p]) != as_it_is]


def _results(port: Live, on_copies: Sequence[Point]) -> dict[str, bytes]:
    results = named_results(port.run(exchanging(port, port, on_copies)))
    return {n: x.tobytes() for n, x in results.items()}
