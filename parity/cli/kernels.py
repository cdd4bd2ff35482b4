"""``parity kernels``: run, check or profile a Metal kernel on any machine, and compare executors."""

import argparse
import fnmatch
from dataclasses import asdict
from pathlib import Path
from typing import Any

from parity import errors
from parity.errors import SideUnavailableError, UsageError, unknown

from .common import Progress, command, prepared, print_json


def add(commands: Any) -> None:
    """Declare the subcommands."""
    kernels = commands.add_parser(
        "kernels",
        help="run, check or profile Metal kernels on the CPU, and beside an Apple GPU",
        description="A Metal kernel for mx.fast.metal_kernel, compiled and run on this machine's CPU.",
        epilog="example:\n  parity kernels check softmax.json --schedules 20",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = kernels.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = [
        _action(
            actions,
            "run",
            run,
            "run a kernel once, checked, and show its outputs",
            "run exp.json --save out.safetensors",
        ),
        _action(
            actions,
            "check",
            check,
            "run a kernel in many schedules and all floating-point modes",
            "check exp.json",
        ),
        _action(
            actions,
            "profile",
            profile,
            "count what a kernel asks of memory and arithmetic",
            "profile tile.py:case",
        ),
    ]
    listed = command(
        actions,
        "list",
        listing,
        help="the port's kernels: what each computes, and what its profile may cost",
        example="parity kernels list 'fft*'",
    )
    listed.add_argument("pattern", nargs="?", default="*", help="names, as the shell matches them")
    command(
        actions,
        "compare",
        compare,
        help="the port's kernels on an Apple GPU beside the executor, and what the device is like",
        example="parity kernels compare --json > kernels.json",
    )
    for parser in made:
        parser.add_argument("kernel", help="FILE.json, module:object or path/to/file.py:object")
        parser.add_argument(
            "--time-limit", type=float, default=60.0, metavar="S", help="seconds of processor time"
        )
    made[0].add_argument("--save", metavar="FILE", help="write the outputs to a .safetensors file")
    for parser in made[:2]:
        parser.add_argument(
            "--seed", type=int, default=0, help="which orders of threads, which errors of functions"
        )
    made[1].add_argument("--schedules", type=int, default=5, help="orders of threads to try")
    made[1].add_argument("--modes", help="floating-point modes, comma-separated; all of them otherwise")
    made[2].add_argument("--groups", type=int, default=64, help="threadgroups whose accesses are logged")


def _action(actions: Any, name: str, function: Any, help: str, example: str) -> argparse.ArgumentParser:
    return command(actions, name, function, help=help, example=f"parity kernels {example}", options=False)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the checks find a mistake.

    Raises: UsageError, MslError.
    """
    from parity import msl
    from parity.msl import arrays, descriptions

    description = descriptions.load(arguments.kernel)
    with msl.configured(on_findings="ignore", seed=arguments.seed, time_limit=arguments.time_limit):
        outputs = _called(description)
    outcome = description.kernel.last
    assert outcome is not None
    names = description.kernel.text.output_names
    if arguments.save:
        _save(arguments.save, dict(zip(names, outputs, strict=True)))
    if arguments.json:
        shown = {
            n: {"dtype": arrays.dtype_name(o.dtype), "shape": o.shape}
            for n, o in zip(names, outputs, strict=True)
        }
        counts = {k: v for k, v in outcome.report.items() if isinstance(v, int | float)}
        print_json({"outputs": shown, "findings": [f.plain() for f in outcome.findings], "counts": counts})
    else:
        for name, output in zip(names, outputs, strict=True):
            print(f"{name}: {arrays.dtype_name(output.dtype)} {output.shape}\n{output}")
        for f in outcome.findings:
            print(f"\n{'note: ' if f.severity == 'note' else ''}{f.describe()}")
    return errors.EXIT_MISMATCH if outcome.errors else errors.EXIT_OK


def check(arguments: argparse.Namespace) -> int:
    """Exit code 1 if a schedule or mode shows a mistake.

    Raises: UsageError, MslError.
    """
    from parity import msl
    from parity.msl import descriptions
    from parity.msl.fpmodes import MODES, REASSOCIATED, allowed

    known = {m.name: m for m in (*MODES, REASSOCIATED)}
    for name in arguments.modes.split(",") if arguments.modes else ():
        if name not in known:
            raise UsageError("--modes: " + unknown("mode", name, known))
    description = descriptions.load(arguments.kernel)
    possible = [m.name for m in allowed(description.kernel.math_mode)]
    wanted = arguments.modes.split(",") if arguments.modes else possible
    Progress(arguments.json)(
        f"{description.kernel.text.name}: {arguments.schedules} schedules, {len(wanted)} modes"
    )
    report = _usage(
        lambda: msl.check(
            description.kernel,
            schedules=arguments.schedules,
            modes=[known[n] for n in wanted],
            seed=arguments.seed,
            time_limit=arguments.time_limit,
            **description.call,
        )
    )
    if arguments.json:
        print_json(
            {
                "kernel": report.kernel,
                "ok": report.ok,
                "schedules": report.schedules,
                "modes": [{"mode": m.mode, "seed": m.seed, "spread": m.spread} for m in report.modes],
                "accesses": report.report["reads"] + report.report["writes"],
                "findings": [f.plain() for f in report.findings],
            }
        )
    else:
        print(report.describe())
    return errors.EXIT_OK if report.ok else errors.EXIT_MISMATCH


def profile(arguments: argparse.Namespace) -> int:
    """Raises: UsageError, MslError."""
    from parity import msl
    from parity.msl import descriptions

    description = descriptions.load(arguments.kernel)
    with msl.configured(time_limit=arguments.time_limit):
        found = _usage(lambda: msl.profile(description.kernel, groups=arguments.groups, **description.call))
    if arguments.json:
        print_json(found.plain())
    else:
        print(found.describe())
    return errors.EXIT_OK


def listing(arguments: argparse.Namespace) -> int:
    """Raises: UsageError if no kernel has such a name."""
    from parity.kernel_spec import KERNELS
    from parity.sides.base import resolve_target

    with prepared(arguments):
        chosen = [s for s in KERNELS.values() if fnmatch.fnmatch(s.name, arguments.pattern)]
        if not chosen:
            raise UsageError(unknown("kernel", arguments.pattern, KERNELS))
        kernels = [(s, resolve_target(s.target)) for s in chosen]
    if arguments.json:
        print_json(
            [
                {
                    "name": spec.name,
                    "summary": kernel.summary,
                    "source": kernel.source,
                    "file": f"{kernel.name}.metal",
                    "inputs": dict(spec.inputs),
                    "outputs": list(kernel.outputs),
                    "dtypes": list(spec.dtypes),
                    "launches": [at.label for at in spec.launches],
                    "bars": asdict(spec.bars),
                }
                for spec, kernel in kernels
            ]
        )
        return errors.EXIT_OK
    for spec, kernel in kernels:
        print(f"{spec.name:22s} {kernel.summary}")
        print(
            f"{'':22s} {', '.join(spec.inputs)} -> {', '.join(kernel.outputs)}; {len(spec.launches)} launches"
        )
    return errors.EXIT_OK


def compare(arguments: argparse.Namespace) -> int:
    """1 if a launch cannot run on both or gives results that differ by more than roundings, or the devices
    differ in what no device may differ in; 10 if nothing was compared, for there is no Apple GPU.
    """
    from parity import canary, sides

    with prepared(arguments) as settings:
        reasons = {name: sides.why_not(name) for name in ("metal", "msl")}
        missing = {name: reason for name, reason in reasons.items() if reason}
        if "msl" in missing:
            raise SideUnavailableError(f"side msl: {missing['msl']}")
        from parity import kernel_compare as both

        executors = [both.on_executor] if "metal" in missing else [both.on_executor, both.on_metal]
        answers = both.canaries(*executors)
        differing = canary.differences(*answers) if len(answers) > 1 else []
        say = Progress(arguments.json)
        launches = []
        for found in both.compare(*executors) if len(executors) > 1 else ():
            say(
                f"{found.kernel} {found.launch} {found.dtype}: {found.problem or format(found.spread, '.2g')}"
            )
            launches.append(found)
    bad = any(c.problem for c in launches) or not all(d.allowed for d in differing)
    prints = {name: canary.fingerprint(a) for name, a in zip(("msl", "metal"), answers, strict=False)}
    if arguments.json:
        print_json(
            {
                "fingerprints": prints,
                "not run": missing,
                "differences": [asdict(d) for d in differing],
                "launches": [asdict(c) for c in launches],
            }
        )
    else:
        for name, text in prints.items():
            print(f"fingerprint of {name}: {text}")
        for name, reason in missing.items():
            print(f"{name} did not run: {reason}")
        for d in differing:
            print(
                f"{'may differ' if d.allowed else 'MUST NOT DIFFER'}: {d.question}, in {d.lanes} of 32 lanes"
            )
        for c in sorted(launches, key=lambda c: -c.spread):
            print(f"{c.spread:8.2g}  {c.kernel} {c.launch} {c.dtype} {c.problem}")
    if "metal" in settings.require_side and "metal" in missing:
        return errors.EXIT_SIDE_UNAVAILABLE
    if not launches:
        return errors.EXIT_NOTHING_COMPARED
    return errors.EXIT_MISMATCH if bad else errors.EXIT_OK


def _called(description: Any) -> Any:
    return _usage(lambda: description.kernel(**description.call))


def _usage(function: Any) -> Any:
    """A call that MLX would refuse is a mistake in the description."""
    try:
        return function()
    except (TypeError, ValueError) as error:
        raise UsageError(str(error).strip()) from error


def _save(path: str, outputs: dict[str, Any]) -> None:
    import mlx.core as mx

    if not Path(path).parent.is_dir():
        raise UsageError(f"--save {path}: there is no directory {str(Path(path).parent)!r}")
    mx.save_safetensors(path, outputs)
