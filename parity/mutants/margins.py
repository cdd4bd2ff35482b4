"""The ledger of margins: how far over its gate the smallest known bug of each spec is.

Noise lies below a gate, the smallest known bug above it. The noise is measured in every run; what the bugs do
takes a run of its own and is kept in ``reports/margins.json``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity.errors import ParityError
from parity.files import write_text

from .matrix import Outcome, smallest_effects

SCHEMA = 1


@dataclass(frozen=True)
class Margin:
    """The smallest effect of a known bug on a spec, as a multiple of the gate, and the bug."""

    effect: float
    bug: str


def read(path: Path) -> Mapping[str, Margin]:
    """Spec → its margin; nothing if there is no file.

    Raises: ParityError if the file is not a ledger of margins.
    """
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ParityError(
                f"{path} has schema {data['schema']}, this version reads {SCHEMA}: "
                "run 'parity mutants --all-stages --update-margins'"
            )
        return {name: Margin(float(m["effect"]), str(m["bug"])) for name, m in data["specs"].items()}
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ParityError(
            f"{path} is not a ledger of margins ({error}): remove it and measure again"
        ) from None


def update(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Put the smallest effects of some outcomes into the ledger; what they do not speak of stays."""
    known = dict(read(path))
    for name, (effect, bug) in smallest_effects(outcomes).items():
        known[name] = Margin(effect, bug)
    specs = {n: {"effect": float(f"{m.effect:.4g}"), "bug": m.bug} for n, m in sorted(known.items())}
    write_text(path, json.dumps({"schema": SCHEMA, "specs": specs}, indent=1) + "\n")
