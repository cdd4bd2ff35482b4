"""M2-BERT's specs. Importing the package declares them all."""

from . import layers, models, words

__all__ = ["layers", "models", "words"]
