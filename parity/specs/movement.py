"""Words that move data and compute nothing: bit for bit."""

import numpy as np

from parity.inputs import ALL_KINDS, Array
from parity.rules import Exact, Ulp
from parity.spec import ErrorCase

from .word import word

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
        ErrorCase("a negative id", values={"ids": np.array([[-1, 3]], dtype=np.int32)}, says=("-1",)),
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
    errors=(ErrorCase("kernels of two lengths", inputs={"k_rev": "d 5"}, says=("(16, 5)", "(16, 64)")),),
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
    inputs={"x": "n d", "indices": Array("m", "ids", below="n")},
    sizes={"n": (1, 2, 7, 33), "m": lambda n: sorted({1, (n["n"] + 1) // 2, n["n"]})},
    base={"n": 33},
    grads=("x",),
    rule=Exact(),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase(
            "an index past the rows",
            values={"indices": np.array([40], dtype=np.int32)},
            says=("40", "0 to 32"),
        ),
        ErrorCase("indices that are no integers", inputs={"indices": "m"}, says=("float32", "integers")),
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
        ErrorCase("indices that are no integers", inputs={"indices": "m"}, says=("float32", "integers")),
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
    options={"batch": lambda n: (n["b"],), "seqlen": lambda n: (n["l"],)},
    sizes={
        "b": (1, 2, 3),
        "l": (1, 2, 7, 11),
        "n": lambda n: (n["b"] * n["l"],),
        "m": lambda n: sorted({1, (n["n"] + 1) // 2, n["n"]}),
    },
    base={"b": 3, "l": 11, "m": 17},
    grads=("hidden_states",),
    rule=Exact(),
    grad_rule=Exact(),
    kinds=ALL_KINDS,
    errors=(ErrorCase("a batch too small", options={"seqlen": 5}, says=("0 to 14",)),),
    source="canonical bert_padding.pad_input",
)
