"""``parity convert``: a checkpoint in any of its forms into the port's safetensors, or back."""

import argparse
from pathlib import Path
from typing import Any

from parity import sides
from parity.errors import EXIT_OK, ParityError, SideUnavailableError, UsageError

from .common import Progress, command, print_json


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "convert",
        run,
        help="a checkpoint (safetensors, PyTorch's files, a folder, hf:owner/name) for the port, or back",
        example="parity convert pytorch_model.bin m2bert-80m --dtype bfloat16",
        options=False,
    )
    parser.add_argument("source", metavar="SOURCE", help="a file, a folder, or hf:owner/name[@revision]")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder, or a file that ends in .safetensors")
    parser.add_argument("--to", choices=("mlx", "canonical"), default="mlx", help="for whom (mlx)")
    parser.add_argument(
        "--dtype", choices=("float32", "float16", "bfloat16"), help="of the weights (as they are)"
    )
    parser.add_argument("--quantize", type=int, choices=(8, 4), help="pack large matrices in so many bits")
    parser.add_argument(
        "--group-size", type=int, choices=(32, 64, 128), help="weights that share a scale (64)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a config.json (the one beside SOURCE)")
    parser.add_argument("--length", type=int, metavar="N", help="extend the position tables to N positions")
    parser.add_argument(
        "--extend",
        choices=("canonical", "copies"),
        help="how to extend: as the canonical code, or plain copies",
    )
    parser.add_argument(
        "--not-strict",
        action="store_true",
        help="names that the model does not have are warnings, not errors",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace OUT if it has nothing but what is written"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the checkpoint cannot be taken; then nothing has been written."""
    _consistent(arguments)
    reason = sides.why_not("mlx")
    if reason is not None:
        raise SideUnavailableError(f"convert needs MLX: {reason}")
    from mlx_impl.checkpoint import CheckpointError, convert, describe

    say = Progress(quiet=arguments.json)
    try:
        path, root = fetched(arguments.source, say)
        say(f"reading {path}")
        done = convert(
            path,
            arguments.out,
            config=arguments.config,
            root=root,
            dtype=arguments.dtype,
            bits=arguments.quantize,
            group_size=arguments.group_size or 64,
            length=arguments.length,
            way=arguments.extend or "canonical",
            target=arguments.to,
            strict=not arguments.not_strict,
            force=arguments.force,
        )
    except CheckpointError as error:
        raise ParityError(str(error)) from error
    found = describe(done)
    if arguments.json:
        print_json(found)
    else:
        print("\n".join(_lines(found)))
    return EXIT_OK


def fetched(source: str, say: Progress) -> tuple[Path, Path | None]:
    """A path, and the folder that its links may point into; what is named ``hf:`` is fetched first."""
    from mlx_impl.checkpoint import download
    from mlx_impl.checkpoint.hub import PREFIX

    if not source.startswith(PREFIX):
        return Path(source), None
    say(f"fetching {source.removeprefix(PREFIX)}")
    return download(source)


def _consistent(arguments: argparse.Namespace) -> None:
    """Raises: UsageError if an option would be ignored."""
    if arguments.extend is not None and arguments.length is None:
        raise UsageError("--extend says how --length extends: give --length N")
    if arguments.group_size is not None and arguments.quantize is None:
        raise UsageError("--group-size goes with --quantize")
    if arguments.length is not None and arguments.length < 1:
        raise UsageError(f"--length {arguments.length}, expected at least 1")


def _configured(told_by: str) -> str:
    return f"configuration {told_by if told_by.startswith('inferred') else f'from {told_by}'}"


def _lines(found: dict[str, Any]) -> list[str]:
    """What was read, inferred, assumed, mapped and written."""
    dtypes = ", ".join(f"{n} {name}" for name, n in found["dtypes"].items())
    lines = [f"read      {found['tensors']} tensors ({dtypes}) from {found['source']}, {found['form']}"]
    lines += [f"          sha256 {digest}  {name}" for name, digest in found["sha256"].items()]
    if found["nesting"] or found["prefixes"]:
        taken = ", ".join([*([found["nesting"]] if found["nesting"] else []), *found["prefixes"]])
        lines.append(f"          under {taken}")
    lines.append(f"model     {found['head']}, {_configured(found['configuration'])}")
    for what in ("inferred", "assumed"):
        if found[what]:
            lines.append(f"{what:9s} {', '.join(f'{k}={v!r}' for k, v in found[what].items())}")
    if found["ignored"]:
        lines.append(f"ignored   {', '.join(found['ignored'])}")
    if found["left_out"]:
        lines.append(f"left out  {', '.join(found['left_out'][:4])} … ({len(found['left_out'])})")
    lines.append(f"mapped    {found['tied']} further names of shared parameters")
    if found["quantized"]:
        lines.append(f"packed    {len(found['quantized'])} matrices; as they are:")
        reasons: dict[str, list[str]] = {}
        for name, reason in found["kept"].items():
            reasons.setdefault(reason, []).append(name)
        lines += [
            f"          {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {reason}"
            for reason, names in reasons.items()
        ]
    lines.append(
        f"wrote     {found['written']} tensors, {found['bytes']:,} bytes: {found['out']} ({found['target']})"
    )
    if found["copied"]:
        lines.append(f"          with {', '.join(found['copied'])}")
    return lines + [f"note      {note}" for note in found["notes"]]
