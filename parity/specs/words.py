"""M2-BERT's vocabulary: a spec for each word of `reference.ops` and `mlx_impl.ops`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity import bounds
from parity.dtypes import Float64, WorkingDtype
from parity.inputs import ALL_KINDS, FINITE_KINDS, Array
from parity.relations import batch, definition, linear, padding, shift
from parity.rules import Exact, Ulp
from parity.spec import ErrorCase, OpSpec

IEEE = "IEEE 754: correctly rounded, in half precision too (Figueroa 1995, double rounding)"
METAL = "Metal Shading Language Specification, table of ULP values of precise math functions"

LENGTHS = (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 65, 97, 128, 129, 257, 512)


def word(name: str, **declaration: Any) -> OpSpec:
    """A word of the vocabulary: the same name in both namespaces."""
    return OpSpec(name, reference=f"reference.ops:{name}", port=f"mlx_impl.ops:{name}", **declaration)


def _linear_bound(x: Mapping[str, Any], dtype: WorkingDtype) -> Float64:
    return bounds.product(x["x"], x["weight"].T, dtype, x.get("bias"))


def _matmul_bound(x: Mapping[str, Any], dtype: WorkingDtype) -> Float64:
    return bounds.product(x["a"], x["b"], dtype)


def _blockdiag_bound(x: Mapping[str, Any], dtype: WorkingDtype) -> Float64:
    k, q, p = x["weight"].shape
    blocks = x["x"].reshape(-1, k, p).swapaxes(0, 1)  # (k, n, p)
    bound = bounds.product(blocks, x["weight"].swapaxes(1, 2), dtype)  # (k, n, q)
    return bound.swapaxes(0, 1).reshape(*x["x"].shape[:-1], k * q)


def _conv_bound(x: Mapping[str, Any], dtype: WorkingDtype) -> Float64:
    pad = x["padding"]
    padded = np.pad(x["x"], [(0, 0), (0, 0), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, x["weight"].shape[-1], axis=-1)
    taps = x["weight"][:, 0, :, None]  # (c, k, 1)
    bias = np.broadcast_to(x["bias"][:, None, None], (*windows.shape[1:3], 1))
    return bounds.product(windows, taps, dtype, bias)[..., 0]


def _long_conv_bound(x: Mapping[str, Any], dtype: WorkingDtype) -> Float64:
    k = x["k"]
    if x.get("k_rev") is not None:
        return np.array(np.inf)
    return bounds.fft_convolution(x["u"], k, x["D"], dtype)


# Second definitions: slow, in NumPy, by loops or dense matrices, for what the words compute by transforms.


def _direct_convolution(x: Mapping[str, Any], _: Mapping[str, Any]) -> Float64:
    """y[t] = Σⱼ K[t − j]·u[j] + D·u[t], K[−i] being k[2l − i] and, if there is one, k_rev[i]."""
    u, k = x["u"], x["k"]
    length = u.shape[-1]
    taps = np.zeros((k.shape[0], 2 * length))  # lag j at j, lag −i at 2l − i
    taps[:, : k.shape[1]] += k
    if x.get("k_rev") is not None:
        back = x["k_rev"]
        taps[:, (-np.arange(back.shape[1])) % (2 * length)] += back
    lags = (np.arange(length)[:, None] - np.arange(length)) % (2 * length)  # (t, j)
    return np.einsum("dtj,bdj->bdt", taps[:, lags], u) + u * x["D"][:, None]


def _direct_taps(x: Mapping[str, Any], options: Mapping[str, Any]) -> Float64:
    """y[t] = Σₖ w[k]·x[t + k − padding] + bias, zero outside."""
    u, w, pad = x["x"], x["weight"][:, 0], options["padding"]
    length, taps = u.shape[-1], w.shape[-1]
    y = np.zeros((*u.shape[:-1], length + 2 * pad - taps + 1))
    for t in range(y.shape[-1]):
        for k in range(taps):
            if 0 <= t + k - pad < length:
                y[..., t] += w[:, k] * u[..., t + k - pad]
    return y + x["bias"][:, None]


def _dense(weight: Float64) -> Float64:
    """The dense matrix of a block-diagonal weight: (k, q, p) → (k·q, k·p)."""
    k, q, p = weight.shape
    dense = np.zeros((k * q, k * p))
    for i in range(k):
        dense[i * q : (i + 1) * q, i * p : (i + 1) * p] = weight[i]
    return dense


def _dense_blockdiag(x: Mapping[str, Any], _: Mapping[str, Any]) -> Float64:
    return x["x"] @ _dense(x["weight"]).T


def _dense_butterfly(x: Mapping[str, Any], _: Mapping[str, Any]) -> Float64:
    """Two dense matrices, and two permutations that read by rows and write by columns."""
    hidden = x["x"] @ _dense(x["w1_bfly"]).T
    n, s, r = x["w2_bfly"].shape
    hidden = hidden[:, [j * n + i for i in range(n) for j in range(r)]]
    out = hidden @ _dense(x["w2_bfly"]).T
    return out[:, [j * s + i for i in range(s) for j in range(n)]]


CAUSAL = {"fixed": {"m": "l"}, "left_out": ("k_rev",), "least": {"l": 8}}

# -- element by element ------------------------------------------------------------------------------

for _name, _source in (
    ("gelu", "Hendrycks & Gimpel 2016, eq. 1"),
    ("gelu_tanh", "Hendrycks & Gimpel 2016, §2"),
    ("silu", "Elfwing et al. 2018, eq. 1"),
    ("sigmoid", "the logistic function"),
):
    word(_name, inputs={"x": "b l"}, grads=("x",), kinds=ALL_KINDS, source=_source)

word(
    "relu",
    inputs={"x": "b l"},
    grads=("x",),
    rule=Ulp(0, source="a selection; IEEE 754 leaves the sign of max(−0, +0) open"),
    kinds=ALL_KINDS,
    source="max(x, 0)",
)
word(
    "tanh",
    inputs={"x": "b l"},
    grads=("x",),
    rule=Ulp(5, source=METAL),
    kinds=ALL_KINDS,
    source="the hyperbolic tangent",
)
word(
    "sine",
    inputs={"x": "b l d", "freq": "1 d"},
    options={"w_mod": (1, 10)},
    grads=("x", "freq"),
    kinds=("normal", "small", "zeros", "integers", "onehot", "nan"),
    errors=(
        ErrorCase("another number of channels", inputs={"freq": "1 3"}, says=("(1, 3)", "16")),
    ),
    source="Poli et al. 2023, Hyena, §3.3; canonical Sin",
)
for _name, _other in (("add", "y"), ("gate", "g")):
    word(
        _name,
        inputs={"x": "b l d", _other: "b l d"},
        grads=("x", _other),
        rule=Ulp(0, source=IEEE),
        kinds=ALL_KINDS,
        errors=(
            ErrorCase(
                "mixed dtypes",
                values={_other: np.zeros((2, 64, 16), dtype=np.float16)},
                says=("float16", "cast"),
            ),
        ),
        source="Fu et al. 2023, Monarch Mixer, §4",
    )

# -- products ----------------------------------------------------------------------------------------

word(
    "linear",
    inputs={"x": "b l i", "weight": "o i", "bias": Array("o", optional=True)},
    sizes={"i": (1, 2, 3, 5, 17, 64, 65, 192), "o": (1, 2, 3, 17, 33, 65)},
    base={"i": 192, "o": 48},
    cases=("", "i768 l16", "i3072 o8 l16"),
    grads=("x", "weight", "bias"),
    relations=(linear("x"), linear("weight"), batch("x")),
    kinds=ALL_KINDS,
    bound={"output": _linear_bound},
    errors=(
        ErrorCase("features that do not match", inputs={"x": "b l 7"}, says=("(2, 64, 7)", "192")),
        ErrorCase("a weight with three axes", inputs={"weight": "1 o i"}, says=("(1, 48, 192)",)),
    ),
    source="canonical nn.Linear",
)
word(
    "matmul",
    inputs={"a": "b m k", "b": "b k n"},
    sizes={"m": (1, 2, 3, 17, 33), "k": (1, 2, 3, 17, 64, 65, 192), "n": (1, 2, 3, 17, 33)},
    base={"m": 64, "k": 192, "n": 64},
    cases=("", "k768 m16", "k3072 m16 n16"),
    grads=("a", "b"),
    relations=(linear("a"), linear("b"), batch("a", "b")),
    kinds=ALL_KINDS,
    bound={"output": _matmul_bound},
    errors=(
        ErrorCase("inner sizes that differ", inputs={"b": "b 5 n"}, says=("(2, 5, 64)", "192")),
        ErrorCase("a vector", inputs={"a": "k"}, says=("(192,)", "(..., m, k)")),
    ),
    source="A·B",
)
word(
    "blockdiag_multiply",
    inputs={"x": "b l (k p)", "weight": "k q p"},
    sizes={"k": (1, 2, 3, 4, 8), "q": (1, 2, 3, 5, 16, 17), "p": (1, 2, 3, 5, 16, 17, 48)},
    base={"k": 4, "q": 24, "p": 48},
    cases=("", "k1 p192", "k8 q3 p5"),
    grads=("x", "weight"),
    relations=(linear("x"), definition("dense", _dense_blockdiag), batch("x")),
    kinds=ALL_KINDS,
    bound={"output": _blockdiag_bound},
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b l 7"}, says=("7", "192", "pad")),
        ErrorCase("a dense weight", inputs={"weight": "q p"}, says=("(24, 48)", "(k, q, p)")),
    ),
    source="Dao et al. 2022, Monarch, §3.1; canonical blockdiag_multiply",
)
word(
    "blockdiag_butterfly_multiply",
    inputs={"x": "b (k p)", "w1_bfly": "k q p", "w2_bfly": "n s r"},
    sizes={
        "k": (1, 2, 3, 4),
        "p": (1, 2, 3, 5, 8),
        "q": (1, 2, 3, 4, 6),
        "s": (1, 2, 3, 5),
        "r": lambda n: [r for r in range(1, n["k"] * n["q"] + 1) if n["k"] * n["q"] % r == 0],
        "n": lambda n: (n["k"] * n["q"] // n["r"],),
    },
    base={"k": 8, "p": 8, "q": 8, "s": 8, "r": 8},
    grads=("x", "w1_bfly", "w2_bfly"),
    relations=(linear("x"), definition("dense", _dense_butterfly), batch("x")),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b 7"}, says=("7", "64")),
        ErrorCase("factors that do not fit", inputs={"w2_bfly": "3 s r"}, says=("24", "64")),
    ),
    source="Dao et al. 2022, Monarch, §3.1; canonical blockdiag_butterfly_multiply",
)
word(
    "column_attention",
    inputs={"q": "b l d", "k": "b l d", "v": "b l d", "mask": Array("b l", "mask")},
    sizes={"l": (1, 2, 3, 7, 16, 17, 33)},
    base={"l": 32},
    grads=("q", "k", "v"),
    relations=(linear("v"), batch("q", "k", "v", "mask")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase("another length", inputs={"k": "b 5 d"}, says=("(2, 5, 16)", "(2, 32, 16)")),
    ),
    source="canonical AttentionPooler",
)

# -- data movement -----------------------------------------------------------------------------------

word(
    "embedding",
    inputs={"ids": Array("b l", "ids", below="n"), "weight": "n d"},
    options={"padding_idx": (None, 0)},
    sizes={"n": (1, 2, 7, 33)},
    base={"n": 33},
    grads=("weight",),
    rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase(
            "an id past the table",
            values={"ids": np.array([[0, 33]], dtype=np.int32)},
            says=("33", "0 to 32", "vocabulary"),
        ),
        ErrorCase(
            "a negative id", values={"ids": np.array([[-1, 3]], dtype=np.int32)}, says=("-1",)
        ),
        ErrorCase("ids that are floats", inputs={"ids": "b l"}, says=("float", "integers")),
    ),
    source="canonical nn.Embedding",
)
word(
    "split",
    inputs={"x": "b (3 d) l"},
    outputs=("first", "second", "third"),
    options={"sizes": lambda n: ([n["d"]] * 3,), "axis": (1, -2)},
    grads=("x",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("sizes that do not add up", options={"sizes": [16, 16, 17]}, says=("17", "48")),
        ErrorCase("an axis that is not there", options={"axis": 3}, says=("axis=3", "[-3, 3)")),
    ),
    source="canonical split of projections and halves",
)
word(
    "pad_features",
    inputs={"x": "b l d"},
    options={"size": lambda n: (n["d"] + 3, n["d"])},
    grads=("x",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(ErrorCase("a smaller size", options={"size": 15}, says=("size=15", "16")),),
    source="canonical StructuredLinear.preprocess",
)
word(
    "channel_shuffle",
    inputs={"x": "b l (g d)"},
    options={"groups": lambda n: (n["g"],)},
    sizes={"g": (1, 2, 3, 4, 5)},
    base={"g": 4, "d": 3},
    grads=("x",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(ErrorCase("groups that do not divide", options={"groups": 5}, says=("5", "12")),),
    source="Zhang et al. 2018, ShuffleNet, §3.1",
)
word(
    "blockdiag_to_dense",
    inputs={"weight": "k q p"},
    grads=("weight",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(ErrorCase("a dense weight", inputs={"weight": "q p"}, says=("(4, 4)", "(k, q, p)")),),
    source="canonical blockdiag_weight_to_dense_weight",
)
word(
    "bidirectional_kernel",
    inputs={"k": "d l", "k_rev": "d l"},
    grads=("k", "k_rev"),
    rule=Ulp(0, source="one addition of zero; the sign of a zero may differ"),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("kernels of two lengths", inputs={"k_rev": "d 5"}, says=("(16, 5)", "(16, 64)")),
    ),
    source="canonical HyenaFilter.forward",
)
word(
    "nonzero",
    inputs={"mask": Array("l", "mask")},
    rule=Exact(),
    kinds=("normal",),
    layouts=("contiguous",),
    errors=(
        ErrorCase(
            "a mask with two axes",
            values={"mask": np.ones((2, 3), dtype=np.int32)},
            says=("(2, 3)", "reshape"),
        ),
    ),
    source="canonical torch.nonzero(mask.flatten())",
)
word(
    "gather_rows",
    inputs={"x": "n d", "indices": Array("m", "rows", below="n")},
    sizes={"n": (1, 2, 7, 33), "m": lambda n: sorted({1, (n["n"] + 1) // 2, n["n"]})},
    base={"n": 33},
    grads=("x",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase(
            "an index past the rows",
            values={"indices": np.array([40], dtype=np.int32)},
            says=("40", "0 to 32"),
        ),
    ),
    source="canonical index_first_axis",
)
word(
    "scatter_rows",
    inputs={"values": "m d", "indices": Array("m", "rows", below="n")},
    options={"size": lambda n: (n["n"],)},
    sizes={"n": (1, 2, 7, 33), "m": lambda n: sorted({1, (n["n"] + 1) // 2, n["n"]})},
    base={"n": 33, "m": 17},
    grads=("values",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("a size too small", options={"size": 5}, says=("0 to 4",)),
        ErrorCase("rows without index", inputs={"values": "3 d"}, says=("(3, 16)", "17")),
    ),
    source="canonical index_put_first_axis",
)
word(
    "unpad_input",
    inputs={"hidden_states": "b l d", "attention_mask": Array("b l", "mask")},
    outputs=("unpadded", "indices", "cu_seqlens"),
    grads=("hidden_states",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase(
            "a mask of another shape",
            values={"attention_mask": np.ones((2, 5), dtype=np.int32)},
            says=("(2, 5)", "(2, 64, 16)"),
        ),
    ),
    source="canonical bert_padding.unpad_input",
)
word(
    "pad_input",
    inputs={"hidden_states": "m d", "indices": Array("m", "rows", below="n")},
    options={"batch": (1,), "seqlen": lambda n: (n["n"],)},
    sizes={"n": (1, 2, 7, 33), "m": lambda n: sorted({1, (n["n"] + 1) // 2, n["n"]})},
    base={"n": 33, "m": 17},
    grads=("hidden_states",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(ErrorCase("a batch too small", options={"seqlen": 5}, says=("0 to 4",)),),
    source="canonical bert_padding.pad_input",
)

# -- reductions and normalizations -------------------------------------------------------------------

word(
    "layer_norm",
    inputs={"x": "b l d", "weight": "d", "bias": "d"},
    options={"eps": (1e-12, 1e-5)},
    cases=("", "d768 l16"),
    grads=("x", "weight", "bias"),
    relations=(linear("weight"), batch("x")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase("a weight of another width", inputs={"weight": "3"}, says=("(3,)", "16")),
        ErrorCase("a bias of another width", inputs={"bias": "3"}, says=("(3,)", "16")),
    ),
    source="Ba et al. 2016, eq. 4",
)
word(
    "softmax",
    inputs={"x": "b l d"},
    options={"axis": (-1, 1)},
    cases=("", "d768 l16"),
    grads=("x",),
    relations=(batch("x"),),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("an axis that is not there", options={"axis": 3}, says=("axis=3", "[-3, 3)")),),
    source="exp(x − max)/Σ exp(x − max)",
)
word(
    "masked_mean",
    inputs={"x": "b l d", "mask": Array("b l", "mask")},
    cases=("", "l768"),
    grads=("x",),
    relations=(linear("x"), padding("x", {"mask": 0}), batch("x", "mask")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase(
            "a mask of another shape",
            values={"mask": np.ones((2, 5), dtype=np.int32)},
            says=("(2, 5)", "(2, 64, 16)"),
        ),
    ),
    source="canonical BertPooler with pool_all",
)
word(
    "l1_normalize",
    inputs={"x": "b l d"},
    cases=("", "d768 l16"),
    grads=("x",),
    kinds=ALL_KINDS,
    source="canonical HyenaFilter(normalized=True)",
)
word(
    "l2_normalize",
    inputs={"x": "b d"},
    cases=("", "d768"),
    grads=("x",),
    kinds=(*FINITE_KINDS, "nan"),
    source="canonical F.normalize",
)

# -- convolutions and filters ------------------------------------------------------------------------

word(
    "depthwise_conv1d",
    inputs={"x": "b d l", "weight": "d 1 3", "bias": "d"},
    options={"padding": (2, 1)},
    grads=("x", "weight", "bias"),
    relations=(
        linear("x"),
        linear("weight"),
        shift("x", least={"l": 8}),
        definition("taps", _direct_taps),
        batch("x"),
    ),
    kinds=(*FINITE_KINDS, "nan"),
    bound={"output": _conv_bound},
    errors=(
        ErrorCase("another number of channels", inputs={"weight": "3 1 3"}, says=("(3, 1, 3)", "16")),
        ErrorCase("a filter over all channels", inputs={"weight": "d d 3"}, says=("(16, 16, 3)",)),
        ErrorCase(
            "an input shorter than the taps",
            inputs={"x": "b d 1"},
            options={"padding": 0},
            says=("length 1", "3 taps", "pad"),
        ),
    ),
    source="canonical short_filter",
)
word(
    "long_conv",
    inputs={
        "u": "b d l",
        "k": "d m",
        "D": "d",
        "k_rev": Array("d l", optional=True),
    },
    sizes={"l": LENGTHS, "m": lambda n: sorted({1, n["l"], 2 * n["l"]})},
    cases=("l64", "l97", "l128", "l512", "l2048 d4"),
    grads=("u", "k", "D", "k_rev"),
    relations=(
        linear("u"),
        linear("k"),
        shift("u", by=3, **CAUSAL),
        definition("direct", _direct_convolution),
        batch("u"),
    ),
    kinds=(*FINITE_KINDS, "nan"),
    nonfinite="any",
    bound={"output": _long_conv_bound},
    errors=(
        ErrorCase("a kernel too long", inputs={"k": "d 200"}, says=("200", "128", "cut")),
        ErrorCase("another number of channels", inputs={"k": "3 l"}, says=("(3, 64)", "16")),
        ErrorCase("a signal with two axes", inputs={"u": "d l"}, says=("(16, 64)", "(b, d, l)")),
    ),
    source="Fu et al. 2023, Monarch Mixer, §4; canonical fftconv_ref",
)
word(
    "fftconv",
    inputs={
        "u": "b d l",
        "k": "d l",
        "D": "d",
        "dropout_mask": Array("b d", "uniform", optional=True),
        "k_rev": Array("d l", optional=True),
    },
    options={"gelu": (True, False)},
    grads=("u", "k", "D", "dropout_mask"),
    kinds=(*FINITE_KINDS, "nan"),
    nonfinite="any",
    errors=(
        ErrorCase("a mask of another shape", inputs={"dropout_mask": "b 3"}, says=("(2, 3)", "(2, 16)")),
    ),
    source="canonical fftconv_ref",
)
word(
    "positional_embedding",
    outputs=("z", "t"),
    options={"seq_len": (128, 1, 2, 33, 512), "emb_dim": (5, 3, 7, 33)},
    dtype_argument="dtype",
    kinds=("normal",),
    layouts=("contiguous",),
    errors=(
        ErrorCase("an even width", options={"emb_dim": 4}, says=("emb_dim=4", "odd")),
        ErrorCase("no positions", options={"seq_len": 0}, says=("seq_len=0", "at least 1")),
    ),
    source="Poli et al. 2023, Hyena, §3.3; canonical PositionalEmbedding",
)
word(
    "exponential_modulation",
    inputs={"h": "1 l d", "t": Array("1 l 1", "uniform"), "deltas": Array("1 1 d", scale=10.0)},
    options={"shift": (0.0, 0.05)},
    grads=("h", "t", "deltas"),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase("another length", inputs={"t": "1 5 1"}, says=("(1, 5, 1)", "64")),
        ErrorCase("another number of channels", inputs={"deltas": "1 1 3"}, says=("(1, 1, 3)", "16")),
    ),
    source="Poli et al. 2023, Hyena, §3.3; canonical ExponentialModulation",
)

# -- losses ------------------------------------------------------------------------------------------

word(
    "cross_entropy",
    inputs={"logits": "n c", "labels": Array("n", "labels", below="c", ignored=-100)},
    sizes={"n": (1, 2, 3, 17, 33), "c": (1, 2, 3, 17, 97)},
    base={"n": 33, "c": 97},
    grads=("logits",),
    relations=(padding("logits", {"labels": -100}, axis=0),),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase(
            "a label past the classes",
            values={"labels": np.full(33, 97, dtype=np.int32)},
            says=("97", "0 to 96"),
        ),
        ErrorCase("a label too few", values={"labels": np.zeros(5, dtype=np.int32)}, says=("(5,)", "33")),
    ),
    source="canonical nn.CrossEntropyLoss",
)
word(
    "mse_loss",
    inputs={"prediction": "b l", "target": "b l"},
    grads=("prediction", "target"),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("another shape", inputs={"target": "b 5"}, says=("(2, 5)", "(2, 64)")),),
    source="canonical nn.MSELoss",
)
word(
    "bce_with_logits",
    inputs={"logits": "b l", "target": Array("b l", "uniform")},
    grads=("logits",),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("another shape", inputs={"target": "b 5"}, says=("(2, 5)", "(2, 64)")),),
    source="canonical nn.BCEWithLogitsLoss",
)
