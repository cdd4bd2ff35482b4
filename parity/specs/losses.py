"""Losses."""

import numpy as np

from parity.inputs import FINITE_KINDS, Array
from parity.relations import padding
from parity.spec import ErrorCase

from .word import word

word(
    "cross_entropy",
    inputs={"logits": "n c", "labels": Array("n", "labels", below="c", ignored=-100)},
    sizes={"n": (1, 2, 3, 17, 33), "c": (1, 2, 3, 17, 97)},
    base={"n": 33, "c": 97},
    typical="n16 c8192",
    grads=("logits",),
    relations=(padding("logits", {"labels": -100}, axis=0),),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(
        ErrorCase(
            "a label past the classes",
            values={"labels": np.full(33, 97, dtype=np.int32)},
            says=("97", "0 to 96"),
        ),
        ErrorCase(
            "labels of floats",
            values={"labels": np.zeros(33, dtype=np.float32)},
            says=("labels", "float32", "cast"),
        ),
        ErrorCase("a label too few", values={"labels": np.zeros(5, dtype=np.int32)}, says=("(5,)", "33")),
    ),
    floating="logits",
    source="canonical nn.CrossEntropyLoss",
)
word(
    "mse_loss",
    inputs={"prediction": "b l", "target": "b l"},
    typical="b1 l4096",
    grads=("prediction", "target"),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("another shape", inputs={"target": "b 5"}, says=("(2, 5)", "(2, 64)")),),
    floating="prediction target",
    source="canonical nn.MSELoss",
)
word(
    "bce_with_logits",
    inputs={"logits": "b l", "target": Array("b l", "uniform")},
    typical="b1 l4096",
    grads=("logits",),
    kinds=(*FINITE_KINDS, "nan"),
    errors=(ErrorCase("another shape", inputs={"target": "b 5"}, says=("(2, 5)", "(2, 64)")),),
    floating="logits",
    source="canonical nn.BCEWithLogitsLoss",
)
