from torch import Tensor

from reference import ops

from ._check import require, require_axis, require_floating, require_ndim, require_shape


def hyena_filter_forward(
    z: Tensor,
    t: Tensor,
    w_in: Tensor,
    b_in: Tensor,
    w_inner: Tensor,
    b_inner: Tensor,
    w_out: Tensor,
    freq: Tensor,
    deltas: Tensor,
    w_mod: float = 1.0,
    modulate: bool = True,
    shift: float = 0.0,
    normalized: bool = False,
) -> Tensor:
    """The implicit filter of Hyena as a function: features of time → sine MLP → window, for every lag.

    h₀ = sin(w_mod·freq·(W_in·z + b_in)), hᵢ₊₁ = sin(w_mod·freq·(Wᵢ·hᵢ + bᵢ)), h = W_out·h_j, then
    :func:`exponential_modulation` if `modulate` and :func:`l1_normalize` if `normalized`. Its result is the
    kernel of :func:`long_conv`, with axes exchanged. z and t are those of :func:`positional_embedding`.

    Shapes: z: (1, l, e), t: (1, l, 1), w_in: (o, e), b_in: (o,), w_inner: (j, o, o), b_inner: (j, o),
        w_out: (d, o), freq: (1, o), deltas: (1, 1, d) → (1, l, d). j may be 0.
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the sizes do not fit together.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``HyenaFilter.filter``.
    """
    require_floating("z", z)
    require_floating("t", t)
    require_floating("w_in", w_in)
    require_floating("b_in", b_in)
    require_floating("w_inner", w_inner)
    require_floating("b_inner", b_inner)
    require_floating("w_out", w_out)
    require_floating("freq", freq)
    require_floating("deltas", deltas)
    require_ndim("z", z, 3, "(1, l, e)")
    require_ndim("w_in", w_in, 2, "(o, e)")
    require_ndim("w_out", w_out, 2, "(d, o)")
    require_ndim("w_inner", w_inner, 3, "(j, o, o)")
    require(
        tuple(b_inner.shape) == tuple(w_inner.shape[:2]),
        f"b_inner has shape {tuple(b_inner.shape)}, expected {tuple(w_inner.shape[:2])}: a row for each "
        "matrix of w_inner",
    )
    (order, features), length, d = w_in.shape, z.shape[1], w_out.shape[0]
    require_axis("z", z, -1, features, "the input features of w_in")
    for name, x, axis in (("w_inner", w_inner, 1), ("w_inner", w_inner, 2), ("w_out", w_out, 1)):
        require_axis(name, x, axis, order, "the output features of w_in")
    for name, x, shape, why in (
        ("z", z, (1, length, features), "one table of features"),
        ("t", t, (1, length, 1), "one time for each position of z"),
        ("b_in", b_in, (order,), "one bias for each output of w_in"),
        ("freq", freq, (1, order), "one frequency for each output of w_in"),
        ("deltas", deltas, (1, 1, d), "one decay for each output of w_out"),
    ):
        require_shape(name, x, shape, why)
    h = ops.sine(ops.linear(z, w_in, b_in), freq, w_mod)  # (1, l, o)
    for i in range(w_inner.shape[0]):
        h = ops.sine(ops.linear(h, w_inner[i], b_inner[i]), freq, w_mod)
    h = ops.linear(h, w_out)  # (1, l, d)
    if modulate:
        h = ops.exponential_modulation(h, t, deltas, shift)
    return ops.l1_normalize(h) if normalized else h
