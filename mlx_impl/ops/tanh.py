import mlx.core as mx

from ._precision import widen


def tanh(x: mx.array) -> mx.array:
    """Hyperbolic tangent.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``nn.Tanh`` of the pooler.
    """
    return mx.astype(mx.tanh(widen(x)), x.dtype)
