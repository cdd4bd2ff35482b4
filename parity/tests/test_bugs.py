"""A change of meaning in any op of a port is a failure, and says so."""

import pytest

from parity import sides
from parity.case import Case, named
from parity.dtypes import parse_dtype
from parity.judge import judge
from parity.messages import explain
from parity.spec import REGISTRY
from parity.swap import swapped

pytestmark = pytest.mark.parity_live

# word, bug, and the case to judge it on where it is not the base case.
BUGS = [
    ("gelu", "gelu_tanh", ""),
    ("gelu", "gelu_sigmoid", ""),
    ("linear", "linear_without_bias", "linear;b=2;l=8;i=192;o=48"),
    ("linear", "linear_in_half", ""),
    ("depthwise_conv1d", "conv_centred", ""),
    ("depthwise_conv1d", "conv_flipped", ""),
    ("depthwise_conv1d", "conv_without_bias", ""),
    ("long_conv", "long_conv_wrapped", ""),
    ("long_conv", "long_conv_without_skip", ""),
    ("long_conv", "long_conv_scaled_twice", ""),
    ("bidirectional_kernel", "reverse_off_by_one", ""),
    ("bidirectional_kernel", "reverse_not_flipped", ""),
    ("layer_norm", "layer_norm_epsilon", "layer_norm;b=2;l=16;d=64;opt.eps=1e-12"),
    ("layer_norm", "layer_norm_epsilon_outside", "layer_norm;b=2;l=16;d=64;opt.eps=1e-5"),
    ("layer_norm", "layer_norm_without_weight", ""),
    ("softmax", "softmax_other_axis", ""),
    ("softmax", "softmax_in_half", "softmax;b=4;l=16;d=768;dtype=bf16"),
    ("softmax", "softmax_in_half", "softmax;b=4;l=16;d=768;dtype=f16"),
    ("masked_mean", "masked_mean_over_padding", ""),
    ("split", "split_exchanged", ""),
    ("blockdiag_multiply", "blocks_transposed", ""),
    ("exponential_modulation", "modulation_grows", ""),
    ("sine", "sine_without_frequency", ""),
    ("embedding", "embedding_off_by_one", ""),
    ("cross_entropy", "cross_entropy_with_ignored", ""),
    ("silu", "constant", ""),
    ("silu", "all_nan", ""),
    ("silu", "one_nan", ""),
    ("silu", "other_dtype", ""),
    ("silu", "other_shape", ""),
    ("silu", "swapped_axes_same_shape", ""),
    ("silu", "raises", ""),
]


@pytest.mark.parametrize(("word", "bug", "text"), BUGS, ids=lambda x: str(x) or "base")
def test_bug_is_red(word: str, bug: str, text: str) -> None:
    """The bug fails on a plain case of its own word, with a message; without the bug the case passes."""
    spec = REGISTRY.get(word)
    case = Case.parse(text) if text else named(spec, spec.cases[0], parse_dtype("float32"))
    device = sides.get("mlx").devices()[0]
    assert judge(case, "mlx", device, seeds=3).status == "pass"
    with swapped([f"mlx_impl.ops.{word}=parity.tests.bugs:{bug}"]):
        judgement = judge(case, "mlx", device, seeds=3)
    assert judgement.status == "fail"
    message = explain("title", judgement.verdicts, case.dtype, case=str(case), repeat="repeat")
    assert str(case) in message
    assert "fail" in message


def test_the_table_is_of_bugs_that_exist() -> None:
    """Every bug of the module is judged."""
    from parity.tests import bugs

    known = {n for n, f in vars(bugs).items() if callable(f) and f.__module__ == bugs.__name__}
    assert known == {bug for _, bug, _ in BUGS}


@pytest.mark.parity_slow
@pytest.mark.parametrize(
    ("layer", "word", "bug"),
    [
        ("BertGatedLinearUnitMLP", "gelu", "gelu_tanh"),
        ("BertForMaskedLM", "gelu", "gelu_tanh"),
        ("BertLayer", "gelu", "gelu_sigmoid"),
        ("MonarchMixerSequenceMixing", "depthwise_conv1d", "conv_centred"),
        ("MonarchMixerSequenceMixing", "bidirectional_kernel", "reverse_off_by_one"),
        ("BertGatedLinearUnitMLP", "split", "split_exchanged"),
        ("BertForMaskedLM", "linear", "linear_without_bias"),
        ("BertModel", "layer_norm", "layer_norm_without_weight"),
    ],
)
def test_bug_is_red_in_layers_and_models(layer: str, word: str, bug: str) -> None:
    """A bug of a word shows in what uses the word."""
    case = named(REGISTRY.get(layer), "", parse_dtype("float32"))
    device = sides.get("mlx").devices()[0]
    with swapped([f"mlx_impl.ops.{word}=parity.tests.bugs:{bug}"]):
        assert judge(case, "mlx", device, seeds=3).status == "fail"
