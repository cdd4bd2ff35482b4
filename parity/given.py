"""Numbers that are given, not drawn: the weights of a checkpoint, the tokens of a text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .dtypes import AnyArray


@dataclass(frozen=True)
class Given:
    """What stands in the place of drawn numbers in a case; None where they are drawn all the same.

    `inputs` is a function of the seed, as drawing is.
    """

    parameters: Mapping[str, AnyArray] | None = None
    inputs: Callable[[int], Mapping[str, AnyArray]] | None = None


@dataclass(frozen=True)
class Trained:
    """A model with weights of its own: a spec, constructor arguments, parameters under canonical names.

    `length` is the longest input, `vocabulary` and `padding` what token ids may be and what fills up;
    `folder` is where its tokenizer may lie.
    """

    spec: str
    arguments: Mapping[str, object]
    parameters: Mapping[str, AnyArray]
    title: str
    folder: str
    length: int
    vocabulary: int
    padding: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Narrow:
    """A port with narrower weights: how to build it, and how its weights lie beside the original's.

    `checks` has for each tensor what is claimed of it, how many numbers, what is wrong, and figures.
    """

    title: str
    build: Callable[[], object]
    checks: tuple["WeightCheck", ...]


@dataclass(frozen=True)
class WeightCheck:
    """One tensor of a narrower port beside the original."""

    name: str
    claim: str
    n: int
    problem: str = ""
    figures: Mapping[str, float] | None = None
