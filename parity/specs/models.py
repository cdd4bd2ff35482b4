"""M2-BERT whole, with each of its heads."""

from typing import Any

import numpy as np

from parity.inputs import Array
from parity.relations import batch
from parity.spec import ErrorCase, Job, ModelSpec

from .layers import CONFIG, LOAD, WIDTHS, WORDS, config

_IDS = Array("b l", "ids", below="v")
_MASK = Array("b l", "mask", optional=True)
_POSITIONS = Array("b l", "ids", below="l", optional=True)
_TYPES = Array("b l", "ids", below="t", optional=True)


def model(name: str, cls: str, **declaration: Any) -> ModelSpec:
    """A model with a head: the same class in both packages."""
    declaration.setdefault("sizes", {"l": (1, 2, 7, 17, 33), "d": WIDTHS})
    declaration["sizes"] |= {"v": (97,), "t": (2,)}
    return ModelSpec(
        name,
        reference=f"reference.model:{cls}",
        port=f"mlx_impl.model:{cls}",
        words=WORDS,
        load=LOAD,
        config=CONFIG,
        base={"b": 2, "l": 32, "d": 32, "c": 3},
        kinds=("normal",),
        layouts=("contiguous",),
        **declaration,
    )


def small(**keys: Any) -> Any:
    """The keys of a model of two layers that has every part of the published ones.

    With the published frequency of ten the sines amplify rounding errors tenfold, which hides small bugs:
    it is one choice, and the main job's.
    """
    return config(
        num_hidden_layers=(2,),
        hyena_w=(1, 10),
        use_monarch_mlp=(True, False),
        use_positional_encodings=(True,),
        residual_long_conv=(True, False),
        bidirectional=(True, False),
        **keys,
    )


model(
    "BertModel",
    "BertModel",
    arguments=small(use_glu_mlp=(True, False), pool_all=(False, True)),
    inputs={
        "input_ids": _IDS,
        "attention_mask": _MASK,
        "token_type_ids": _TYPES,
        "position_ids": _POSITIONS,
    },
    outputs=("sequence_output", "pooled_output"),
    relations=(batch("input_ids", "attention_mask", "token_type_ids", "position_ids"),),
    errors=(
        ErrorCase(
            "an id past the vocabulary",
            values={"input_ids": np.full((2, 32), 97, dtype=np.int32)},
            says=("97", "0 to 96", "vocabulary"),
        ),
        ErrorCase(
            "a mask of another shape",
            values={"attention_mask": np.ones((2, 5), dtype=np.int32)},
            says=("(2, 5)", "(2, 32)"),
        ),
        ErrorCase(
            "a misspelt configuration key",
            arguments={"hiden_size": 32},
            says=("'hiden_size'", "'hidden_size'"),
        ),
        ErrorCase(
            "attention instead of Monarch Mixer",
            arguments={"monarch_mixer_sequence_mixing": False},
            says=("monarch_mixer_sequence_mixing=False", "True"),
        ),
        ErrorCase("a negative size", arguments={"num_hidden_layers": 0}, says=("num_hidden_layers=0",)),
    ),
    source="canonical BertModel",
)
model(
    "BertForMaskedLM",
    "BertForMaskedLM",
    arguments=small(hidden_act=("gelu", "relu")),
    inputs={
        "input_ids": _IDS,
        "token_type_ids": _TYPES,
        "position_ids": _POSITIONS,
        "labels": Array("b l", "labels", below="v", ignored=-100, optional=True),
    },
    outputs=("logits",),
    errors=(
        ErrorCase(
            "labels of another shape",
            values={"labels": np.ones((2, 5), dtype=np.int32)},
            says=("(2, 5)", "(2, 32)"),
        ),
        ErrorCase(
            "a label at padding",
            values={
                "labels": np.ones((2, 32), dtype=np.int32),
                "attention_mask": np.zeros((2, 32), dtype=np.int32),
            },
            says=("attention_mask is 0", "set labels to 0"),
        ),
    ),
    source="canonical BertForMaskedLM",
)
model(
    "SequenceClassification",
    "BertForSequenceClassification",
    arguments=small(num_labels=lambda n: (n["c"],)),
    inputs={
        "input_ids": _IDS,
        "attention_mask": _MASK,
        "token_type_ids": _TYPES,
        "position_ids": _POSITIONS,
        "labels": Array("b", "labels", below="c", optional=True),
    },
    sizes={"l": (1, 2, 7, 17, 33), "d": WIDTHS, "c": (2, 3, 5)},
    outputs=("logits",),
    errors=(
        ErrorCase(
            "a label past the classes",
            values={"labels": np.array([0, 3], dtype=np.int32)},
            says=("3", "0 to 2"),
        ),
        ErrorCase("an unknown problem", arguments={"problem_type": "ranking"}, says=("'ranking'",)),
    ),
    source="canonical BertForSequenceClassification, cross-entropy",
)
model(
    "SequenceRegression",
    "BertForSequenceClassification",
    arguments=small(num_labels=(1,), problem_type=("regression", None)),
    inputs={"input_ids": _IDS, "labels": Array("b", optional=True)},
    outputs=("logits",),
    source="canonical BertForSequenceClassification, mean squared error",
)
model(
    "MultiLabelClassification",
    "BertForSequenceClassification",
    arguments=small(num_labels=lambda n: (n["c"],), problem_type=("multi_label_classification", None)),
    inputs={"input_ids": _IDS, "labels": Array("b c", "uniform", optional=True)},
    sizes={"l": (1, 2, 7, 17, 33), "d": WIDTHS, "c": (2, 3, 5)},
    outputs=("logits",),
    source="canonical BertForSequenceClassification, binary cross-entropy",
)
model(
    "SentenceEmbedding",
    "BertForSequenceClassification",
    arguments=small(
        gather_sentence_embeddings=(True,),
        use_normalized_embeddings=(True, False),
        use_cls_token=(False, True),
        pool_all=(True, False),
        attention_pooling=(False, True),
    ),
    inputs={"input_ids": _IDS, "attention_mask": _MASK},
    outputs=("sentence_embedding",),
    relations=(batch("input_ids", "attention_mask"),),
    source="canonical BertForSequenceClassification, gather_sentence_embeddings",
)

MAIN_JOB = Job(
    spec="BertForMaskedLM",
    arguments="reference.config:M2_BERT_80M",
    sizes={"b": 1, "l": 128, "v": 30528},
    title="M2-BERT 80M, 12 layers, d = 768, 128 tokens, seeded weights",
    tables=("parity.specs.accuracy:rows", "parity.specs.means:rows"),
    trained="parity.specs.checkpoints:trained",
    narrow="parity.specs.checkpoints:narrow",
)
"""What ``parity run`` does by default: the published 80M configuration, whole."""
