"""M2-BERT's specs. Importing the package declares them all."""

from . import (  # isort: skip - the order of the report: from single elements to whole models
    elementwise,
    products,
    movement,
    normalizations,
    convolutions,
    losses,
    layers,
    models,
    canonical,
    kernels,
)

__all__ = [
    "canonical",
    "convolutions",
    "elementwise",
    "kernels",
    "layers",
    "losses",
    "models",
    "movement",
    "normalizations",
    "products",
]
