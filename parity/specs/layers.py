"""M2-BERT's layers: a spec for each class of `reference.layers` and `mlx_impl.layers`."""

from collections.abc import Mapping, Sequence
from typing import Any

from parity.inputs import Array, Sizes
from parity.relations import batch, prefix
from parity.spec import Call, Choices, ErrorCase, LayerSpec

CONFIG = ("reference.config:M2BertConfig", "mlx_impl.config:M2BertConfig")
WORDS = ("reference.ops", "mlx_impl.ops")
LOAD = "mlx_impl.weights:load_canonical"
KINDS = ("normal", "small", "wide", "offset", "constant", "zeros", "onehot", "nan")
WIDTHS = (5, 8, 15, 16, 17, 32)
"""Of one or two features layer normalization leaves nothing or a sign: a step function, whose error is none
or all. The layer by itself is tested there, what stands on top of it is not."""
LAYOUTS = ("contiguous", "transposed", "broadcast")


def layer(name: str, cls: str | None = None, **declaration: Any) -> LayerSpec:
    """A layer: the same class in both packages, built and filled alike."""
    cls = cls or name
    declaration.setdefault("kinds", KINDS)
    declaration.setdefault("layouts", LAYOUTS)
    return LayerSpec(
        name,
        reference=f"reference.layers:{cls}",
        port=f"mlx_impl.layers:{cls}",
        words=WORDS,
        load=LOAD,
        **declaration,
    )


def config(**keys: Choices) -> Mapping[str, Choices]:
    """Configuration keys for a small model of width d and length l, with some choices of one's own."""

    def width(n: Sizes) -> Sequence[int]:
        return (n["d"],)

    def length(n: Sizes) -> Sequence[int]:
        return (n["l"],)

    return {
        "hidden_size": width,
        "intermediate_size": lambda n: (2 * n["d"], n["d"] + 3),
        "max_position_embeddings": length,
        "long_conv_l_max": length,
        "hidden_dropout_prob": (0.0,),
        "vocab_size": (97,),
        "hyena_filter_order": (8,),
        "hyena_emb_dim": (5,),
        **keys,
    }


layer(
    "Linear",
    arguments={"in_features": lambda n: (n["d"],), "out_features": (7, 16), "bias": (True, False)},
    inputs={"x": "b l d"},
    grads=("x",),
    errors=(ErrorCase("other features", inputs={"x": "b l 5"}, says=("(2, 64, 5)", "16")),),
    source="canonical nn.Linear",
)
layer(
    "BlockdiagLinear",
    arguments={
        "in_features": lambda n: (n["d"],),
        "out_features": (12, 5, 16),
        "nblocks": (4, 3, 1, 8),
        "bias": (True, False),
        "shuffle": (False, True),
    },
    inputs={"x": "b l d"},
    cases=("", "d10"),
    grads=("x",),
    errors=(
        ErrorCase("no blocks", arguments={"nblocks": 0}, says=("nblocks=0", "at least 1")),
        ErrorCase("more features", inputs={"x": "b l 33"}, says=("33", "16")),
    ),
    source="Dao et al. 2022, Monarch; canonical BlockdiagLinear",
)
layer(
    "LayerNorm",
    arguments={"d": lambda n: (n["d"],), "eps": (1e-12, 1e-5)},
    inputs={"x": "b l d"},
    grads=("x",),
    errors=(ErrorCase("another width", inputs={"x": "b l 5"}, says=("(16,)", "5")),),
    source="Ba et al. 2016; canonical nn.LayerNorm",
)
layer(
    "Activation",
    arguments={
        "hidden_act": ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "sigmoid", "tanh")
    },
    inputs={"x": "b l d"},
    grads=("x",),
    errors=(ErrorCase("an unknown activation", arguments={"hidden_act": "gleu"}, says=("'gleu'", "gelu")),),
    source="canonical ACT2FN",
)
layer(
    "BertEmbeddings",
    config=CONFIG,
    arguments=config(
        use_positional_encodings=(True, False),
        layer_norm_eps=(1e-12, 1e-3),
        pad_token_id=(0, 3),
    ),
    inputs={
        "input_ids": Array("b l", "ids", below="v"),
        "position_ids": Array("b l", "ids", below="l", optional=True),
        "token_type_ids": Array("b l", "ids", below="t", optional=True),
    },
    sizes={"v": (97,), "t": (2,), "d": (1, 2, 8, 17, 32)},
    base={"d": 16},
    kinds=("normal",),
    layouts=("contiguous",),
    errors=(
        ErrorCase(
            "an input longer than the position table",
            arguments={"max_position_embeddings": 8},
            says=("64", "max_position_embeddings=8", "cut"),
        ),
    ),
    source="canonical BertEmbeddings",
)
layer(
    "Sine",
    arguments={"dim": lambda n: (n["d"],), "w": (1, 10), "w_mod": (1, 2)},
    inputs={"x": "b l d"},
    grads=("x",),
    kinds=("normal", "small", "zeros", "onehot"),
    source="canonical Sin",
)
layer(
    "PositionalEmbedding",
    arguments={
        "emb_dim": (5, 3),
        "seq_len": lambda n: (n["l"] + 3, n["l"]),
        "lr_pos_emb": (1e-5, 0.0),  # without a learning rate the table is no parameter
    },
    calls={"z": Call(takes=("=l",))},
    outputs=("z", "t"),
    sizes={"l": (1, 2, 7, 33, 64)},
    kinds=("normal",),
    layouts=("contiguous",),
    errors=(
        ErrorCase("a longer length", arguments={"seq_len": 5}, says=("length=64", "seq_len=5")),
        ErrorCase("an even width", arguments={"emb_dim": 4}, says=("emb_dim=4", "odd")),
    ),
    source="canonical PositionalEmbedding",
)
layer(
    "ExponentialModulation",
    arguments={"d_model": lambda n: (n["d"],), "shift": (0.0, 0.05)},
    inputs={"t": Array("1 l 1", "uniform"), "h": "1 l d"},
    grads=("t", "h"),
    errors=(ErrorCase("another length", inputs={"t": "1 5 1"}, says=("(1, 5, 1)", "64")),),
    source="canonical ExponentialModulation",
)
layer(
    "HyenaFilter",
    arguments={
        "d_model": lambda n: (n["d"],),
        "seq_len": lambda n: (n["l"], n["l"] + 5),
        "bidirectional": (True, False),
        "emb_dim": (5, 3),
        "order": (16, 4),
        "num_inner_mlps": (2, 0),
        "linear_mixer": (False, True),
        "lr_pos_emb": (1e-5, 0.0),
        "modulation_lr": (0.0, 1e-3),
        "modulate": (True, False),
        "normalized": (False, True),
        "bias": (True, False),
        "shift": (0.0, 0.05),
        "w": (1, 10),
        "w_mod": (1, 2),
    },
    inputs={"x": "b d l"},
    cases=("", "l33"),
    calls={
        "filter": Call(method="filter", takes=("=l",)),
        "filter_rev": Call(method="filter_rev", takes=("=l",), when="bidirectional"),
        "y": Call(takes=("x",)),
    },
    outputs=("filter", "filter_rev", "y"),
    grads=("x",),
    nonfinite="any",
    errors=(
        ErrorCase("a longer input", arguments={"seq_len": 5}, says=("length=64", "seq_len=5")),
        ErrorCase("an even width", arguments={"emb_dim": 4}, says=("emb_dim=4", "odd")),
    ),
    source="Poli et al. 2023, Hyena, §3.3; canonical HyenaFilter",
)
layer(
    "MonarchMixerSequenceMixing",
    arguments={
        "d_model": lambda n: (n["d"],),
        "l_max": lambda n: (n["l"], n["l"] + 3),
        "bidirectional": (True, False),
        "residual_long_conv": (True, False),
        "hyena_training_additions": (False, True),
        "hyena_emb_dim": (5, 3),
        "hyena_filter_order": (16, 4),
        "hyena_w": (1, 10),
        "hyena_w_mod": (1, 2),
        "hyena_lr_pos_emb": (1e-5, 0.0),
    },
    inputs={"u": "b l d"},
    cases=("", "l33 d9"),
    grads=("u",),
    relations=(prefix("u", fixed={"bidirectional": False}, least={"l": 8}), batch("u")),
    nonfinite="any",
    errors=(ErrorCase("a longer input", arguments={"l_max": 5}, says=("length=64", "l_max")),),
    source="Fu et al. 2023, Monarch Mixer, §4; canonical MonarchMixerSequenceMixing",
)
for _name in ("BertMLP", "BertGatedLinearUnitMLP"):
    layer(
        _name,
        config=CONFIG,
        arguments=config(
            use_monarch_mlp=(True, False),
            monarch_mlp_nblocks=(4, 3, 8),
            layer_norm_eps=(1e-12, 1e-3),
            hidden_act=("gelu", "relu"),  # which the MLPs of the canonical code do not ask
        ),
        inputs={"x": "b l d"},
        cases=("", "d30"),
        grads=("x",),
        source=f"canonical {_name}",
    )
