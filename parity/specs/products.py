"""Products, dense and structured."""

from parity.inputs import ALL_KINDS, FINITE_KINDS, Array
from parity.relations import batch, definition, linear
from parity.spec import ErrorCase

from .definitions import dense_blockdiag, dense_butterfly, dense_glu, dense_mlp, dense_monarch
from .theory import blockdiag_bound, linear_bound, matmul_bound
from .word import word

word(
    "linear",
    inputs={"x": "b l i", "weight": "o i", "bias": Array("o", optional=True)},
    sizes={"i": (1, 2, 3, 5, 17, 64, 65, 129, 193, 192), "o": (1, 2, 3, 17, 33, 65)},
    base={"i": 192, "o": 48},
    cases=("", "i768 l16", "i3072 o8 l16"),
    typical="b1 l32 i768 o64",
    grads=("x", "weight", "bias"),
    relations=(linear("x"), linear("weight"), batch("x")),
    kinds=ALL_KINDS,
    bound={"output": linear_bound},
    errors=(
        ErrorCase("features that do not match", inputs={"x": "b l 7"}, says=("(2, 64, 7)", "192")),
        ErrorCase("a weight with three axes", inputs={"weight": "1 o i"}, says=("(1, 48, 192)",)),
        ErrorCase("a bias with two axes", inputs={"bias": "1 o"}, says=("(1, 48)", "(o,)")),
    ),
    kernels=("gemm_av", "gemm_at_b"),
    floating="x",
    source="canonical nn.Linear",
)
word(
    "matmul",
    inputs={"a": "b m k", "b": "b k n"},
    sizes={"m": (1, 2, 3, 17, 33), "k": (1, 2, 3, 17, 64, 65, 129, 193, 192), "n": (1, 2, 3, 17, 33)},
    base={"m": 64, "k": 192, "n": 64},
    cases=("", "k768 m16", "k3072 m16 n16"),
    typical="b1 m32 k768 n64",
    grads=("a", "b"),
    relations=(linear("a"), linear("b"), batch("a", "b")),
    kinds=ALL_KINDS,
    bound={"output": matmul_bound},
    errors=(
        ErrorCase("inner sizes that differ", inputs={"b": "b 5 n"}, says=("(2, 5, 64)", "192")),
        ErrorCase("a vector", inputs={"a": "k"}, says=("(192,)", "(..., m, k)")),
        ErrorCase("batches that differ", inputs={"b": "3 k n"}, says=("(2,)", "(3,)", "broadcast")),
    ),
    kernels=("gemm_av", "gemm_at_b"),
    floating="a",
    source="A·B",
)
word(
    "blockdiag_multiply",
    inputs={"x": "b l (k p)", "weight": "k q p"},
    sizes={"k": (1, 2, 3, 4, 8), "q": (1, 2, 3, 5, 16, 17), "p": (1, 2, 3, 5, 16, 17, 48)},
    base={"k": 4, "q": 24, "p": 48},
    cases=("", "k1 p192", "k8 q3 p5"),
    grads=("x", "weight"),
    relations=(linear("x"), definition("dense", dense_blockdiag), batch("x")),
    kinds=ALL_KINDS,
    bound={"output": blockdiag_bound},
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b l 7"}, says=("7", "192", "pad")),
        ErrorCase("a dense weight", inputs={"weight": "q p"}, says=("(24, 48)", "(k, q, p)")),
    ),
    kernels=("blockdiag_gemm", "blockdiag_gemm_grad"),
    floating="x",
    source="Dao et al. 2022, Monarch, §3.1; canonical blockdiag_multiply",
)
word(
    "blockdiag_glu",
    inputs={"x": "b l (k p)", "weight": "k q p"},
    sizes={
        "k": (1, 2, 3, 4, 8),
        "q": lambda n: [q for q in (1, 2, 3, 4, 5, 16, 17, 34) if n["k"] * q % 2 == 0],
        "p": (1, 2, 3, 5, 16, 17, 48),
    },
    base={"k": 4, "q": 34, "p": 48},
    cases=("", "k1 p192", "k3 q6 p5"),
    grads=("x", "weight"),
    relations=(definition("dense", dense_glu), batch("x")),
    kinds=ALL_KINDS,
    nonfinite="any",  # gelu(-9) is 0 by 1 + erf, and -1e-18 by erfc: times infinity the one is NaN
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b l 7"}, says=("7", "192", "pad")),
        ErrorCase(
            "an odd number of features",
            inputs={"x": "b l 15", "weight": "3 5 5"},
            says=("(3, 5, 5)", "15", "even"),
        ),
        ErrorCase("a dense weight", inputs={"weight": "q p"}, says=("(34, 48)", "(k, q, p)")),
    ),
    kernels=("blockdiag_glu", "blockdiag_glu_grad", "blockdiag_gemm", "blockdiag_gemm_grad"),
    source="Shazeer 2020, GEGLU; canonical BertGatedLinearUnitMLP",
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
    relations=(linear("x"), definition("dense", dense_butterfly), batch("x")),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b 7"}, says=("7", "64")),
        ErrorCase("factors that do not fit", inputs={"w2_bfly": "3 s r"}, says=("24", "64")),
    ),
    source="Dao et al. 2022, Monarch, §3.1; canonical blockdiag_butterfly_multiply",
)
word(
    "monarch_matmul",
    inputs={"x": "b (k p)", "w1": "k q p", "w2": "n s r"},
    sizes={
        "k": (1, 3),
        "p": (1, 2, 5),
        "q": (1, 3, 4),
        "s": (1, 3, 5),
        "r": lambda n: [r for r in range(1, n["k"] * n["q"] + 1) if n["k"] * n["q"] % r == 0],
        "n": lambda n: (n["k"] * n["q"] // n["r"],),
    },
    base={"k": 8, "p": 4, "q": 8, "s": 4, "r": 8},
    grads=("x", "w1", "w2"),
    relations=(definition("dense", dense_monarch), batch("x")),
    kinds=("normal", "wide", "cancel", "integers", "onehot", "nan"),
    layouts=("contiguous", "strided"),
    errors=(
        ErrorCase("features that do not fit", inputs={"x": "b 7"}, says=("7", "32")),
        ErrorCase("factors that do not fit", inputs={"w2": "3 s r"}, says=("24", "64")),
        ErrorCase("a dense factor", inputs={"w1": "q p"}, says=("(8, 4)", "(k, q, p)")),
    ),
    source="Fu et al. 2023, Monarch Mixer, §3.1, eq. 1",
)
word(
    "monarch_mlp_forward",
    inputs={
        "x": "b l d",
        "w1": "k q p",
        "w2": "k r s",
        "b1": Array("f", optional=True),
        "b2": Array("d", optional=True),
    },
    sizes={
        "l": (1, 2, 16),
        "d": (1, 3, 8, 16),
        "k": (1, 2, 4),
        "p": lambda n: (-(-n["d"] // n["k"]),),
        "f": (2, 6, 16),
        "q": lambda n: (-(-n["f"] // n["k"]),),
        "r": lambda n: (-(-n["d"] // n["k"]),),
        "s": lambda n: (-(-n["f"] // n["k"]),),
    },
    base={"l": 17, "d": 16, "k": 4, "f": 24},
    options={"gated": (True, False), "features": lambda n: (n["f"],)},
    typical="b1 l16 d192 k4 f768",
    grads=("x", "w1", "w2", "b1", "b2"),
    relations=(definition("dense", dense_mlp), batch("x")),
    kinds=("normal", "wide", "cancel", "onehot", "nan"),
    layouts=("contiguous", "strided"),
    errors=(
        ErrorCase("more features than blocks", options={"features": 30}, says=("features=30", "24")),
        ErrorCase("an odd number to halve", options={"features": 5}, says=("features=5", "odd")),
        ErrorCase("an output too small", inputs={"w2": "k 3 s"}, says=("(4, 3, 6)", "16")),
        ErrorCase("a bias of another width", inputs={"b1": "3"}, says=("(3,)", "24")),
    ),
    source="Fu et al. 2023, Monarch Mixer, §4; canonical BertGatedLinearUnitMLP",
)
word(
    "column_attention",
    inputs={"q": "b l d", "k": "b l d", "v": "b l d", "mask": Array("b l", "mask")},
    sizes={"l": (1, 2, 3, 7, 16, 17, 33)},
    base={"l": 32},
    typical="b1 l128 d96",
    grads=("q", "k", "v"),
    relations=(linear("v"), batch("q", "k", "v", "mask")),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("another length", inputs={"k": "b 5 d"}, says=("(2, 5, 16)", "(2, 32, 16)")),),
    floating="q",
    source="canonical AttentionPooler",
)
