import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import widen
from ._reduce import mean_of_all


def mse_loss(prediction: mx.array, target: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Mean squared error: mean((prediction − target)²); of nothing it is NaN.

    Infinities of one sign are NaN, others infinite; so is a square beyond the largest number.

    Shapes: prediction, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the shapes differ, which would broadcast unasked, or
        there is no such profile.
    Source: canonical ``nn.MSELoss`` (regression).
    """
    require_floating("prediction", prediction)
    require_floating("target", target)
    require(
        tuple(prediction.shape) == tuple(target.shape),
        f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; "
        "reshape the target",
    )
    error = mx.subtract(widen(prediction), widen(target))
    return mx.astype(mean_of_all(mx.square(error), resolve(profile).sums), prediction.dtype)
