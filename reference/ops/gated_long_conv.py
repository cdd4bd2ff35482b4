from torch import Tensor

from reference import ops

from ._check import require, require_floating
from ._precision import widen


def gated_long_conv(
    u: Tensor,
    k: Tensor,
    D: Tensor,
    gate: Tensor,
    extra: Tensor | None = None,
    k_rev: Tensor | None = None,
) -> Tensor:
    """The long convolution of a mixer with what follows it: y = long_conv(u, k, D)·gate + extra.

    `extra` is the residual path: what a second filter makes of the mixer's input.

    Shapes: u, gate, extra: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,), k_rev: (d, m') → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError as :func:`long_conv`, and if gate or extra has another shape than u.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``MonarchMixerSequenceMixing``.
    """
    require_floating("u", u)
    require_floating("k", k)
    require_floating("D", D)
    require_floating("k_rev", k_rev)
    for name, x in (("gate", gate), ("extra", extra)):
        require(
            x is None or x.shape == u.shape,
            f"{name} has shape {None if x is None else tuple(x.shape)}, expected that of u, {tuple(u.shape)}",
        )
    reverse = None if k_rev is None else widen(k_rev)
    y = ops.gate(ops.long_conv(widen(u), widen(k), widen(D), reverse), widen(gate))
    return (y if extra is None else ops.add(y, widen(extra))).to(u.dtype)
