"""``parity run --checkpoint``: a model with its own weights, on sentences, given tokens or drawn ones."""

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from parity import sides
from parity.case import Case
from parity.compare import Comparison
from parity.dtypes import FLOAT32, WorkingDtype
from parity.errors import ParityError, SideUnavailableError, UsageError
from parity.given import Given, Narrow, Trained
from parity.mainjob import MOST_SEEDS, main_job, trace
from parity.mainjob import SEEDS as TRACE_SEEDS
from parity.narrowed import drift_rows, weight_rows
from parity.nodes import Target
from parity.record import Row, row_of
from parity.rules import Ratio
from parity.settings import Settings
from parity.sides.base import resolve_target
from parity.spec import REGISTRY, Job
from parity.text import Tokens, from_ids, from_text
from parity.verdict import decide

from .common import Progress
from .common import repeat as repeat_of
from .convert import fetched

OPTIONS = ("checkpoint", "text", "tokens", "port", "length")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a run with a checkpoint."""
    group = parser.add_argument_group("a model with weights of its own")
    group.add_argument("--checkpoint", metavar="PATH", help="a file, a folder, or hf:owner/name[@revision]")
    group.add_argument(
        "--text", type=Path, metavar="FILE", help="one sentence a line, in the checkpoint's own tokens"
    )
    group.add_argument("--tokens", type=Path, metavar="FILE", help="token ids, one sequence a line")
    group.add_argument(
        "--port", type=Path, metavar="PATH", help="a converted port (half, packed): what its weights cost"
    )
    group.add_argument(
        "--length",
        type=int,
        metavar="N",
        help="cut and fill up inputs to N tokens (the checkpoint's longest)",
    )


def consistent(arguments: argparse.Namespace) -> None:
    """Raises: UsageError if an option would be ignored."""
    given = [f"--{name}" for name in OPTIONS if getattr(arguments, name) is not None]
    if arguments.checkpoint is None and given:
        raise UsageError(f"{given[0]} goes with --checkpoint PATH")
    if arguments.checkpoint is not None and arguments.case is not None:
        raise UsageError("--case has seeded weights: leave it out, or --checkpoint")
    if arguments.text is not None and arguments.tokens is not None:
        raise UsageError("--text and --tokens are two sources of tokens: give one")
    if arguments.length is not None and arguments.length < 1:
        raise UsageError(f"--length {arguments.length}, expected at least 1")


def rows(
    arguments: argparse.Namespace, settings: Settings, where: list[Target], say: Progress
) -> Iterator[Row]:
    """Every layer and word of the checkpoint's model, each sentence, and what a narrower port costs.

    Raises: ParityError if the checkpoint cannot be taken or its two readers differ, SideUnavailableError
        without PyTorch.
    """
    reason = sides.why_not("torch") or sides.why_not("mlx")
    if settings.oracle != "live" or reason:
        raise SideUnavailableError(f"--checkpoint runs both sides: {reason or 'leave --oracle golden out'}")
    dtypes = settings.working_dtypes() if arguments.parity_dtypes else [FLOAT32]
    if arguments.port is not None and (FLOAT32 not in dtypes or "mlx" not in [t.side for t in where]):
        raise UsageError(
            "--port is held beside the whole port in float32 on MLX: leave --dtypes and --sides so"
        )
    job = main_job(settings.specs)
    sides.use_threads(settings.threads or os.cpu_count() or 1)
    say("both readers")
    model = _read(job, arguments, say)
    for note in model.notes:
        say(note)
    length = min(arguments.length or model.length, model.length)
    tokens = _tokens(arguments, model, length)
    narrow = None if arguments.port is None else _narrow(job, arguments.port, model)
    for dtype, target in product(dtypes, where):
        own = [*_words(arguments), "--dtypes", dtype.short, "--seed", str(settings.seed)]
        repeat = repeat_of(settings, "run", *own)
        case = _case(model, tokens, dtype, settings.seed, length)
        yield from _judged(case, target, model, tokens, settings, repeat, say)
        if narrow is not None and dtype is FLOAT32 and target.side == "mlx":
            say(f"{narrow.title} on {target.label}")
            samples = min(TRACE_SEEDS, len(tokens.ids)) if tokens else TRACE_SEEDS
            yield from weight_rows(narrow, case.spec.name, target, repeat)
            yield from drift_rows(case, target, narrow, samples=samples, repeat=repeat, say=say)


def _read(job: Job, arguments: argparse.Namespace, say: Progress) -> Trained:
    if not job.trained:
        raise UsageError(
            "the main job of these specs does not say how to read a checkpoint (Job(trained=...))"
        )
    from mlx_impl.checkpoint import CheckpointError

    try:
        path, root = fetched(arguments.checkpoint, say)
    except CheckpointError as error:
        raise ParityError(str(error)) from error
    found: Trained = resolve_target(job.trained)(path, root=root, length=arguments.length)
    return found


def _narrow(job: Job, path: Path, model: Trained) -> Narrow:
    if not job.narrow:
        raise UsageError("the main job of these specs does not say how to read a port (Job(narrow=...))")
    found: Narrow = resolve_target(job.narrow)(path, model)
    return found


def _tokens(arguments: argparse.Namespace, model: Trained, length: int) -> Tokens | None:
    if arguments.text is not None:
        return from_text(arguments.text, model, length)
    return None if arguments.tokens is None else from_ids(arguments.tokens, model, length)


def _case(model: Trained, tokens: Tokens | None, dtype: WorkingDtype, seed: int, length: int) -> Case:
    spec = REGISTRY.get(model.spec)
    sizes = spec.case_sizes("") | {"b": 1, "l": length, "v": model.vocabulary}
    optional = tuple(n for n, a in spec.arrays().items() if a.optional)
    inputs = None if tokens is None else lambda own: tokens.inputs(own - seed)
    given = Given(parameters=model.parameters, inputs=inputs)
    return Case(spec, sizes, dtype, arguments=model.arguments, left_out=optional, seed=seed, given=given)


def _judged(
    case: Case,
    target: Target,
    model: Trained,
    tokens: Tokens | None,
    settings: Settings,
    repeat: str,
    say: Progress,
) -> Iterator[Row]:
    """The trace over all inputs, and with sentences a row for each."""
    heard: dict[int, Mapping[str, Comparison]] = {}
    seeds, most = settings.seeds or TRACE_SEEDS, MOST_SEEDS
    title = model.title
    if tokens is not None:
        seeds = most = min(len(tokens.ids), settings.seeds or MOST_SEEDS)
        left = f" of {len(tokens.ids)} (more: --seeds)" if seeds < len(tokens.ids) else ""
        cut = f", {tokens.cut} cut to {tokens.length} tokens" if tokens.cut else ""
        title += f", {seeds} sequences{left}{cut}"
    say(f"{title}, in {case.dtype.name} on {target.label}")

    def keep(seed: int, found: Mapping[str, Comparison]) -> None:
        heard[seed - case.seed] = {n: c for n, c in found.items() if not n.startswith("act ")}

    for row in trace(case, target, title=title, repeat=repeat, seeds=seeds, most=most, say=say, heard=keep):
        yield replace(row, notes=(*row.notes, *model.notes) if row.result in case.spec.outputs else row.notes)
    if tokens is None:
        return
    for i, found in sorted(heard.items()):
        verdicts = {name: decide([comparison], Ratio()) for name, comparison in found.items()}
        yield replace(
            row_of(
                verdicts,
                kind="model",
                id=f"{case.spec.name}-sequence-{i + 1}-{case.dtype.short}-{target.label}",
                spec=case.spec.name,
                side=target.side,
                device=target.device,
                dtype=case.dtype.name,
                case=title,
                repeat=repeat,
            ),
            notes=(f"{len(tokens.ids[i])} tokens: {tokens.names[i][:100]}",),
        )


def _words(arguments: argparse.Namespace) -> list[str]:
    """The options that say what was run."""
    found: list[Any] = []
    for name in OPTIONS:
        value = getattr(arguments, name)
        if value is not None:
            found += [f"--{name}", str(value)]
    return found