layer(
    "BertLayer",
    config=CONFIG,
    arguments=config(
        use_monarch_mlp=(True, False),
        use_glu_mlp=(True, False),
        residual_long_conv=(True, False),
        bidirectional=(True, False),
        long_conv_l_max=lambda n: (n["l"], n["l"] + 4),
        hyena_w=(1, 10),
        hyena_w_mod=(1, 2),
        hyena_training_additions=(False, True),
        hyena_lr_pos_emb=(1e-5, 0.0),
    ),
    inputs={"x": "b l d"},
    sizes={"d": WIDTHS},
    grads=("x",),
    nonfinite="any",
    relations=(prefix("x", fixed={"bidirectional": False}, least={"l": 8}), batch("x")),
    source="canonical BertLayer",
)
layer(
    "BertEncoder",
    config=CONFIG,
    arguments=config(num_hidden_layers=(2, 1), residual_long_conv=(True,), use_monarch_mlp=(True,)),
    inputs={"x": "b l d", "rows": Array("m", "rows", below="n", optional=True)},
    sizes={
        "d": WIDTHS,
        "n": lambda n: (n["b"] * n["l"],),
        "m": lambda n: sorted({1, (n["n"] + 1) // 2}),
    },
    grads=("x",),
    nonfinite="any",
    source="canonical BertEncoder",
)
layer(
    "BertPooler",
    config=CONFIG,
    arguments=config(pool_all=(False, True)),
    inputs={"hidden_states": "b l d", "mask": Array("b l", "mask")},
    grads=("hidden_states",),
    relations=(batch("hidden_states", "mask"),),
    source="canonical BertPooler",
)
layer(
    "AttentionPooler",
    config=CONFIG,
    arguments=config(),
    inputs={"hidden_states": "b l d", "mask": Array("b l", "mask")},
    base={"l": 32},
    sizes={"l": (1, 2, 3, 17, 32)},
    grads=("hidden_states",),
    source="canonical AttentionPooler",
)
layer(
    "BertPredictionHeadTransform",
    config=CONFIG,
    arguments=config(hidden_act=("gelu", "relu", "gelu_new"), layer_norm_eps=(1e-5,)),
    inputs={"x": "b l d"},
    grads=("x",),
    source="canonical BertPredictionHeadTransform",
)
