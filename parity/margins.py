"""Both sides of a gate: noise lies below it, the smallest known bug above it.

The noise is measured in every run. What the bugs do takes a run of its own (``parity mutants``) and is kept
in ``reports/margins.json``; how often the gate of a model is wrong (``parity alarms``), in
``reports/alarms.json``.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ParityError
from .files import write_text

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


def update(path: Path, effects: Mapping[str, tuple[float, str]]) -> None:
    """Put effects (spec → multiple of the gate, bug) into the ledger; what they do not speak of stays."""
    known = dict(read(path))
    for name, (effect, bug) in effects.items():
        known[name] = Margin(effect, bug)
    specs = {n: {"effect": _figure(m.effect), "bug": m.bug} for n, m in sorted(known.items())}
    write_text(path, json.dumps({"schema": SCHEMA, "specs": specs}, indent=1) + "\n")


def _figure(x: float) -> float | str:
    return float(f"{x:.4g}") if math.isfinite(x) else "inf"


def read_rates(path: Path) -> Mapping[str, Any] | None:
    """What ``parity alarms --update`` kept in ``reports/alarms.json``, if there is any.

    Raises: ParityError if the file is something else.
    """
    if not path.is_file():
        return None
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ParityError(f"{path} has schema {data['schema']}, expected {SCHEMA}: run 'parity alarms'")
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ParityError(f"{path} is not what 'parity alarms' writes ({error}): remove it") from None
    return data
