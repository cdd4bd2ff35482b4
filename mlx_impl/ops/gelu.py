import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require_floating
from ._gelu import complement, exact, rational
from ._precision import widen


def gelu(x: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    Of ∞ it is ∞, and of the largest number that number; of −∞ it is −∞·0, that is NaN.

    The profile's `erf` says how erf is computed.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating, or there is no such profile.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    require_floating("x", x)
    wide, erf = widen(x), resolve(profile).erf
    if erf == "rational":
        return mx.astype(rational(wide), x.dtype)
    if erf == "complement":
        return mx.astype(complement(wide), x.dtype)
    return mx.astype(exact(wide), x.dtype)
