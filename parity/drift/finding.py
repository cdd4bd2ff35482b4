"""What a bisection found, as a value and in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

HOLDS = "below the noise"
NOT_REPRODUCIBLE = "not reproducible"
CULPRITS = "culprits"
HIDDEN = "hidden"
COMBINATION = "only in combination"
OUTSIDE = "outside the model"
UNCONFIRMED = "not confirmed"
REFERENCE = "the reference itself"
AS_ONE = "only where words are said as one"


@dataclass(frozen=True)
class Culprit:
    """One word, module or parameter that was swapped alone, in and out.

    Args:
        what: ``word``, ``module`` or ``parameter``.
        name: the word, the module's path, the parameter's name.
        places: addresses at which it does harm, in order of execution.
        of: how many such calls there are.
        alone: the gate with nothing but this run by the port, in a reference that holds otherwise.
        without: the gate of the port with every culprit mended but this one.
        confirmed: both are failures.
        note: what else is known of it.
        by_itself: the figures are those of single calls on the reference's inputs, not of the whole.
        within: addresses of the calls, each made by the one before, that lead from the word at `places` to
            this one; none where the word is said there itself.
        fickle: the same numbers give it several results.
        seed: that of the input on which it was found, if it is not the finding's.
        writes: it changes what it is given; `without` is then the gate of the port with it mended.
    """

    what: str
    name: str
    places: tuple[str, ...]
    of: int
    alone: float
    without: float
    confirmed: bool
    note: str = ""
    by_itself: bool = False
    within: tuple[str, ...] = ()
    fickle: bool = False
    writes: bool = False
    seed: int | None = None

    @property
    def key(self) -> str:
        """Its name and first place: one word may be wrong in two ways."""
        return f"{self.name} in {self.places[0]}" if self.places else self.name

    def __str__(self) -> str:
        if self.what == "parameter":
            where = self.name
        elif self.what == "module":
            where = f"{self.name} (none of what it calls, but its own lines or parameters)"
        elif len(self.places) == 1:
            where = f"{self.name} in {_path(self.places[0])}"
        elif len(self.places) == self.of:
            where = (
                f"{self.name}, wherever it is said ({self.of} calls, the first in {_path(self.places[0])})"
            )
        else:
            paths = ", ".join(dict.fromkeys(_path(p) for p in self.places))
            where = f"{self.name} in {paths}"
        if self.fickle or self.writes:
            return f"{self.what} {where}: {self.note}"
        figure = f"by itself {self.alone:.3g} times its own gate"
        if not self.by_itself:
            figure = f"alone {self.alone:.3g} times the gate"
        seed = f" with seed={self.seed}" if self.seed is not None else ""
        return f"{self.what} {where}: {figure}{seed}" + (f"; {self.note}" if self.note else "")


def _path(address: str) -> str:
    return address.partition("/")[0] or "the outermost module"


@dataclass(frozen=True)
class Finding:
    """The answer: `kind`, the culprits with their contributions, and what it took.

    Args:
        kind: one of this module's constants.
        gate: how the port did at the start.
        text: the answer in a sentence.
        culprits: the smallest set that was found, the largest contribution first.
        narrowed: what is known of each culprit word by itself: dtypes, smallest case; by its name, a second
            culprit of that name by its `key`.
        near: where nothing is wrong, what is known of the words by their own specs, in words.
        bundles: folders with a reproduction.
        questions, runs: how many hybrids were judged, and how many times a model was run.
        seconds: how long it took.
        verification: how long one verdict on the case takes, in seconds.
        seed: that of the input that fails, if the case's own holds.
    """

    kind: str
    gate: float
    text: str
    culprits: tuple[Culprit, ...] = ()
    narrowed: Mapping[str, Any] = field(default_factory=dict)
    near: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    questions: int = 0
    runs: int = 0
    seconds: float = 0.0
    verification: float = 0.0
    seed: int | None = None

    @property
    def found(self) -> bool:
        """Whether there is something wrong to be found."""
        return self.kind != HOLDS

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The answer for a terminal, a failure's message, a report."""
        found = [f"bisect: {self.text}", *(f"  {line}" for line in self.near)]
        if self.seed is not None:
            found.append(f"  on the input of seed={self.seed}; the case's own holds")
        for culprit in self.culprits:
            found.append(f"  {culprit}")
            narrowed = self.narrowed.get(culprit.key) or self.narrowed.get(culprit.name, {})
            for line in narrowed.get("lines", ()):
                found.append(f"    {line}")
        found += [f"  reproduce: python {b}/repro.py" for b in self.bundles]
        if self.verification:
            share = self.seconds / self.verification
            found.append(
                f"  {self.questions} questions, {self.runs} runs of a model, {self.seconds:.1f} s: "
                f"{share:.1f} times what a verdict on the case takes"
            )
        return found
