import mlx.core as mx

from ._precision import widen


def sigmoid(x: mx.array) -> mx.array:
    """Logistic function: σ(x) = 1/(1 + exp(−x)).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``hidden_act="sigmoid"``.
    """
    return mx.astype(mx.sigmoid(widen(x)), x.dtype)
