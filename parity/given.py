"""Numbers that are given, not drawn: the weights of a checkpoint, the tokens of a text."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .dtypes import AnyArray
from .errors import ParityError


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
    `folder` is where its tokenizer may lie, `root` the folder that links there may point into.
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
    root: str = ""

    def beside(self, name: str) -> Path | None:
        """A file beside the weights, if it is there.

        Raises: ParityError if it is a link out of the folder.
        """
        path = Path(self.folder, name)
        if not os.path.lexists(path):
            return None
        root = Path(self.root or self.folder).resolve()
        if not path.resolve().is_relative_to(root):
            raise ParityError(
                f"{path} is a link out of the folder, to {path.resolve()}; copy the file itself there"
            )
        return path if path.is_file() else None


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
