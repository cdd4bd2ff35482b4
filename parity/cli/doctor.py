"""``parity doctor``: sides, precision, environment."""

import argparse
from dataclasses import asdict
from typing import Any

from parity import errors, sides
from parity.environment import environment
from parity.nodes import targets
from parity.probe import probe_all, rows
from parity.report.terminal import probe_lines
from parity.settings import Settings

from .common import command, plain, prepared, print_json


def add(commands: Any) -> None:
    """Declare the subcommand."""
    command(
        commands,
        "doctor",
        run,
        help="show what can run here, how precisely each side computes, and what may change numbers",
        example="parity doctor --json > doctor.json",
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the probe has findings, 12 if a required side is missing."""
    with prepared(arguments) as settings:
        from parity.msl.compiler import describe  # brings MLX, whose BLAS has to be chosen before

        pairs = [("torch", "cpu")] if sides.why_not("torch") is None else []
        pairs += [(t.side, t.device) for t in targets(settings)]
        result = probe_all(pairs, settings.working_dtypes())
        found = environment()
    missing = [s for s in settings.require_side if sides.why_not(s)]
    if arguments.json:
        print_json(
            {
                "environment": found,
                "metal_kernels": describe(),
                "probe": plain(rows(result)),
                "findings": result.findings,
                "settings": {k: str(v) for k, v in asdict(settings).items()},
            }
        )
    else:
        shown = [*_describe(found), *_kernels(describe()), *probe_lines(rows(result)), *_in_force(settings)]
        print("\n".join(shown))
    if missing:
        return errors.EXIT_SIDE_UNAVAILABLE
    return errors.EXIT_MISMATCH if result.findings else errors.EXIT_OK


def _describe(found: dict[str, Any]) -> list[str]:
    machine = found["machine"]
    lines = [
        f"{machine['system']} {machine['release']} {machine['architecture']}, "
        f"{machine['processor']}, {machine['cores']} cores, Python {found['python']}",
        ", ".join(f"{k} {v}" for k, v in found["packages"].items()),
        "linear algebra: " + (", ".join(found["blas"]) or "unknown"),
        *(f"{k}={v}" for k, v in found["variables"].items()),
        "",
        "sides",
    ]
    for name, facts in found["sides"].items():
        text = facts.get("unavailable")
        shown = f"not here: {text}" if text else ", ".join(f"{k} {_text(v)}" for k, v in facts.items())
        lines.append(f"  {name:7s} {shown}")
    return lines


def _kernels(facts: dict[str, Any]) -> list[str]:
    """What compiles Metal kernels for the CPU."""
    text = facts.get("unavailable") or f"{facts['version']} ({facts['found']}: {facts['compiler']})"
    cache = [f"  cache     {facts['cache']}"] if "cache" in facts else []
    others = [f"  not used  {facts['passed over']}"] if "passed over" in facts else []
    return ["", "Metal kernels on the CPU", f"  compiler  {text}", *others, *cache]


def _in_force(settings: Settings) -> list[str]:
    lines = ["", "settings"]
    return lines + [f"  {k} = {_text(v)}" for k, v in asdict(settings).items() if v not in ((), None)]


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
