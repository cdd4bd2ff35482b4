"""Bisection names what was planted, and nothing else."""

from pathlib import Path

import pytest

from parity.drift import finding
from parity.tests.drift.conftest import Bisected

pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]

SMALL = ";l=8;d=16;arg.residual_long_conv=False;arg.bidirectional=False"
MODEL = f"BertModel{SMALL}"
DEEP = f"{MODEL};arg.num_hidden_layers=5"


def places(found: finding.Finding) -> dict[str, tuple[str, ...]]:
    """Culprits by name, and where."""
    return {c.name: c.places for c in found.culprits}


@pytest.mark.parametrize("layer", [0, 1])
def test_a_word_in_one_layer(bisected: Bisected, layer: int) -> None:
    """By word and path, confirmed alone."""
    path = f"encoder.layer.{layer}.attention.short_filter"
    found = bisected(MODEL, f"{path}/depthwise_conv1d=conv_without_bias")
    assert found.kind == finding.CULPRITS
    assert places(found) == {"depthwise_conv1d": (f"{path}/depthwise_conv1d#0",)}
    assert found.culprits[0].confirmed
    assert found.culprits[0].alone > 10
    assert path in found.text


def test_a_word_everywhere(bisected: Bisected) -> None:
    """All its places, and that it is all."""
    found = bisected(DEEP, "mlx_impl.ops.depthwise_conv1d=conv_without_bias")
    (culprit,) = found.culprits
    assert culprit.name == "depthwise_conv1d"
    assert len(culprit.places) == culprit.of == 5
    assert "wherever it is said" in found.text


def test_a_module_by_its_own_lines(bisected: Bisected) -> None:
    """None of the words in it is to blame."""
    found = bisected(DEEP, "encoder.layer.4.mlp=mlp_exchanged")
    assert places(found) == {"encoder.layer.4.mlp": ("encoder.layer.4.mlp",)}
    assert found.culprits[0].what == "module"


@pytest.mark.parametrize(
    ("parameter", "how", "says"),
    [
        ("encoder.layer.1.mlp.wo.bias", "zeros", "is all zeros"),
        ("embeddings.word_embeddings.weight", "shifted", "right values in other places"),
    ],
)
def test_a_parameter(bisected: Bisected, parameter: str, how: str, says: str) -> None:
    """By its name, with what is wrong with it."""
    found = bisected(MODEL, f"weights:{parameter}={how}")
    (culprit,) = found.culprits
    assert (culprit.what, culprit.name) == ("parameter", parameter)
    assert says in culprit.note


def test_two_at_once(bisected: Bisected) -> None:
    """Of different kinds, in different layers: both, each with its contribution."""
    found = bisected(
        DEEP,
        "encoder.layer.2.attention.short_filter/depthwise_conv1d=conv_without_bias",
        "encoder.layer.3.mlp=mlp_exchanged",
    )
    assert set(places(found)) == {"depthwise_conv1d", "encoder.layer.3.mlp"}
    assert all(c.confirmed for c in found.culprits)
    found = bisected(
        DEEP,
        "encoder.layer.2.attention.short_filter/depthwise_conv1d=conv_without_bias",
        "encoder.layer.3.mlp.layernorm/layer_norm=layer_norm_without_bias",
    )
    assert places(found) == {
        "depthwise_conv1d": ("encoder.layer.2.attention.short_filter/depthwise_conv1d#0",),
        "layer_norm": ("encoder.layer.3.mlp.layernorm/layer_norm#0",),
    }


def test_what_hides_below_the_noise_of_the_whole(bisected: Bisected) -> None:
    """The whole passes; the word by itself does not."""
    found = bisected(MODEL, "mlx_impl.ops.gelu=gelu_a_little_large")
    assert found.kind == finding.HIDDEN
    assert list(places(found)) == ["gelu"]
    assert found.gate < 1
    assert "does not show it" in found.text


def test_beside_something_worse(bisected: Bisected) -> None:
    """A small error beside a large one is named too."""
    found = bisected(
        MODEL,
        "mlx_impl.ops.depthwise_conv1d=conv_without_bias",
        "encoder.layer.0.mlp.act/gelu=gelu_tanh",
    )
    assert set(places(found)) == {"depthwise_conv1d", "gelu"}
    assert places(found)["gelu"] == ("encoder.layer.0.mlp.act/gelu#0",)


def test_a_right_port_has_no_culprit(bisected: Bisected) -> None:
    """It says so, and names nobody; in half precision too."""
    for text in (MODEL, f"{MODEL};dtype=bf16", f"BertForMaskedLM{SMALL};dtype=f16"):
        found = bisected(text)
        assert found.kind == finding.HOLDS
        assert not found.culprits
        assert "below the noise" in found.text


