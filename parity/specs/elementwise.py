"""Words that act element by element."""

import numpy as np

from parity.inputs import ALL_KINDS
from parity.rules import Ulp
from parity.spec import ErrorCase

from .word import word

IEEE = "IEEE 754: correctly rounded, in half precision too (Figueroa 1995, double rounding)"

METAL = "Metal Shading Language Specification, table of ULP values of precise math functions"

for _name, _source in (
    ("gelu", "Hendrycks & Gimpel 2016, eq. 1"),
    ("gelu_tanh", "Hendrycks & Gimpel 2016, §2"),
    ("silu", "Elfwing et al. 2018, eq. 1"),
    ("sigmoid", "the logistic function"),
):
    word(
        _name,
        inputs={"x": "b l"},
        typical="b1 l4096",
        grads=("x",),
        kinds=ALL_KINDS,
        floating="x",
        source=_source,
    )

word(
    "relu",
    inputs={"x": "b l"},
    grads=("x",),
    rule=Ulp(0, source="a selection; IEEE 754 leaves the sign of max(−0, +0) open"),
    grad_rule=Ulp(0, source="a selection: the cotangent or zero"),
    kinds=ALL_KINDS,
    floating="x",
    source="max(x, 0)",
)
word(
    "tanh",
    inputs={"x": "b l"},
    grads=("x",),
    rule=Ulp(5, source=METAL),
    kinds=ALL_KINDS,
    floating="x",
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
        ErrorCase("a frequency for each position", inputs={"freq": "l d"}, says=("(64, 16)", "(1, d)")),
    ),
    floating="x freq",
    source="Poli et al. 2023, Hyena, §3.3; canonical Sin",
)
word(
    "safe_divide",
    inputs={"x": "b l", "y": "b l"},
    options={"default": (0.0, 1.0)},
    grads=("x", "y"),
    rule=Ulp(1, source="IEEE 754: a division is correctly rounded, and rounded once more to half precision"),
    kinds=ALL_KINDS,
    errors=(
        ErrorCase("mixed dtypes", values={"y": np.ones((2, 64), dtype=np.float16)}, says=("float16", "cast")),
        ErrorCase("shapes that do not fit", inputs={"y": "b 3"}, says=("(2, 64)", "(2, 3)", "broadcast")),
    ),
    floating="x",
    source="our own definition: x/y, and a default where y is zero",
)
word(
    "safe_log",
    inputs={"x": "b l"},
    options={"eps": (2.0**-126, 1e-6)},
    grads=("x",),
    rule=Ulp(3, source=METAL),
    kinds=ALL_KINDS,
    errors=(ErrorCase("no floor", options={"eps": 0.0}, says=("eps=0.0", "positive")),),
    floating="x",
    source="our own definition: log x, and log eps from eps on down",
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
            ErrorCase(
                "shapes that do not fit", inputs={_other: "b l"}, says=("(2, 64, 16)", "(2, 64)", "broadcast")
            ),
        ),
        floating="x",
        source="Fu et al. 2023, Monarch Mixer, §4",
    )
