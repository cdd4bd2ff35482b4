"""Reductions and normalizations."""

import numpy as np

from parity.inputs import ALL_KINDS, FINITE_KINDS, Array
from parity.relations import batch, linear, padding
from parity.spec import ErrorCase

from .word import word

word(
    "layer_norm",
    inputs={"x": "b l d", "weight": "d", "bias": "d"},
    options={"eps": (1e-12, 1e-5)},
    cases=("", "d768 l16"),
    typical="b1 l64 d768",
    grads=("x", "weight", "bias"),
    relations=(linear("weight"), batch("x")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase("a weight of another width", inputs={"weight": "3"}, says=("(3,)", "16")),
        ErrorCase("a bias of another width", inputs={"bias": "3"}, says=("(3,)", "16")),
    ),
    floating="x",
    source="Ba et al. 2016, eq. 4",
)
word(
    "softmax",
    inputs={"x": "b l d"},
    options={"axis": (-1, 1)},
    cases=("", "d768 l16"),
    typical="b1 l32 d768",
    grads=("x",),
    relations=(batch("x"),),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("an axis that is not there", options={"axis": 3}, says=("axis=3", "[-3, 3)")),),
    floating="x",
    source="exp(x − max)/Σ exp(x − max)",
)
word(
    "log_softmax",
    inputs={"x": "b l d"},
    sizes={"l": (1, 2, 17, 64), "d": (1, 2, 3, 16, 129)},
    base={"l": 64, "d": 16},
    options={"axis": (-1, 1)},
    cases=("", "d768 l16"),
    typical="b1 l32 d768",
    grads=("x",),
    relations=(batch("x"),),
    kinds=ALL_KINDS,
    errors=(ErrorCase("an axis that is not there", options={"axis": 3}, says=("axis=3", "[-3, 3)")),),
    floating="x",
    source="Goodfellow et al. 2016, Deep Learning, eq. 6.30",
)
word(
    "masked_softmax",
    inputs={"x": "b l d", "mask": Array("b 1 d", "mask")},
    sizes={"l": (1, 2, 17, 64), "d": (1, 2, 3, 16, 129)},
    base={"l": 64, "d": 16},
    options={"axis": (-1, 1)},
    cases=("", "d768 l16"),
    typical="b1 l32 d768",
    grads=("x",),
    relations=(batch("x", "mask"),),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("an axis that is not there", options={"axis": 3}, says=("axis=3", "[-3, 3)")),
        ErrorCase(
            "a mask that does not fit",
            values={"mask": np.ones((2, 5, 16), dtype=np.int32)},
            says=("(2, 5, 16)", "(2, 64, 16)"),
        ),
    ),
    floating="x",
    source="our own definition; all-masked rows as PyTorch's safe softmax",
)
word(
    "masked_mean",
    inputs={"x": "b l d", "mask": Array("b l", "mask")},
    cases=("", "l768"),
    typical="b1 l768",
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
    floating="x",
    source="canonical BertPooler with pool_all",
)
word(
    "l1_normalize",
    inputs={"x": "b l d"},
    cases=("", "d768 l16"),
    typical="b1 l32 d768",
    grads=("x",),
    kinds=ALL_KINDS,
    floating="x",
    source="canonical HyenaFilter(normalized=True)",
)
word(
    "l2_normalize",
    inputs={"x": "b d"},
    cases=("", "d768"),
    typical="b32 d768",
    grads=("x",),
    kinds=(*FINITE_KINDS, "nan"),
    floating="x",
    source="canonical F.normalize",
)
