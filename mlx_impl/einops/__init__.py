"""einops in pure MLX: axes by name, the pattern language of the einops package, on MLX arrays alone.

The same functions with the same arguments, so ``from mlx_impl import einops`` takes the package's place.
A pattern is parsed once, laid out once for a shape, and then is a short tuple of MLX operations.

Source: Rogozhnikov 2022, Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation.
"""

from .einsum import einsum
from .errors import EinopsError, UnsupportedPatternError
from .pack import pack
from .parse_shape import parse_shape
from .rearrange import rearrange
from .reduce import reduce
from .repeat import repeat
from .unpack import unpack

__all__ = [
    "EinopsError",
    "UnsupportedPatternError",
    "einsum",
    "pack",
    "parse_shape",
    "rearrange",
    "reduce",
    "repeat",
    "unpack",
]
