"""Loading canonical tensors into the port: everything that does not fit is an error that names it."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlx_impl import BertForMaskedLM, M2BertConfig
from mlx_impl.weights import load_canonical

Tensors = dict[str, mx.array]
CONFIG = M2BertConfig(
    hidden_size=8,
    num_hidden_layers=1,
    intermediate_size=16,
    vocab_size=11,
    max_position_embeddings=4,
    long_conv_l_max=4,
    hyena_filter_order=4,
    hyena_emb_dim=3,
)
WORD = "bert.embeddings.word_embeddings.weight"
DECODER = "cls.predictions.decoder.weight"


def _parameters(model: Any) -> Tensors:
    return dict(tree_flatten(model.parameters()))


def _tensors(model: BertForMaskedLM) -> Tensors:
    """Other values than the model's own under every name."""
    found = {n: mx.add(x, mx.array(1, dtype=x.dtype)) for n, x in _parameters(model).items()}
    return found | {DECODER: found[WORD]}


def test_everything_is_loaded() -> None:
    """No parameter keeps its initial value."""
    model = BertForMaskedLM(CONFIG)
    tensors = _tensors(model)
    load_canonical(model, tensors)
    for name, value in _parameters(model).items():
        assert mx.array_equal(value, tensors[name]).item(), name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("bert.embeddings.LayerNorm.bias"), "missing bert.embeddings.LayerNorm.bias"),
        (lambda t: t.update(extra=mx.zeros(3)), "unexpected extra"),
        (lambda t: t.update({WORD: mx.zeros((12, 8)), DECODER: mx.zeros((12, 8))}), r"shape \(12, 8\)"),
        (lambda t: t.update({DECODER: mx.zeros((11, 8))}), f"{DECODER} differs from {WORD}"),
    ],
    ids=["missing", "unexpected", "shape", "tied"],
)
def test_what_does_not_fit_is_an_error(change: Callable[[Tensors], object], says: str) -> None:
    """And nothing is loaded."""
    model = BertForMaskedLM(CONFIG)
    before = _parameters(model)
    tensors = _tensors(model)
    change(tensors)
    with pytest.raises(ValueError, match=says):
        load_canonical(model, tensors)
    for name, value in _parameters(model).items():
        assert mx.array_equal(value, before[name]).item(), name


def test_any_name_of_a_shared_tensor_will_do() -> None:
    """A file may keep a shared tensor under one name only, whichever."""
    model = BertForMaskedLM(CONFIG)
    tensors = _tensors(model)
    del tensors[WORD]
    assert load_canonical(model, tensors).problems() == []
    assert mx.array_equal(_parameters(model)[WORD], tensors[DECODER]).item()


def test_numbers_of_another_kind_are_an_error() -> None:
    """Integers are no weights."""
    model = BertForMaskedLM(CONFIG)
    tensors = _tensors(model) | {"bert.embeddings.LayerNorm.bias": mx.zeros((8,), dtype=mx.int32)}
    with pytest.raises(ValueError, match=r"LayerNorm\.bias has dtype"):
        load_canonical(model, tensors)


def test_strict_off_says_what_did_not_fit() -> None:
    """As a warning and as a value; what fits is loaded."""
    model = BertForMaskedLM(CONFIG)
    before = _parameters(model)
    tensors = _tensors(model) | {"extra": mx.zeros(3), "bert.embeddings.LayerNorm.weight": mx.zeros(3)}
    del tensors["bert.embeddings.LayerNorm.bias"]
    with pytest.warns(UserWarning, match="missing bert.embeddings.LayerNorm.bias"):
        found = load_canonical(model, tensors, strict=False)
    assert found.missing == ("bert.embeddings.LayerNorm.bias",)
    assert found.unexpected == ("extra",)
    assert len(found.misshapen) == 1
    left = ("bert.embeddings.LayerNorm.bias", "bert.embeddings.LayerNorm.weight")
    assert found.never_loaded == left
    for name, value in _parameters(model).items():
        wanted = before[name] if name in left else tensors[name]
        assert mx.array_equal(value, wanted).item(), name


def test_a_parameter_left_at_its_initial_value_cannot_go_unnoticed() -> None:
    """Whatever stops an assignment, the arrays in the model are held against those of the file."""
    model = BertForMaskedLM(CONFIG)
    norm: Any = model.bert.embeddings.LayerNorm
    norm.__class__ = type("Forgets", (type(norm),), {"__setitem__": lambda *_: None})
    with pytest.raises(RuntimeError, match=r"embeddings\.LayerNorm\.\w+ of BertForMaskedLM was left"):
        load_canonical(model, _tensors(BertForMaskedLM(CONFIG)))
