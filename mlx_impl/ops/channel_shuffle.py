import mlx.core as mx

from ._check import require


def channel_shuffle(x: mx.array, groups: int) -> mx.array:
    """Interleave the channels of `groups` groups: out[..., c·groups + g] = x[..., g·(n/groups) + c].

    Shapes: x: (..., n) → the same.
    Dtypes: any; the result has the input's.
    Raises: ValueError if n is not a multiple of groups.
    Source: Zhang et al. 2018, ShuffleNet, §3.1; canonical ``BlockdiagLinear(shuffle=True)``.
    """
    n = x.shape[-1]
    require(
        groups >= 1 and n % groups == 0,
        f"groups={groups} does not divide the {n} channels of x; pad them to a multiple first",
    )
    grouped = mx.reshape(x, (*x.shape[:-1], groups, n // groups))  # (..., g, c)
    return mx.reshape(mx.swapaxes(grouped, -1, -2), x.shape)  # (..., c·g)
