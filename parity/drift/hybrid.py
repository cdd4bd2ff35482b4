"""Hybrids: the port with some points run by the reference, and the reference with some run by the port."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from parity import sides
from parity.dtypes import AnyArray
from parity.expect import named_results
from parity.sides import Task
from parity.sides.live import Live
from parity.sides.points import Around, Point

Chosen = Collection[Point]


class Pair:
    """Both models of a task, loaded with the same parameters, and every mixture of the two.

    A point that is run by the other side takes everything inside it along.
    """

    def __init__(self, task: Task, side: str, device: str) -> None:
        self.task = task
        self.given: Mapping[str, AnyArray] = task.parameters or {}
        self.reference: Live = sides.get("torch").open(task)
        self.port: Live = sides.get(side).open(replace(task, device=device))

    def mended(self, chosen: Chosen) -> Mapping[str, AnyArray]:
        """What the port gives with the chosen points run by the reference."""
        return named_results(self.port.run(exchanging(self.port, self.reference, chosen)))

    def planted(self, chosen: Chosen) -> Mapping[str, AnyArray]:
        """What the reference gives with the chosen points run by the port."""
        return named_results(self.reference.run(exchanging(self.reference, self.port, chosen)))


def exchanging(own: Live, other: Live, chosen: Chosen) -> Around | None:
    """An around that hands the chosen points of `own` to `other`."""
    if not chosen:
        return None
    wanted = frozenset(chosen)

    def around(
        point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if point in wanted:
            return own.bridge(other, point)(*args, **kwargs)
        return call(*args, **kwargs)

    return around
