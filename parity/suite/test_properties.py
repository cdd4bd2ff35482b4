"""Any case of any spec: Hypothesis looks for the worst, and makes what fails small."""

from collections.abc import Iterable

import pytest

from parity.case import Case
from parity.errors import NotOnKernelError
from parity.golden.capture import golden_case
from parity.judge import Judgement, judge
from parity.messages import keep
from parity.nodes import EXECUTOR, KERNEL_SIDES, Node
from parity.search import EXAMPLES, search
from parity.session import Recorder
from parity.strategies import each_argument, each_choice

pytestmark = pytest.mark.parity_live

CHOICE_SEEDS = 3
"""Inputs of each choice of a word in the first dtype; elsewhere one if not deep, more while undecided."""


def _search(node: Node, parity: Recorder) -> None:
    examples = EXAMPLES[node.spec.family][parity.settings.profile]
    if not examples:
        pytest.skip(f"the {parity.settings.profile} profile does not search {node.spec.family}s")
    found = search(
        node.spec,
        node.dtype,
        node.target,
        vjp=node.vjp,
        examples=examples,
        seed=parity.settings.seed,
    )
    judgement = found.failure or found.worst
    _not_on_kernel(node, parity, "search", found.not_run, nothing=judgement is None)
    assert judgement is not None, "the search drew no case"
    parity.conclude("property", f"{node.id}-search", judgement, node.dtype, hint=keep(judgement.case))


@pytest.mark.parity_nodes("word", named_cases="none", kernels="first", turn=True)
def test_each_choice(node: Node, parity: Recorder) -> None:
    """Every kind of input, layout, option and optional argument, each once; every size in the first dtype."""
    profile, first = parity.settings.profile, parity.settings.working_dtypes()[0]
    usual = profile == "default" and node.dtype is first and node.target.side not in KERNEL_SIDES
    sizes = profile == "deep" or usual
    _conclude_worst(node, parity, each_choice(node.case(), sizes=sizes), "choices")


@pytest.mark.parity_nodes("layer", "model", vjp=True, named_cases="none", first_dtype=True)
def test_each_argument(node: Node, parity: Recorder) -> None:
    """Every choice of every constructor argument, each once, in a small case in the first dtype."""
    profile = parity.settings.profile
    if profile == "quick" or (profile == "default" and node.spec.family == "model"):
        pytest.skip(f"the {profile} profile does not choose every argument of {node.spec.family}s")
    case = golden_case(node.spec, node.dtype, node.seed)
    _conclude_worst(node, parity, [case, *each_argument(case)], "arguments")


def _conclude_worst(node: Node, parity: Recorder, cases: Iterable[Case], label: str) -> None:
    target = node.target
    first = node.dtype is parity.settings.working_dtypes()[0]
    usual = first and node.spec.family == "word" and target.side != EXECUTOR
    seeds = CHOICE_SEEDS if usual or parity.settings.profile == "deep" else 1
    judged: list[Judgement] = []
    fell: dict[str, str] = {}
    for case in cases:
        try:
            judged.append(judge(case, target.side, target.device, seeds=seeds))
        except NotOnKernelError as error:
            fell.setdefault(str(error), str(case))
    _not_on_kernel(node, parity, label, fell, nothing=not judged)
    worst = max(judged, key=lambda j: (j.status == "fail", j.status == "undecided", j.worst[1].ratio))
    parity.conclude("property", f"{node.id}-{label}", worst, node.dtype, hint=keep(worst.case))


def _not_on_kernel(node: Node, parity: Recorder, label: str, cases: dict[str, str], *, nothing: bool) -> None:
    """A row for the cases that ran on no kernel, beside that of the others; a skip if there are no others."""
    if cases:
        parity.not_on_kernel("property", f"{node.id}-{label}-not-on-kernels", node, cases)
        if nothing:
            pytest.skip("; ".join(cases))


@pytest.mark.parity_nodes("word", named_cases="none", kernels="first", turn=True)
def test_any_case(node: Node, parity: Recorder) -> None:
    """Any sizes, layout, options and kind of input, NaN and infinities included."""
    _search(node, parity)


@pytest.mark.parity_nodes("word", vjp=True, named_cases="none", kernels="first", turn=True)
def test_any_gradient(node: Node, parity: Recorder) -> None:
    """Any finite case of a word, with its gradients."""
    _search(node, parity)


@pytest.mark.parity_nodes("layer", "model", vjp=True, named_cases="none", first_dtype=True)
def test_any_layer(node: Node, parity: Recorder) -> None:
    """Any sizes and constructor arguments of a layer or model, with gradients, in the first dtype."""
    _search(node, parity)
