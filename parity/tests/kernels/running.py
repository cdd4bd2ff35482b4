"""What tests of kernels share: a place where words run on them, and how a case is judged there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import kernels
from mlx_impl.kernels import Decision
from parity import msl
from parity.case import Case
from parity.judge import Judgement, judge
from parity.msl import compiler

needs_compiler = pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not()))


@contextmanager
def on_kernels(**settings: Any) -> Iterator[list[Decision]]:
    """Within the context words run on kernels, executed and checked here; what each word ran on."""
    heard: list[Decision] = []
    with msl.installed(**settings), kernels.use("on"), kernels.observing(heard.append):
        yield heard


def judged(case: str, **settings: Any) -> Judgement:
    """A case on the side that executes kernels, which must run on one."""
    heard: list[Decision] = []
    with msl.configured(**settings), kernels.observing(heard.append):
        judgement = judge(Case.parse(case), "msl", "cpu", seeds=1)
    assert any(d.ran for d in heard), f"{case} ran on no kernel: {heard}"
    return judgement


def bits(x: mx.array) -> bytes:
    """The bytes of an array, to compare with nothing lost."""
    return bytes(np.array(mx.contiguous(x).view(mx.uint8)))
