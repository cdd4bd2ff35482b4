"""A word of the port as a module that says it, so that what runs on layers runs on words."""

from collections.abc import Callable
from typing import Any

from mlx import nn

from .said import saying


class Said(nn.Module):
    """One word of one vocabulary with its options."""

    def __init__(self, vocabulary: str, word: str, options: dict[str, Any]) -> None:
        super().__init__()
        self._said = saying(vocabulary, word, options)

    def __call__(self, **inputs: Any) -> Any:
        return self._said(**inputs)


def __getattr__(name: str) -> Callable[..., Said]:
    """``mlx_impl.ops.gelu`` → what makes its module from its options."""
    vocabulary, dot, word = name.rpartition(".")
    if not dot:
        raise AttributeError(name)
    return lambda **options: Said(vocabulary, word, options)
