"""Mistakes edited into the port's own kernels: a line of a Metal file, changed while a context lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlx_impl.kernels import metal_kernel
from parity import msl
from parity.case import Case
from parity.errors import UsageError
from parity.judge import judge
from parity.kernel_runs import check
from parity.kernel_spec import find
from parity.msl.fpmodes import STRICT

PARITY = "parity"
"""What a mistake is found by that the kernel's check cannot see: wrong numbers."""
SCHEDULES = 4


@dataclass(frozen=True)
class Edit:
    """A mistake in one kernel.

    Args:
        kernel: its name.
        right, wrong: a piece of its text that stands there once, and what stands there instead.
        kind: of the finding, or `PARITY`.
        where: the label of the launch that is checked, or the word's case that is judged.
    """

    kernel: str
    right: str
    wrong: str
    kind: str
    where: str


@contextmanager
def edited(edit: Edit) -> Iterator[None]:
    """Within the context the kernel has the mistake.

    Raises: UsageError if the text to change does not stand there once: the kernel has changed.
    """
    changed: Any = metal_kernel  # a module, two names of which are others for a while
    original = changed.parts

    def parts(name: str) -> tuple[str, str]:
        header, body = original(name)
        if name != edit.kernel:
            return header, body
        found = header.count(edit.right) + body.count(edit.right)
        if found != 1:
            raise UsageError(
                f"kernel {name} has {edit.right!r} {found} times: the mistake needs another place"
            )
        return header.replace(edit.right, edit.wrong), body.replace(edit.right, edit.wrong)

    changed.parts = parts
    changed.built.cache_clear()
    try:
        yield
    finally:
        changed.parts = original
        changed.built.cache_clear()


def findings(edit: Edit) -> set[str]:
    """The kinds of mistake found where the edit says to look, in the kernel as it is now."""
    if edit.kind == PARITY:
        with msl.configured(on_findings="ignore"):
            judgement = judge(Case.parse(edit.where), "msl", "cpu", seeds=1)
        return {PARITY} if judgement.status == "fail" else set()
    spec = find(edit.kernel)
    launching = next(at for at in spec.launches if at.label == edit.where)
    report = check(spec, launching, spec.dtypes[0], schedules=SCHEDULES, modes=[STRICT])
    return {f.kind for f in report.findings if f.severity == "error"}