def test_what_changes_from_run_to_run_is_a_race(bisected: Bisected) -> None:
    """Not drift, and the first call that does it is named."""
    found = bisected(MODEL, "encoder.layer.1.mlp.act/gelu=gelu_now_and_then")
    assert found.kind == finding.NOT_REPRODUCIBLE
    assert places(found) == {"gelu": ("encoder.layer.1.mlp.act/gelu#0",)}
    assert "race" in found.culprits[0].note


def test_beside_a_race(bisected: Bisected) -> None:
    """What is wrong by itself is named too; so is every other call that changes its mind."""
    found = bisected(
        MODEL,
        "mlx_impl.ops.gelu=gelu_with_noise",
        "encoder.layer.1.attention.short_filter/depthwise_conv1d=conv_without_bias",
    )
    assert found.kind == finding.NOT_REPRODUCIBLE
    assert {p for c in found.culprits if c.fickle for p in c.places} == {
        f"encoder.layer.{i}.mlp.act/gelu#0" for i in (0, 1)
    }
    assert [c.name for c in found.culprits if not c.fickle] == ["depthwise_conv1d"]
    assert "wrong by themselves: depthwise_conv1d" in found.text


def test_what_depends_on_what_ran_before(bisected: Bisected) -> None:
    """A count of calls that comes out even in each run; a module's own lines."""
    found = bisected(f"BertModel{SMALL};arg.num_hidden_layers=3", "mlx_impl.ops.gelu=gelu_every_third_call")
    assert found.kind == finding.NOT_REPRODUCIBLE
    assert set(places(found)) == {"gelu"}
    found = bisected(MODEL, "encoder.layer.1.mlp=mlp_with_noise")
    assert found.kind == finding.NOT_REPRODUCIBLE
    assert set(places(found)) == {"encoder.layer.1.mlp"}


def test_within_a_wrong_module(bisected: Bisected) -> None:
    """A word that is wrong inside a module that is wrong as well."""
    found = bisected(MODEL, "encoder.layer.1.mlp=mlp_exchanged", "encoder.layer.1.mlp.act/gelu=gelu_tanh")
    assert set(places(found)) == {"encoder.layer.1.mlp", "gelu"}


def test_a_word_that_another_word_says(bisected: Bisected) -> None:
    """The softmax of the attention, not the attention; in a word's own case, too."""
    attention = f"SentenceEmbedding{SMALL};arg.attention_pooling=True"
    for case in (attention, "column_attention;b=2;l=8;d=4"):
        found = bisected(case, "mlx_impl.ops.softmax=softmax_sharper")
        (culprit,) = found.culprits
        assert culprit.name == "softmax"
        assert "said by column_attention" in culprit.note
        assert "softmax" in found.text
        assert "column_attention" not in found.text


def test_a_word_by_itself(bisected: Bisected) -> None:
    """A word's case is searched as if a layer said it; one that holds has no culprit."""
    found = bisected("gelu;b=2;l=8;dtype=f32", "mlx_impl.ops.gelu=gelu_tanh")
    assert places(found) == {"gelu": ("/gelu#0",)}
    assert bisected("gelu;b=2;l=8;dtype=bf16;vjp").kind == finding.HOLDS


def test_a_call_that_raises(bisected: Bisected) -> None:
    """An exception is a failure with a place."""
    found = bisected(MODEL, "encoder.layer.1.mlp.act/gelu=gelu_raises")
    assert places(found) == {"gelu": ("encoder.layer.1.mlp.act/gelu#0",)}


def test_a_wrong_gradient(bisected: Bisected) -> None:
    """The results are right; what comes back is not."""
    assert bisected(MODEL, "mlx_impl.ops.gelu=gelu_wrong_gradient").kind == finding.HOLDS
    found = bisected(f"{MODEL};vjp", "mlx_impl.ops.gelu=gelu_wrong_gradient")
    assert list(places(found)) == ["gelu"]


def test_only_in_combination(bisected: Bisected) -> None:
    """Two words that fail together, each of which the whole would pass: both, and no culprit alone."""
    found = bisected(MODEL, "mlx_impl.ops.gelu=gelu_a_bit_large", "encoder.layer.*.mlp/gate=gate_a_bit_large")
    assert found.kind == finding.COMBINATION
    assert found.gate > 1
    assert set(places(found)) == {"gelu", "gate"}
    assert "only in combination: gelu" in found.text
    found = bisected("BertMLP;d=64;l=32", "act/gelu=gelu_somewhat_large")
    assert list(places(found)) == ["gelu"]


