import mlx.core as mx

from mlx_impl import ops
from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.hyena_filter import hyena_filter, supports
from mlx_impl.profiles import Profile, use

from ._check import require, require_axis, require_floating, require_ndim, require_shape


def hyena_filter_forward(
    z: mx.array,
    t: mx.array,
    w_in: mx.array,
    b_in: mx.array,
    w_inner: mx.array,
    b_inner: mx.array,
    w_out: mx.array,
    freq: mx.array,
    deltas: mx.array,
    w_mod: float = 1.0,
    modulate: bool = True,
    shift: float = 0.0,
    normalized: bool = False,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> mx.array:
    """The implicit filter of Hyena as a function: features of time → sine MLP → window, for every lag.

    h₀ = sin(w_mod·freq·(W_in·z + b_in)), hᵢ₊₁ = sin(w_mod·freq·(Wᵢ·hᵢ + bᵢ)), h = W_out·h_j, then
    :func:`exponential_modulation` if `modulate` and :func:`l1_normalize` if `normalized`. Its result is the
    kernel of :func:`long_conv`, with axes exchanged. z and t are those of :func:`positional_embedding`.

    Shapes: z: (1, l, e), t: (1, l, 1), w_in: (o, e), b_in: (o,), w_inner: (j, o, o), b_inner: (j, o),
        w_out: (d, o), freq: (1, o), deltas: (1, 1, d) → (1, l, d). j may be 0.
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the sizes do not fit together, there is no such
        profile, or `kernel` is True and the Metal kernel cannot run these arguments.
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
    arrays = (z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas)
    with use(profile):
        if wanted(kernel, "hyena_filter_forward", "hyena_filter", supports(*arrays)):
            h = hyena_filter(*arrays, w_mod=w_mod, modulate=modulate, shift=shift)
        else:
            h = _composed(*arrays, w_mod, modulate, shift)
        return ops.l1_normalize(h) if normalized else h


def _composed(
    z: mx.array,
    t: mx.array,
    w_in: mx.array,
    b_in: mx.array,
    w_inner: mx.array,
    b_inner: mx.array,
    w_out: mx.array,
    freq: mx.array,
    deltas: mx.array,
    w_mod: float,
    modulate: bool,
    shift: float,
) -> mx.array:
    """The words of the filter, one after the other."""
    h = ops.sine(ops.linear(z, w_in, b_in), freq, w_mod)  # (1, l, o)
    for i in range(w_inner.shape[0]):
        h = ops.sine(ops.linear(h, w_inner[i], b_inner[i]), freq, w_mod)
    h = ops.linear(h, w_out)  # (1, l, d)
    return ops.exponential_modulation(h, t, deltas, shift) if modulate else h
