"""How a word of M2-BERT's vocabulary is declared."""

from typing import Any

import numpy as np

from parity.spec import ErrorCase, OpSpec


def word(name: str, *, floating: str = "", **declaration: Any) -> OpSpec:
    """A word of the vocabulary: the same name in both namespaces.

    Args:
        name: its name.
        floating: the arguments that must be floating, with blanks between: integers are refused.
        declaration: as of :class:`OpSpec`.
    """
    first = floating.split()[:1]
    for argument in floating.split():
        integers = ErrorCase(
            "integers" if argument in first else f"integers for {argument}",
            values={argument: np.ones((2, 3), np.int32)},
            says=(argument, "int", "cast"),
        )
        declaration["errors"] = (*declaration.get("errors", ()), integers)
    return OpSpec(name, reference=f"reference.ops:{name}", port=f"mlx_impl.ops:{name}", **declaration)
