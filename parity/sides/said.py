"""What saying a word is: looking it up in its namespace at each call, so that it can be listened to."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def saying(vocabulary: str, word: str, options: Mapping[str, Any]) -> Callable[..., Any]:
    """A function of the arrays that says a word with its options."""

    def said(**inputs: Any) -> Any:
        return getattr(importlib.import_module(vocabulary), word)(**inputs, **options)

    return said
