"""Convolutions and what makes their filters."""

from parity.inputs import FINITE_KINDS, Array
from parity.relations import batch, definition, linear, shift
from parity.spec import ErrorCase

from .definitions import direct_convolution, direct_taps
from .theory import conv_bound, long_conv_bound
from .word import word

LENGTHS = (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 65, 97, 128, 129, 257, 512)

CAUSAL = {"fixed": {"m": "l"}, "left_out": ("k_rev",), "least": {"l": 8}}

word(
    "depthwise_conv1d",
    inputs={"x": "b d l", "weight": "d 1 3", "bias": "d"},
    options={"padding": (2, 1)},
    grads=("x", "weight", "bias"),
    relations=(
        linear("x"),
        linear("weight"),
        shift("x", least={"l": 8}),
        definition("taps", direct_taps),
        batch("x"),
    ),
    kinds=(*FINITE_KINDS, "nan"),
    kernels=("depthwise_conv3",),
    bound={"output": conv_bound},
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
        definition("direct", direct_convolution),
        batch("u"),
    ),
    kinds=(*FINITE_KINDS, "nan"),
    nonfinite="any",
    bound={"output": long_conv_bound},
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
