"""A case that holds: what its words do by their own specs."""

import shlex

import pytest

from parity.case import Case, named
from parity.drift.bisect import bisect
from parity.drift.finding import HOLDS
from parity.drift.inner import made_at
from parity.drift.like import like_call
from parity.drift.narrow import narrow, word_spec
from parity.drift.own_specs import _said, by_own_specs, lines_of
from parity.drift.prober import Prober
from parity.drift.said import as_layer
from parity.dtypes import FLOAT32
from parity.nodes import Target
from parity.sides.points import Point
from parity.spec import LayerSpec
from parity.swap import swapped
from parity.tests.drift.conftest import CULPRITS

pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]

CASE = "BertLayer;b=1;l=8;d=16;arg.residual_long_conv=False;arg.bidirectional=False"


def test_the_nearest_to_its_gate(target: Target) -> None:
    """Every word that has a spec, the nearest first, with a command that asks it again."""
    near = by_own_specs(Prober(as_layer(Case.parse(CASE)), target))
    assert {"gelu", "long_conv", "layer_norm", "linear"} <= {n.word for n in near}
    assert not [n for n in near if n.fails]
    assert [n.gate for n in near] == sorted((n.gate for n in near), reverse=True)
    assert 0 < near[0].gate < 1
    words = shlex.split(near[0].command)
    assert words[:3] == ["parity", "run", "--case"]
    assert Case.parse(words[3]).spec.name == near[0].word
    first, command = lines_of(near)
    assert f"{near[0].word} {near[0].gate:.2g}" in first
    assert near[0].command in command


def test_a_length_that_the_named_cases_do_not_have(target: Target) -> None:
    """A culprit is asked with the sizes that it has in the model, and says which of them decides."""
    with swapped([f"mlx_impl.ops.depthwise_conv1d={CULPRITS}:conv_of_other_lengths"]):
        case = as_layer(Case.parse(CASE.replace("l=8", "l=33")))
        prober = Prober(case, target)
        assert isinstance(case.spec, LayerSpec)
        point = Point("attention.short_filter", "depthwise_conv1d")
        made = made_at(prober.pair()[1], point)
        found = narrow(case.spec, point, case.dtype, target, vjp=False, made=made)
        without = narrow(case.spec, point, case.dtype, target, vjp=False)
    assert found is not None
    assert without is not None
    assert not without.smallest
    assert "depends on l: fails at 1, 17, 33" in "\n".join(found.lines())
    assert ";l=1;" in found.smallest


@pytest.mark.parametrize("text", ["BertForMaskedLM;l=9;d=16;vjp", "BertModel;l=9;arg.attention_pooling=True"])
def test_every_word_has_a_case_like_its_calls(target: Target, text: str) -> None:
    """The spec's axes fit what the models say."""
    found = _said(Prober(as_layer(Case.parse(text)), target))
    for (name, _), made in found.items():
        word = word_spec(name)
        if word is not None:
            assert like_call(named(word, word.cases[0], FLOAT32), made) is not None, made.point


@pytest.mark.parametrize("what", ["mlp.act/gelu", "mlx_impl.ops.gelu"])
def test_a_word_that_the_case_does_not_see_fail(target: Target, what: str) -> None:
    """Wrong for numbers that the case does not have: it is named first, with a swap for itself alone."""
    swaps = [f"{what}={CULPRITS}:gelu_wrong_when_large"]
    with swapped(swaps):
        prober = Prober(as_layer(Case.parse(CASE)), target)
        assert bisect(prober).kind == HOLDS
        near = by_own_specs(prober, swaps)
    assert [n.word for n in near if n.fails] == ["gelu"]
    assert near[0].path == ("mlp.act" if "/" in what else "")
    assert f"--swap mlx_impl.ops.gelu={CULPRITS}:gelu_wrong_when_large" in near[0].command
    failing, command = lines_of(near)
    assert "FAILS by its own spec" in failing
    assert near[0].command in command
