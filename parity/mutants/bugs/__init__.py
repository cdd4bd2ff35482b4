"""The harness's own catalogue: ports that are wrong in ways that ports really have been, a file an idea.

``seen`` names a place where such a bug was met, or where the convention that it mistakes is written down:
a project and its issue or pull request (``owner/project#number``), a paper's section, a library's
documentation.
"""

__all__ = [
    "activations",
    "attention_pooling",
    "convolutions",
    "embeddings",
    "filters",
    "gradients",
    "kernels",
    "library",
    "losses",
    "modules",
    "normalizations",
    "own_kernels",
    "precision",
    "products",
    "races",
    "remembered",
    "rows",
    "rules",
    "structures",
    "weights",
]
