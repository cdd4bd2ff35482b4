import mlx.core as mx

from ._check import require
from ._precision import widen


def mse_loss(prediction: mx.array, target: mx.array) -> mx.array:
    """Mean squared error: mean((prediction − target)²).

    Shapes: prediction, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if the shapes differ, which would broadcast unasked.
    Source: canonical ``nn.MSELoss`` (regression).
    """
    require(
        tuple(prediction.shape) == tuple(target.shape),
        f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; "
        "reshape the target",
    )
    error = mx.subtract(widen(prediction), widen(target))
    return mx.astype(mx.reshape(mx.mean(mx.square(error)), (1,)), prediction.dtype)
