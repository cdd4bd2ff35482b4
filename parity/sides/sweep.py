"""A run with gradients of which parts are severed: nothing is kept of them on the way there but what they
were given, and on the way back each is run again by itself.

So the activations of one part are all that there is at any time, however many parts a model has. What a part
computes with has to be its arguments or parameters: anything else (an array that the module around it has put
into an attribute) is a constant on the way back.
"""

from collections.abc import Mapping, Set
from typing import Any, Protocol

from parity.dtypes import AnyArray

from .base import Outcome
from .points import Around, Call, Point


class Part(Protocol):
    """One severed call."""

    point: Point

    @property
    def paths(self) -> Set[str]:
        """The modules that were called within, itself included; known once the call has been made."""

    def around(self, point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Stands around the calls within when it is run again."""

    def done(self, gradients: dict[str, AnyArray]) -> None:
        """Called last on the way back, with the gradients of all parameters that it reaches."""


class Sweep(Protocol):
    """Such a run of one model."""

    def run(self, around: Around) -> Outcome:
        """Run the model forward and backward; of parameters it has the gradients that came from outside of
        all severed parts."""

    def severed(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any], part: Part) -> Any:
        """A call's result, to be given back by the around of a run."""

    def zeros(self) -> Mapping[str, AnyArray]:
        """What the gradient of each parameter is if nothing reaches it, in the order of the parameters."""
