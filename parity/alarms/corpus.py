"""The corpus of correct variants: what each stands for, and why it may."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

WORDS = "mlx_impl.ops"
HOME = "parity.alarms.variants"


@dataclass(frozen=True)
class Variant:
    """A function that may stand for a word, and why."""

    word: str
    name: str
    why: str

    @property
    def swap(self) -> str:
        """As ``--swap`` takes it."""
        return f"{WORDS}.{self.word}={HOME}:{self.name}"


_VARIANTS: list[Variant] = []


def variant(word: str, why: str) -> Callable[[F], F]:
    """Enter the decorated function into the corpus."""

    def enter(function: F) -> F:
        _VARIANTS.append(Variant(word, function.__name__, why))
        return function

    return enter


def variants() -> list[Variant]:
    """Every variant in the order of declaration; imports MLX."""
    importlib.import_module(HOME)
    return list(_VARIANTS)
