"""The calls of one run as a tree: what calls what, in the order of the calls."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parity.sides.points import Around, Point


@dataclass
class Node:
    """One call and the calls within it."""

    point: Point
    children: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """This call and all within it, outer before inner."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def words(self) -> list[Point]:
        """Every word said within."""
        return [n.point for n in self.walk() if n.point.word]

    @property
    def modules(self) -> list[Point]:
        """Every module called within, itself included."""
        return [n.point for n in self.walk() if not n.point.word]


class Recorder:
    """An around that builds the tree of the calls of a run."""

    def __init__(self) -> None:
        self.root = Node(Point(""))
        self._stack = [self.root]

    @property
    def around(self) -> Around:
        """To be given to a run."""

        def around(
            point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
        ) -> Any:
            if not point.word and not point.path and point.index == 0:
                return call(*args, **kwargs)  # the outermost is the root
            node = Node(point)
            self._stack[-1].children.append(node)
            if point.word:
                return call(*args, **kwargs)
            self._stack.append(node)
            try:
                return call(*args, **kwargs)
            finally:
                self._stack.pop()

        return around


def unit(path: str) -> str:
    """The part of a model that a path belongs to: up to its first number, or its first two names.

    ``bert.encoder.layer.3.mlp.wo`` belongs to ``bert.encoder.layer.3``, ``bert.pooler.dense`` to
    ``bert.pooler``.
    """
    parts = path.split(".")
    number = next((i for i, part in enumerate(parts) if part.isdigit()), 1)
    return ".".join(parts[: number + 1])


def parts(paths: Iterable[str]) -> list[str]:
    """The parts of a model that modules at some paths belong to, in order; what holds other parts is none."""
    found = dict.fromkeys(unit(path) for path in paths if path)
    return [n for n in found if not any(m.startswith(f"{n}.") for m in found)]


def units(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Points by the part of the model that they are in, in order."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(unit(point.path), []).append(point)
    return found