def test_an_input_that_shows_it(bisected: Bisected) -> None:
    """The case's own mask hides it, another input's does not: as many are asked as a verdict asks."""
    case, swap = "BertModel;l=8;d=16;arg.pool_all=True", "mlx_impl.ops.masked_mean=mean_of_the_first"
    assert bisected(case, swap).kind == finding.HOLDS
    found = bisected(case, swap, inputs=5)
    assert list(places(found)) == ["masked_mean"]
    assert found.seed in {1, 2, 3, 4}
    assert f"on the input of seed={found.seed}" in "\n".join(found.lines())
    assert bisected(MODEL, inputs=5).seed is None
    beside = bisected(case, swap, "encoder.layer.1.mlp=mlp_exchanged", inputs=5)
    assert set(places(beside)) == {"masked_mean", "encoder.layer.1.mlp"}
    assert {c.seed is None for c in beside.culprits} == {True, False}
    assert "on other inputs masked_mean" in beside.text


@pytest.mark.parity_slow
def test_other_inputs_show_other_calls(bisected: Bisected) -> None:
    """They hold with every call of the function mended: it is said, and nothing is searched anew."""
    case = "BertForMaskedLM;b=1;l=8;d=16;arg.num_hidden_layers=3"
    found = bisected(case, "mlx_impl.ops.sine=sine_clipped", inputs=5)
    assert found.kind == finding.CULPRITS
    assert set(places(found)) == {"sine"}
    assert found.text.endswith("on other inputs in others of its calls too")
    assert found.questions < 40


def test_two_faults_of_one_word(bisected: Bisected) -> None:
    """Each with its place and what it contributes."""
    found = bisected(
        DEEP, "encoder.layer.1.mlp.act/gelu=gelu_of_a_sigmoid", "encoder.layer.3.mlp.act/gelu=gelu_as_relu"
    )
    assert [c.name for c in found.culprits] == ["gelu", "gelu"]
    assert {c.places for c in found.culprits} == {(f"encoder.layer.{i}.mlp.act/gelu#0",) for i in (1, 3)}
    assert len({c.alone for c in found.culprits}) == 2


def test_what_writes_into_its_arguments(bisected: Bisected) -> None:
    """Neither its result nor a hybrid shows it; one that writes where nobody reads does no harm."""
    swap = "encoder.layer.1.attention.in_linear=linear_in_place"
    found = bisected("BertModel;l=8;d=16", swap)
    assert set(places(found)) == {"encoder.layer.1.attention.in_linear"}
    assert found.culprits[0].writes
    assert "writes into its arguments" in str(found.culprits[0])
    found = bisected("BertModel;l=8;d=16", swap, "encoder.layer.0.mlp=mlp_exchanged")
    assert set(places(found)) == {"encoder.layer.1.attention.in_linear", "encoder.layer.0.mlp"}
    assert bisected(MODEL, "mlx_impl.ops.gate=gate_in_place").kind == finding.HOLDS


def test_a_rare_race_behind_what_is_always_wrong(bisected: Bisected) -> None:
    """Two runs are alike; before anything is named there are more."""
    found = bisected(
        DEEP,
        "encoder.layer.1.mlp.act/gelu=gelu_every_fifth_call",
        "encoder.layer.3.attention.short_filter/depthwise_conv1d=conv_without_bias",
    )
    assert found.kind == finding.NOT_REPRODUCIBLE
    assert set(places(found)) == {"gelu", "depthwise_conv1d"}


@pytest.mark.parametrize(
    ("swap", "wrong"),
    [("encoder.layer.*.mlp=doubled", 5), ("encoder.layer.*.attention.filter_fn=kernel_of_the_first", 4)],
)
def test_a_module_wrong_in_every_layer(bisected: Bisected, swap: str, wrong: int) -> None:
    """In no more questions than a few for each; what keeps something from a call before, too."""
    found = bisected(DEEP, swap)
    sure = [c for c in found.culprits if c.confirmed]
    assert len(sure) == wrong
    assert {c.what for c in sure} == {"module"}
    assert found.questions <= 8 * wrong


def test_it_goes_on_where_it_was_interrupted(bisected: Bisected, tmp_path: Path) -> None:
    """Answers are on disk as they come; a line cut short is asked again, another question starts anew."""
    file = tmp_path / "answers.jsonl"
    swap = "encoder.layer.1.attention.short_filter/depthwise_conv1d=conv_without_bias"
    first = bisected(MODEL, swap, memory=file)
    lines = file.read_text().splitlines()
    assert len(lines) == first.questions + 1
    file.write_text("\n".join([*lines[:4], lines[4][:9]]))
    again = bisected(MODEL, swap, memory=file)
    assert again.questions == first.questions - 3
    assert again.text == first.text
    other = bisected(MODEL, "encoder.layer.1.mlp=mlp_exchanged", memory=file)
    assert list(places(other)) == ["encoder.layer.1.mlp"]
