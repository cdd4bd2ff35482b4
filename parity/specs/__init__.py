"""M2-BERT's specs. Importing the package declares them all."""

from . import canonical, layers, models, words

__all__ = ["canonical", "layers", "models", "words"]
