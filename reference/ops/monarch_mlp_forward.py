from torch import Tensor

from reference import ops

from ._check import require, require_axis, require_floating, require_ndim


def monarch_mlp_forward(
    x: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
    gated: bool = True,
    features: int | None = None,
) -> Tensor:
    """The Monarch MLP as a function: y = B₂·h + b₂, h = gelu(a)⊙c of the halves (a, c) of B₁·x + b₁.

    Without `gated`, h = gelu(B₁·x + b₁). B₁ and B₂ are block-diagonal; features that blocks do not divide are
    padded with zeros before each product and cut after it. No residual and no normalization: a layer adds its
    own (:class:`BertGatedLinearUnitMLP` and :class:`BertMLP` are this and those two).

    Shapes: x: (..., d), w1: (k, q, p) with k·p ≥ d, w2: (k', q', p') with k'·q' ≥ d, b1: (f,), b2: (d,)
        → (..., d). f features come from B₁·x: `features`, or all k·q; h has f, or f/2 if gated.
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the sizes do not fit together.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``BertGatedLinearUnitMLP`` with ``use_monarch_mlp``.
    """
    require_floating("w1", w1)
    require_floating("w2", w2)
    require_ndim("w1", w1, 3, "(k, q, p)")
    require_ndim("w2", w2, 3, "(k, q, p)")
    d, given = x.shape[-1], w1.shape[0] * w1.shape[1]
    f = given if features is None else features
    require(1 <= f <= given, f"features={f}, but w1 {tuple(w1.shape)} gives {given}")
    require(not gated or f % 2 == 0, f"a gate takes two halves, but features={f} is odd")
    require(w2.shape[0] * w2.shape[1] >= d, f"w2 {tuple(w2.shape)} gives fewer than the {d} features of x")
    for name, bias, size in (("b1", b1, f), ("b2", b2, d)):
        if bias is not None:
            require_ndim(name, bias, 1, "one number for each feature")
            require_axis(name, bias, 0, size, "the features of its product")
    hidden = _affine(x, w1, b1, f)  # (..., f)
    if gated:
        a, c = ops.split(hidden, [f // 2, f // 2], -1)
        hidden = ops.gate(ops.gelu(a), c)  # (..., f/2)
    else:
        hidden = ops.gelu(hidden)
    return _affine(hidden, w2, b2, d)


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None, size: int) -> Tensor:
    """B·x + b, x padded to what the blocks take and the result cut to `size`."""
    y = ops.blockdiag_multiply(ops.pad_features(x, weight.shape[0] * weight.shape[2]), weight)
    y = y[..., :size]
    return y if bias is None else ops.add(y, bias)
