"""Convolutions and what makes their filters."""

from typing import Any

import numpy as np

from parity.inputs import FINITE_KINDS, Array
from parity.relations import batch, definition, linear, shift
from parity.spec import ErrorCase

from .definitions import (
    direct_both_ways,
    direct_causal,
    direct_conv1d,
    direct_convolution,
    direct_passed,
    direct_taps,
)
from .theory import causal_bound, conv1d_bound, conv_bound, long_conv_bound
from .word import word

LENGTHS = (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 65, 97, 128, 129, 257, 512)

CAUSAL = {"fixed": {"m": "l"}, "left_out": ("k_rev",), "least": {"l": 8}}

SHORT_LENGTHS = (1, 2, 3, 16, 33, 97)

COMPOSED: dict[str, Any] = {
    "kinds": ("normal", "wide", "cancel", "zeros", "onehot", "nan"),
    "layouts": ("contiguous", "strided"),
}
"""For words made of others, which are tried with everything."""


def taps(axes: str) -> Array:
    """The taps of a convolution with padding. They stay finite: whether a NaN that only ever meets padding is
    multiplied by its zeros or passed over differs between libraries, and nobody promises either.
    """
    return Array(axes, finite=True)


word(
    "conv1d",
    inputs={"x": "b (g i) l", "weight": taps("(g o) i k"), "bias": Array("(g o)", optional=True)},
    sizes={"g": (1, 2, 3), "i": (1, 2, 5), "o": (1, 3, 4), "k": (1, 2, 3, 5), "l": SHORT_LENGTHS},
    base={"g": 2, "i": 5, "o": 4, "k": 3, "l": 64},
    options={
        "stride": (1, 2, 3),
        "padding": lambda n: (n["k"] - 1, 2 * (n["k"] - 1)),
        "dilation": (1, 2),
        "groups": lambda n: (n["g"],),
    },
    grads=("x", "weight", "bias"),
    relations=(linear("x"), linear("weight"), definition("loops", direct_conv1d), batch("x")),
    kinds=(*FINITE_KINDS, "nan"),
    bound={"output": conv1d_bound},
    errors=(
        ErrorCase("another number of channels", inputs={"x": "b 3 l"}, says=("5·2 = 10", "3")),
        ErrorCase("groups that do not divide", options={"groups": 3}, says=("groups=3", "15", "10")),
        ErrorCase("a stride of none", options={"stride": 0}, says=("stride=0", "at least 1")),
        ErrorCase("a bias of another width", inputs={"bias": "3"}, says=("(3,)", "8")),
        ErrorCase(
            "an input shorter than the taps",
            inputs={"x": "b (g i) 3"},
            options={"padding": 0, "dilation": 2},
            says=("length 3", "5 positions", "pad"),
        ),
    ),
    floating="x",
    source="canonical nn.Conv1d",
)
for _name, _optional in (("conv1d_fft", True), ("conv1d_fft_with_bias", False)):
    word(
        _name,
        inputs={"x": "b d l", "k": "d m", "bias": Array("d", optional=_optional)},
        sizes={
            "l": SHORT_LENGTHS if _optional else (1, 16, 33),
            "d": (1, 5, 16),
            "m": lambda n: sorted({1, n["l"], n["l"] + 3}),
        },
        base={"l": 64, "m": 64},
        cases=("", "l97") if _optional else ("",),
        typical="b1 l1021 d8 m1021",
        grads=("x", "k", "bias"),
        relations=(
            linear("x"),
            linear("k"),
            shift("x", by=3, least={"l": 8}),
            definition("direct", direct_causal),
            batch("x"),
        )
        if _optional
        else (definition("direct", direct_causal),),
        kinds=(*FINITE_KINDS, "nan") if _optional else COMPOSED["kinds"],
        nonfinite="any",
        bound={"output": causal_bound},
        errors=(
            ErrorCase("another number of channels", inputs={"k": "3 l"}, says=("(3, 64)", "16")),
            ErrorCase("a bias of another width", inputs={"bias": "3"}, says=("(3,)", "16")),
            ErrorCase(
                "no points", values={"x": np.zeros((2, 16, 0), dtype=np.float32)}, says=("(2, 16, 0)",)
            ),
        ),
        floating="x k bias",
        source="canonical fftconv_ref, with a constant in place of the skip",
    )
