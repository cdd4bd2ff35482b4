"""The command's subcommands, what they share, and the exit code."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from typing import NoReturn

from parity import errors
from parity.errors import ParityError, UsageError

from . import alarms, bisect, convert, doctor, golden, kernels, lint, listing, mutants, run, trace

EPILOG = """\
examples:
  parity doctor                      what this machine can run, and how precisely it computes
  parity run                         the model side by side, layer by layer, and the canonical cases
  parity trace --case CASE           where error comes in, call by call, and what grows it
  parity bisect --case CASE          which word, module or parameter makes a model fail
  parity golden verify fixtures      golden cases against the reference and the port
  parity kernels check kernel.json   one Metal kernel, every check, on this machine's CPU
  parity lint mlx_impl               the strict rules of MLX code, without running it
  parity convert SOURCE OUT          a checkpoint for the port: safetensors, PyTorch, a folder

exit codes:
  0 parity holds           5 nothing collected        12 a required side is not available
  1 it does not            10 nothing was compared
  2 interrupted            11 stale or unused golden case
  4 usage
"""


class Parser(argparse.ArgumentParser):
    """One whose mistakes end with the exit code for usage: argparse's own is that of an interruption."""

    def error(self, message: str) -> NoReturn:
        """Raises: UsageError, always."""
        raise UsageError(f"{message}; '{self.prog} --help' shows what there is")


@cache
def parser() -> argparse.ArgumentParser:
    """The command line; the same for every call of `main` in a process."""
    top = Parser(
        prog="parity",
        description="Does an MLX port compute what its PyTorch reference computes?",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    try:
        version = metadata.version("m2bert-parity")
    except metadata.PackageNotFoundError:  # run from its source
        version = "not installed"
    top.add_argument("--version", action="version", version=f"parity {version}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (
        doctor, listing, run, trace, bisect, mutants, alarms, golden, kernels, lint, convert,
    ):  # fmt: skip
        module.add(commands)
    return top


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """SIGTERM, by which CI ends a job, as Ctrl-C: what was begun is cleared away, and the exit code tells."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    ours = ours and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    try:
        arguments = parser().parse_args(argv)
        with _ended_as_interrupted():
            code: int = arguments.run(arguments)
    except ParityError as error:
        # Names from files may have sequences that a terminal obeys.
        text = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(error))
        print(f"parity: {text}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("parity: interrupted", file=sys.stderr)
        return errors.EXIT_INTERRUPTED
    except BrokenPipeError:  # somebody reads only the first lines
        sys.stderr.close()
        return errors.EXIT_INTERRUPTED
    return code
