"""How a word of M2-BERT's vocabulary is declared."""

from typing import Any

from parity.spec import OpSpec


def word(name: str, **declaration: Any) -> OpSpec:
    """A word of the vocabulary: the same name in both namespaces."""
    return OpSpec(name, reference=f"reference.ops:{name}", port=f"mlx_impl.ops:{name}", **declaration)
