"""The strict rules of MLX code, read from its syntax tree: neither MLX nor the code is ever imported.

>>> from parity.lint import lint_text
>>> [f.code for f in lint_text("import mlx.core as mx\\nx = mx.zeros(3)\\n").findings]
['MXP402']
"""

from .findings import Finding
from .noqa import Suppressed
from .rules import RULES, Rule
from .run import Outcome, lint, lint_text

__all__ = ["RULES", "Finding", "Outcome", "Rule", "Suppressed", "lint", "lint_text"]