word(
    "depthwise_conv1d",
    inputs={"x": "b d l", "weight": taps("d 1 3"), "bias": "d"},
    options={"padding": (2, 1)},
    typical="b1 l512 d64",
    grads=("x", "weight", "bias"),
    relations=(
        linear("x"),
        linear("weight"),
        shift("x", least={"l": 8}),
        definition("taps", direct_taps),
        batch("x"),
    ),
    kinds=(*FINITE_KINDS, "nan"),
    bound={"output": conv_bound},
    errors=(
        ErrorCase("another number of channels", inputs={"weight": "3 1 3"}, says=("(3, 1, 3)", "16")),
        ErrorCase("a filter over all channels", inputs={"weight": "d d 3"}, says=("(16, 16, 3)",)),
        ErrorCase("a column of biases", inputs={"bias": "d 1"}, says=("bias", "(16, 1)", "(c,)", "reshape")),
        ErrorCase("two biases a channel", inputs={"bias": "d 2"}, says=("bias", "(16, 2)", "(c,)")),
        ErrorCase(
            "an input shorter than the taps",
            inputs={"x": "b d 1"},
            options={"padding": 0},
            says=("length 1", "3 taps", "pad"),
        ),
        ErrorCase("a filter without taps", inputs={"weight": "d 1 0"}, says=("(16, 1, 0)", "no taps")),
    ),
    kernels=("depthwise_conv3",),
    floating="x",
    source="canonical short_filter",
)
word(
    "gated_short_conv",
    inputs={"x": "b (3 d) l", "weight": taps("(3 d) 1 k"), "bias": "(3 d)"},
    sizes={"d": (1, 3, 16), "k": (1, 2, 3), "l": (1, 2, 3, 16, 33, 64, 129)},
    outputs=("passed", "gated"),
    cases=("", "l257"),
    grads=("x", "weight", "bias"),
    kernels=("gated_conv3",),
    relations=(shift("x", least={"l": 8}), definition("taps", direct_passed), batch("x")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase("channels that are no thirds", inputs={"x": "b 7 l"}, says=("7 channels", "three")),
        ErrorCase("another number of channels", inputs={"weight": "3 1 3"}, says=("(3, 1, 3)", "48")),
        ErrorCase("a filter over all channels", inputs={"weight": "(3 d) d 3"}, says=("(48, 16, 3)",)),
        ErrorCase("a column of biases", inputs={"bias": "(3 d) 1"}, says=("bias", "(48, 1)", "reshape")),
    ),
    floating="x",
    source="canonical short_filter and the first gate of MonarchMixerSequenceMixing",
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
    typical="b1 l2048 d8 m2048",
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
    kernels=("fft_conv",),
    bound={"output": long_conv_bound},
    errors=(
        ErrorCase("a kernel too long", inputs={"k": "d 200"}, says=("200", "128", "cut")),
        ErrorCase("another number of channels", inputs={"k": "3 l"}, says=("(3, 64)", "16")),
        ErrorCase("a column of skips", inputs={"D": "d 1"}, says=("D has", "(16, 1)", "(d,)", "reshape")),
        ErrorCase("two skips a channel", inputs={"D": "d 2"}, says=("D has", "(16, 2)", "(d,)", "reshape")),
        ErrorCase("a signal with two axes", inputs={"u": "d l"}, says=("(16, 64)", "(b, d, l)")),
        ErrorCase(
            "a signal of integers", values={"u": np.zeros((2, 16, 64), dtype=np.int32)}, says=("int", "cast")
        ),
        ErrorCase("no points", values={"u": np.zeros((2, 16, 0), dtype=np.float32)}, says=("(2, 16, 0)",)),
    ),
    floating="u k D k_rev",
    source="Fu et al. 2023, Monarch Mixer, §4; canonical fftconv_ref",
)
word(
    "long_conv_bidirectional",
    inputs={"u": "b d l", "k": "d m", "k_rev": "d m", "D": "d"},
    options={"form": ("conjugate", "padded")},
    sizes={"d": (1, 5, 16), "l": (1, 3, 16, 33), "m": lambda n: sorted({1, n["l"]})},
    base={"l": 64, "m": 64},
    typical="b1 l1000 d8 m1000",
    grads=("u", "k", "k_rev", "D"),
    relations=(
        linear("k_rev"),
        definition("direct.conjugate", direct_both_ways, fixed={"form": "conjugate"}),
        definition("direct.padded", direct_both_ways, fixed={"form": "padded"}),
    ),
    **COMPOSED,
    nonfinite="any",
    errors=(
        ErrorCase("a form that is not there", options={"form": "flipped"}, says=("'flipped'", "'padded'")),
        ErrorCase("kernels of two lengths", inputs={"k_rev": "d 5"}, says=("(16, 64)", "(16, 5)")),
        ErrorCase(
            "kernels too long",
            inputs={"k": "d 65", "k_rev": "d 65"},
            says=("65 taps", "64", "cut"),
        ),
    ),
    floating="u k k_rev D",
    source="canonical fftconv_ref and HyenaFilter.forward",
)
word(
    "monarch_conv",
    inputs={"u": "b d l", "k": "d m", "D": "d"},
    sizes={"d": (1, 5, 16), "l": (1, 3, 16, 33), "m": lambda n: sorted({1, n["l"], 2 * n["l"]})},
    base={"l": 64, "m": 128, "d": 4},
    cases=("", "l97"),
    typical="b1 l512 d4 m1024",
    grads=("u", "k", "D"),
    relations=(
        definition("direct", direct_convolution),
        batch("u"),
    ),
    **COMPOSED,
    nonfinite="any",
    errors=(
        ErrorCase("a kernel too long", inputs={"k": "d 200"}, says=("200", "128", "cut")),
        ErrorCase("another number of channels", inputs={"k": "3 l"}, says=("(3, 64)", "4")),
        ErrorCase("no points", values={"u": np.zeros((2, 4, 0), dtype=np.float32)}, says=("(2, 4, 0)",)),
    ),
    floating="u k D",
    source="Fu et al. 2023, Monarch Mixer, §3.1, §4",
)
word(
    "gated_long_conv",
    inputs={
        "u": "b d l",
        "k": "d m",
        "D": "d",
        "gate": "b d l",
        "extra": Array("b d l", optional=True),
        "k_rev": Array("d l", optional=True),
    },
    sizes={"l": (1, 2, 7, 33, 64, 65, 130, 257), "m": lambda n: sorted({1, n["l"], 2 * n["l"]})},
    cases=("l64", "l200 m400"),
    grads=("u", "k", "D", "gate", "extra"),
    relations=(linear("gate"), linear("u"), batch("u", "gate")),
    kinds=(*FINITE_KINDS, "nan"),
    nonfinite="any",
    kernels=("fft_conv",),
    errors=(
        ErrorCase(
            "a gate of another length", inputs={"gate": "b d 5"}, says=("gate", "(2, 16, 5)", "(2, 16, 64)")
        ),
        ErrorCase("another number of channels", inputs={"k": "3 l"}, says=("(3, 64)", "16")),
        ErrorCase("two skips a channel", inputs={"D": "d 2"}, says=("D has", "(16, 2)", "(d,)", "reshape")),
        ErrorCase("negative lags of other channels", inputs={"k_rev": "3 l"}, says=("k_rev", "(3, 64)")),
        ErrorCase("a residual path transposed", inputs={"extra": "b l d"}, says=("extra", "(2, 64, 16)")),
        ErrorCase("a kernel too long", inputs={"k": "d 200"}, says=("200", "128", "cut")),
    ),
    floating="u k D k_rev",
    source="Fu et al. 2023, Monarch Mixer, §4; canonical MonarchMixerSequenceMixing",
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
    typical="b1 l512 d8",
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
        ErrorCase("times for each channel", inputs={"t": "1 l 3"}, says=("(1, 64, 3)", "one time")),
        ErrorCase("decays for each position", inputs={"deltas": "1 3 d"}, says=("(1, 3, 16)", "one decay")),
    ),
    floating="h t deltas",
    source="Poli et al. 2023, Hyena, §3.3; canonical ExponentialModulation",
)
word(
    "hyena_filter_forward",
    inputs={
        "z": "1 l e",
        "t": Array("1 l 1", "uniform"),
        "w_in": "o e",
        "b_in": "o",
        "w_inner": Array("j o o", scale=0.25),
        "b_inner": "j o",
        "w_out": Array("d o", scale=0.25),
        "freq": "1 o",
        "deltas": Array("1 1 d", scale=10.0),
    },
    sizes={"d": (1, 5, 16, 33), "l": (1, 2, 16, 33), "e": (3, 5), "o": (1, 8, 16), "j": (1, 2)},
    base={"l": 64, "e": 5, "o": 16, "j": 2},
    options={
        "w_mod": (1.0, 2.0),
        "modulate": (True, False),
        "shift": (0.0, 0.05),
        "normalized": (False, True),
    },
    grads=("z", "t", "w_in", "b_in", "w_inner", "b_inner", "w_out", "freq", "deltas"),
    kinds=("normal", "small", "nan"),
    layouts=COMPOSED["layouts"],
    relations=(linear("w_out"),),
    errors=(
        ErrorCase("another width of features", inputs={"z": "1 l 3"}, says=("(1, 64, 3)", "5")),
        ErrorCase("biases of fewer layers", inputs={"b_inner": "1 o"}, says=("(1, 16)", "(2, 16)")),
        ErrorCase("features with two axes", inputs={"z": "l e"}, says=("(64, 5)", "(1, l, e)")),
        ErrorCase("two tables of features", inputs={"z": "2 l e"}, says=("(2, 64, 5)", "(1, 64, 5)")),
        ErrorCase("a time for each channel", inputs={"t": "1 l d"}, says=("(1, 64, 33)", "(1, 64, 1)")),
        ErrorCase(
            "a decay for each position", inputs={"deltas": "1 l d"}, says=("(1, 64, 33)", "(1, 1, 33)")
        ),
        ErrorCase("a frequency for each position", inputs={"freq": "l o"}, says=("(64, 16)", "(1, 16)")),
        ErrorCase("a column of biases", inputs={"b_in": "1 o"}, says=("b_in", "(1, 16)", "(16,)")),
    ),
    kernels=("hyena_filter",),
    floating="z t w_in b_in w_inner b_inner w_out freq deltas",
    source="Poli et al. 2023, Hyena, §3.3; canonical HyenaFilter.filter",
)
