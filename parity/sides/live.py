"""A loaded model that can be called anywhere: run whole, or at one point with somebody else's numbers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from parity.dtypes import AnyArray, is_floating

from .base import Outcome
from .points import Around, Point
from .sweep import Sweep


class Live(Protocol):
    """A layer or model of one side, loaded with a task's parameters.

    `portable` and `native` take values (arrays, and tuples, lists and dictionaries of them; what is no
    array stays) from the framework to NumPy and back. Floating arrays keep their format; float64 becomes
    the side's own.
    """

    name: str

    def portable(self, value: Any) -> Any:
        """A value of the framework with NumPy arrays in place of its own."""

    def native(self, value: Any) -> Any:
        """A portable value with the framework's arrays."""

    def resume(self) -> None:
        """Make the framework's state this model's own again, after another model has run in between.

        A framework may have one default device for the whole process.
        """

    def run(self, around: Around | None = None) -> Outcome:
        """Run the task, with gradients if it has cotangents."""

    def call(
        self, point: Point, args: tuple[Any, ...], kwargs: Mapping[str, Any], around: Around | None = None
    ) -> Any:
        """Call the module or word at a point with portable arguments; the result is portable.

        With `around`, a word's own words go through it, as said by the outermost module.
        """

    def vjp(
        self,
        point: Point,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        cotangents: Any,
        around: Around | None = None,
    ) -> tuple[list[AnyArray], dict[str, AnyArray]]:
        """The gradients of Σ result·cotangent at a point: of each floating array among the arguments in
        order, and of the module's parameters by their names within it."""

    def bridge(self, other: "Live", point: Point) -> Callable[..., Any]:
        """A function on this framework's values that computes what `other` does at a point, gradients
        included."""

    def is_array(self, value: Any) -> bool:
        """Whether a value is an array of the framework."""

    def held(self) -> dict[str, Any]:
        """The parameters by name, the very arrays that the model's calls are given now."""

    def says(self, word: str) -> Callable[..., Any] | None:
        """The function of a word in the side's vocabulary, if it has it."""

    def has(self, point: Point) -> bool:
        """Whether there is such a module, or such a word: a port may make one call of what are several."""

    def trainable(self, point: Point) -> set[str]:
        """The names, within the module at a point, of the parameters that have a gradient; none for words.

        Sides that share a parameter under several names may have it in different places: then a bridge at
        that module has no gradient for it.
        """

    def overheard(self, result: Any, heard: Callable[[list[AnyArray]], None]) -> Any:
        """The same result; when gradients pass through it, `heard` is called with the cotangent of each of
        its floating arrays (zeros where none arrives)."""

    def sweep(self, folder: Path | None = None) -> Sweep:
        """A run with gradients whose parts can be severed; what it keeps of them is in a file in `folder`."""

    def parameters(self) -> dict[str, AnyArray]:
        """Every parameter as it was loaded, by the side's own name."""

    def set_parameters(self, values: Mapping[str, AnyArray]) -> None:
        """Put other values in the place of some parameters."""


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A value with `function` applied to each leaf of its tuples, lists and dictionaries."""
    if isinstance(value, tuple | list):
        return type(value)(mapped(function, v) for v in value)
    if isinstance(value, Mapping):
        return {k: mapped(function, v) for k, v in value.items()}
    return function(value)


def leaves(value: Any) -> list[Any]:
    """The leaves of a value in order."""
    found: list[Any] = []
    mapped(found.append, value)
    return found


def floating(value: Any) -> list[AnyArray]:
    """The floating arrays among the leaves of a portable value."""
    return [x for x in leaves(value) if isinstance(x, np.ndarray) and is_floating(x)]


def refilled(value: Any, wanted: Callable[[Any], bool], replacements: list[Any]) -> Any:
    """A value with its wanted leaves replaced, in order."""
    rest = iter(replacements)
    return mapped(lambda x: next(rest) if wanted(x) else x, value)
