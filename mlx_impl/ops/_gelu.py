"""GELU with its gradient: by ``mx.erf``, by a quotient of polynomials, or by the complement of erf."""

import math
from collections.abc import Sequence

import mlx.core as mx

from ._precision import scalar

EDGE = 4.0 * math.sqrt(2)
"""From here on erf(x/√2) is ±1 to half a unit in the last place of float32."""

# erf(z) ≈ z·P(z²)/Q(z²) on [−4, 4]: fitted to the least largest error, 5.4e-8, with weights by Lawson's rule.
_P = (
    1.1283786772454418, 0.21394463717113188, 0.05243346170614855, 0.00429304885882939,
    0.00015553660837532888, -1.9903184851911112e-06, 1.9217170907770716e-08,
)  # fmt: skip
_Q = (1.0, 0.5229311544336013, 0.12079959734890192, 0.015551085081839854, 0.0010980366889377048)

# ½·erfc(a/√2)·exp(a²/2) ≈ R(t) on a ∈ [0, 14], t = 1/(1 + 0.4·a): fitted likewise, off by 1.5e-8 of it.
_R = (
    0.0, 0.15957630008187795, 0.15961923283666768, 0.13320985102701843, 0.0910063603913984,
    -0.025898347578915064, 0.11776019168614742, -0.3719899096077959, 0.3807980942620016,
    -0.17618049893533522, 0.03209873335159076,
)  # fmt: skip
FAR = 14.0
"""Beyond this the complement is far below the smallest normal float32 number."""

NEAR = 0.7
"""Within this the quotient is the more accurate one."""


def _polynomial(coefficients: Sequence[float], x: mx.array) -> mx.array:
    """Σ cᵢ·xⁱ by Horner's rule."""
    y = scalar(coefficients[-1], x)
    for c in reversed(coefficients[:-1]):
        y = mx.add(mx.multiply(y, x), scalar(c, x))
    return y


def _erf_rational(x: mx.array) -> mx.array:
    """erf(x/√2) as a quotient."""
    z = mx.multiply(mx.clip(x, scalar(-EDGE, x), scalar(EDGE, x)), scalar(1 / math.sqrt(2), x))
    square = mx.square(z)
    quotient = mx.divide(mx.multiply(z, _polynomial(_P, square)), _polynomial(_Q, square))
    return mx.clip(quotient, scalar(-1, x), scalar(1, x))


def _tail(a: mx.array) -> mx.array:
    """½·erfc(a/√2), the probability of a normal variable beyond a ≥ 0, to 10 + a² units roundoff of itself:
    MLX's exp is off by up to 8, and a relative error of u in a makes one of a²·u."""
    t = mx.reciprocal(mx.add(scalar(1, a), mx.multiply(scalar(0.4, a), a)))
    return mx.multiply(_polynomial(_R, t), _bell(a))


def _near(x: mx.array) -> mx.array:
    """Where Φ is near one half and its error comes from erf, which is small there."""
    return mx.less(mx.abs(x), scalar(NEAR, x))


def _bell(a: mx.array) -> mx.array:
    """exp(−a²/2)."""
    return mx.exp(mx.multiply(mx.square(a), scalar(-0.5, a)))


def _density(x: mx.array) -> mx.array:
    """exp(−x²/2)/√(2π), the gradient of Φ."""
    return mx.multiply(_bell(x), scalar(1 / math.sqrt(2 * math.pi), x))


def _slope(x: mx.array, phi: mx.array, cotangent: mx.array) -> mx.array:
    """The gradient of x·Φ(x): Φ(x) + x·exp(−x²/2)/√(2π)."""
    # Far out the density is zero, and zero times infinity is not wanted where the slope is 1.
    inner = mx.multiply(mx.minimum(x, scalar(FAR, x)), _density(x))
    return mx.multiply(cotangent, mx.add(phi, inner))


@mx.custom_function
def _exact(x: mx.array) -> tuple[mx.array, mx.array]:
    phi = mx.add(mx.erf(mx.multiply(x, scalar(1 / math.sqrt(2), x))), scalar(1, x))
    return mx.multiply(mx.multiply(x, scalar(0.5, x)), phi), phi


@_exact.vjp
def _exact_gradient(
    x: mx.array, cotangents: tuple[mx.array, mx.array], outputs: tuple[mx.array, mx.array]
) -> mx.array:
    by_y = _slope(x, mx.multiply(outputs[1], scalar(0.5, x)), cotangents[0])
    # Only a gradient of this gradient has the second output in it: 2·Φ(x).
    return mx.add(by_y, mx.multiply(cotangents[1], mx.multiply(scalar(2, x), _density(x))))


@mx.custom_function
def _rational(x: mx.array) -> mx.array:
    half = mx.multiply(x, scalar(0.5, x))
    return mx.add(half, mx.multiply(half, _erf_rational(x)))


@_rational.vjp
def _rational_gradient(x: mx.array, cotangent: mx.array, _output: mx.array) -> mx.array:
    half = scalar(0.5, x)
    return _slope(x, mx.add(half, mx.multiply(half, _erf_rational(x))), cotangent)


@mx.custom_function
def _complement(x: mx.array) -> mx.array:
    tail = _tail(mx.abs(x))
    # Far out the tail is zero, and zero times infinity is not wanted where x is the answer.
    above = mx.subtract(x, mx.multiply(mx.minimum(x, scalar(FAR, x)), tail))
    outside = mx.where(mx.greater(x, scalar(0, x)), above, mx.multiply(x, tail))
    half = mx.multiply(x, scalar(0.5, x))
    return mx.where(_near(x), mx.add(half, mx.multiply(half, _erf_rational(x))), outside)


@_complement.vjp
def _complement_gradient(x: mx.array, cotangent: mx.array, _output: mx.array) -> mx.array:
    tail = _tail(mx.abs(x))
    outside = mx.where(mx.greater(x, scalar(0, x)), mx.subtract(scalar(1, x), tail), tail)
    half = scalar(0.5, x)
    inside = mx.add(half, mx.multiply(half, _erf_rational(x)))
    return _slope(x, mx.where(_near(x), inside, outside), cotangent)


def exact(x: mx.array) -> mx.array:
    """x/2·(1 + erf(x/√2)) by ``mx.erf``. Derived from that formula, the gradient of a large x would be the
    product of a large cotangent, x and a density of zero: infinity times zero."""
    y: mx.array = _exact(x)[0]  # type: ignore[index]  # mx.custom_function is untyped
    return y


def rational(x: mx.array) -> mx.array:
    """x/2·(1 + erf(x/√2)), erf being an odd quotient of polynomials within ±4 and ±1 beyond."""
    return _rational(x)  # type: ignore[return-value]  # mx.custom_function is untyped


def complement(x: mx.array) -> mx.array:
    """max(x, 0) − |x|·½·erfc(|x|/√2), but near zero the quotient: nothing cancels in the lower tail."""
    return _complement(x)  # type: ignore[return-value]  # mx.custom_function is untyped
