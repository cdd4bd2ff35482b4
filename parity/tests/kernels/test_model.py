"""Whole models with every kernel run by the executor: which words ran on one, and that nothing fell back unseen."""

from collections import Counter

import pytest

import parity.specs
from mlx_impl import kernels
from mlx_impl.kernels.dispatch import Decision
from parity.case import Case, named
from parity.dtypes import FLOAT32, WORKING, WorkingDtype
from parity.judge import judge
from parity.msl import compiler
from parity.spec import REGISTRY

assert parity.specs
pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]

WORDS = {"linear", "blockdiag_multiply", "depthwise_conv1d", "long_conv"}
"""The words of the model that have a kernel."""


def test_a_model_on_kernels() -> None:
    """Loss, logits and every gradient hold, and each word that has a kernel ran on it each time."""
    heard: list[Decision] = []
    case = named(REGISTRY.get("BertForMaskedLM"), "", FLOAT32, vjp=True)
    with kernels.observing(heard.append):
        judgement = judge(case, "msl", "cpu", seeds=1, most=1)
    assert judgement.status != "fail", judgement.worst
    ran, fell = Counter(d.word for d in heard if d.ran), [d for d in heard if not d.ran]
    assert set(ran) == WORDS
    assert not fell, fell[:3]


@pytest.mark.parametrize("dtype", WORKING.values(), ids=lambda d: d.short)
@pytest.mark.parametrize(
    "spec", [s for s in REGISTRY if s.family == "word" and s.kernels], ids=lambda s: s.name
)
def test_words_run_on_their_kernels(spec: object, dtype: WorkingDtype) -> None:
    """A word whose first named case is judged on kernels did run on one: nothing falls back unseen."""
    heard: list[Decision] = []
    case: Case = named(spec, spec.cases[0], dtype)  # type: ignore[attr-defined, arg-type]
    with kernels.observing(heard.append):
        judge(case, "msl", "cpu", seeds=1, most=1)
    assert any(d.ran and d.kernel in spec.kernels for d in heard), heard  # type: ignore[attr-defined]
