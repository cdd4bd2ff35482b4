"""Whole models with every kernel run by the executor: each word that has one ran on it."""

from collections import Counter

import pytest

import parity.specs
from mlx_impl import kernels
from mlx_impl.kernels.dispatch import Decision
from parity import sides
from parity.case import Case, named
from parity.dtypes import FLOAT32, WORKING, WorkingDtype
from parity.judge import judge, task_of
from parity.msl import compiler
from parity.numerics import chosen
from parity.spec import REGISTRY

assert parity.specs
pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]

WORDS = {"linear", "blockdiag_multiply", "depthwise_conv1d", "long_conv"}
"""The words of the model that have a kernel."""

FUSED = {"hyena_filter_forward", "gated_short_conv", "gated_long_conv", "blockdiag_glu"}
"""What the layers say in place of several words, with the profile ``fast``."""


@pytest.mark.parametrize(
    ("numerics", "words"),
    [("canonical", WORDS), ("fast", (WORDS | FUSED) - {"depthwise_conv1d"})],
    ids=["words", "fused"],
)
def test_a_model_on_kernels(numerics: str, words: set[str]) -> None:
    """Loss, logits and every gradient hold, and each word that has a kernel ran on it each time."""
    heard: list[Decision] = []
    case = named(REGISTRY.get("BertForMaskedLM"), "", FLOAT32, vjp=True)
    with chosen(numerics), kernels.observing(heard.append):
        judgement = judge(case, "msl", "cpu", seeds=1, most=1)
    assert judgement.status != "fail", judgement.worst
    ran, fell = Counter(d.word for d in heard if d.ran), [d for d in heard if not d.ran]
    assert set(ran) == words
    assert not fell, fell[:3]


@pytest.mark.parametrize("dtype", WORKING.values(), ids=lambda d: d.short)
@pytest.mark.parametrize(
    "layer", ["MonarchMixerSequenceMixing", "BertGatedLinearUnitMLP", "HyenaFilter"], ids=str
)
def test_fused_layers(layer: str, dtype: WorkingDtype) -> None:
    """Layers that say several words as one pass the gate of the words, in every named configuration."""
    spec = REGISTRY.get(layer)
    for name in spec.cases:
        with chosen("fast"):
            judgement = judge(named(spec, name, dtype, vjp=True), "msl", "cpu", seeds=1, most=4)
        assert judgement.status != "fail", (name, judgement.worst)


def test_words_are_heard_apart() -> None:
    """A trace compares word by word, so that fused layers take theirs apart for it."""
    spec = REGISTRY.get("MonarchMixerSequenceMixing")
    task = task_of(named(spec, spec.cases[0], FLOAT32), 0)
    heard: list[Decision] = []
    with chosen("fast"), kernels.observing(heard.append):
        sides.get("msl").open(task).run()
    assert {d.word for d in heard} == {"linear", "depthwise_conv1d", "long_conv"}


@pytest.mark.parametrize("dtype", WORKING.values(), ids=lambda d: d.short)
@pytest.mark.parametrize("spec", [s for s in REGISTRY if s.kernels], ids=lambda s: s.name)
def test_words_run_on_their_kernels(spec: object, dtype: WorkingDtype) -> None:
    """A word whose first named case is judged on kernels did run on one: nothing falls back unseen."""
    heard: list[Decision] = []
    case: Case = named(spec, spec.cases[0], dtype)  # type: ignore[attr-defined, arg-type]
    with kernels.observing(heard.append):
        judge(case, "msl", "cpu", seeds=1, most=1)
    assert any(d.ran and d.kernel in spec.kernels for d in heard), heard  # type: ignore[attr-defined]
