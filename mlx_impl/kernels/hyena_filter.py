"""The implicit filter of Hyena in one launch: features → sine MLP → window; and its gradients."""

from functools import cache
from typing import Any

import mlx.core as mx

from .batching import batched
from .dispatch import Support, floats, writes
from .gradients import with_gradients
from .metal_kernel import SIMD, Launch, MetalKernel, Shaped, nbytes, size
from .sums import fold, outer_sums

THREADS = 256
SIMDS = THREADS // SIMD
ROWS = (4, 8, 16)
"""Features of a SIMD group: as many variants of the kernel, of 32, 64 and 128 features together."""
MOST = SIMDS * ROWS[-1]

INPUTS = ("z", "times", "w_in", "b_in", "w_inner", "b_inner", "w_out", "freq", "deltas", "scales")
"""`times` is t under a name that is not the end of another's: for a ``t``, MLX would find a ``t_shape`` in
``w_out_shape``. `scales` has w_mod and the shift of the window."""


def _geometry(
    arrays: tuple[Shaped, ...], inner: int, modulate: bool
) -> tuple[int, int, tuple[tuple[str, Any], ...]]:
    """Tiles, bytes of what each reads, and the template."""
    z, _, w_in, b_in, w_inner, b_inner, w_out, freq, deltas, _ = arrays
    order = w_out.shape[1]
    shared = nbytes(w_in, b_in, w_out, freq)
    if inner:
        shared += nbytes(w_inner, b_inner)
    if modulate:
        shared += nbytes(deltas)
    rows = next(r for r in ROWS if order <= SIMDS * r)
    template = (("T", z.dtype), ("ROWS", rows), ("INNER", inner), ("MODULATE", modulate))
    return -(-z.shape[1] // SIMD), shared, template


def _launch(*arrays: Shaped, inner: int, modulate: bool) -> Launch:
    z, t, w_out = arrays[0], arrays[1], arrays[6]
    tiles, shared, template = _geometry(arrays, inner, modulate)
    h = (1, z.shape[1], w_out.shape[0])
    # A tile of positions reads every weight: the activations between are not written.
    least = tiles * shared + nbytes(z) + (nbytes(t) if modulate else 0) + size(h) * z.dtype.size
    return Launch((THREADS * tiles, 1, 1), (THREADS, 1, 1), (h,), (z.dtype,), template, least)


def _launch_grad(*arrays: Shaped, inner: int, modulate: bool) -> Launch:
    *primals, g = arrays
    z, t, w_in, w_inner, w_out = (primals[i] for i in (0, 1, 2, 4, 6))
    (d, order), length = w_out.shape, z.shape[1]
    tiles, shared, template = _geometry(tuple(primals), inner, modulate)
    layers = (inner + 1, order, length)
    partials = (tiles, order + (d if modulate else 0))
    shapes = (layers, layers, (d, length), z.shape, t.shape, partials)
    dtypes = (mx.float32, mx.float32, mx.float32, z.dtype, z.dtype, mx.float32)
    # Matrices are read a second time on the way back, and the sums before the sines are kept until then.
    twice = nbytes(w_in) + (nbytes(w_inner) if inner else 0) + (nbytes(w_out) if modulate else 0)
    kept = (2 * size(layers) + sum(map(size, (*shapes[:3], partials)))) * mx.float32.size
    least = tiles * (shared + twice) + 2 * nbytes(z) + nbytes(t, g) + kept
    least += nbytes(t) if modulate else 0
    return Launch((THREADS * tiles, 1, 1), (THREADS, 1, 1), shapes, dtypes, template, least)


SOURCE = "Poli et al. 2023, Hyena, §3.3; canonical HyenaFilter.filter"
HYENA_FILTER = MetalKernel("hyena_filter", INPUTS, ("h",), _launch, "the filter for every position", SOURCE)
HYENA_FILTER_GRAD = MetalKernel(
    "hyena_filter_grad",
    (*INPUTS, "g"),
    ("hidden", "slopes", "outgoing", "d_z", "d_t", "partials"),
    _launch_grad,
    "gradients of features and times, and the terms of those of weights",
    SOURCE,
)


def supports(
    z: mx.array,
    t: mx.array,
    w_in: mx.array,
    b_in: mx.array,
    w_inner: mx.array,
    b_inner: mx.array,
    w_out: mx.array,
    freq: mx.array,
    deltas: mx.array,
) -> Support:
    """Whether :func:`hyena_filter` can run these arguments."""
    order = w_out.shape[1]
    if order > MOST:
        return Support(f"{order} features between layers, and the kernel keeps at most {MOST}")
    if z.shape[0] != 1 or t.shape[0] != 1:
        return Support(f"features {tuple(z.shape)} of more than one table")
    if z.size == 0 or w_out.size == 0:
        return Support("nothing to compute")
    length = z.shape[1]
    # The filter of every channel, and what the way back keeps of every layer.
    reached = writes(max(length * w_out.shape[0], (w_inner.shape[0] + 1) * order * length))
    return reached and floats(z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas)


def hyena_filter(
    z: mx.array,
    t: mx.array,
    w_in: mx.array,
    b_in: mx.array,
    w_inner: mx.array,
    b_inner: mx.array,
    w_out: mx.array,
    freq: mx.array,
    deltas: mx.array,
    *,
    w_mod: float = 1.0,
    modulate: bool = True,
    shift: float = 0.0,
) -> mx.array:
    """W_out·sin(f·(Wⱼ·…sin(f·(W_in·z + b))…))·(exp(−t·|δ|) + shift), f = w_mod·freq, on the Metal kernel.

    Computes in float32 and rounds once. Gradients are by Metal kernels: one launch for the way back through
    each tile of positions, and sums over positions in an order that is always the same.

    Shapes: z: (1, l, e), t: (1, l, 1), w_in: (o, e), b_in: (o,), w_inner: (j, o, o), b_inner: (j, o),
        w_out: (d, o), freq: (1, o), deltas: (1, 1, d) → (1, l, d). j may be 0, o is at most 128.
    Dtypes: float32, float16 or bfloat16, all the same.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``HyenaFilter.filter``.
    """
    h: mx.array = _differentiable(w_mod, modulate, shift)(
        z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas
    )
    return h


@cache
def _differentiable(w_mod: float, modulate: bool, shift: float) -> Any:
    """The kernel with its gradient."""

    def inputs(arrays: Any) -> tuple[Any, int]:
        """The kernel's inputs, with something to point at where there are no inner layers; how many."""
        z, t, w_in, b_in, w_inner, b_inner, *rest = arrays
        inner = w_inner.shape[0]
        if not inner:
            w_inner, b_inner = w_in, b_in
        scales = mx.array([w_mod, shift], dtype=mx.float32)
        return (z, t, w_in, b_in, w_inner, b_inner, *rest, scales), inner

    def evaluate(*arrays: mx.array) -> mx.array:
        given, inner = inputs(arrays)
        return HYENA_FILTER(*given, inner=inner, modulate=modulate)[0]

    def back(primals: list[mx.array], cotangents: list[mx.array]) -> tuple[mx.array, ...]:
        given, inner = inputs(primals)
        (cotangent,) = cotangents
        hidden, slopes, outgoing, d_z, d_t, partials = HYENA_FILTER_GRAD(
            *given, cotangent, inner=inner, modulate=modulate
        )
        features = mx.astype(mx.swapaxes(primals[0], 1, 2), mx.float32)  # (1, e, l)
        d_w_in, d_b_in = outer_sums(slopes[:1], features)
        d_w_out, _ = outer_sums(mx.expand_dims(outgoing, 0), hidden[-1:])
        if inner:
            d_w_inner, d_b_inner = outer_sums(slopes[1:], hidden[:-1])
        else:
            d_w_inner, d_b_inner = (mx.zeros(p.shape, dtype=mx.float32) for p in primals[4:6])
        order = primals[6].shape[1]
        parts = fold(partials)
        d_deltas = parts[order:] if modulate else mx.zeros(primals[8].shape, dtype=mx.float32)
        found = (d_z, d_t, d_w_in, d_b_in, d_w_inner, d_b_inner, d_w_out, parts[:order], d_deltas)
        return tuple(mx.astype(mx.reshape(d, p.shape), p.dtype) for d, p in zip(found, primals, strict=True))

    def again(*arrays: mx.array) -> mx.array:
        return hyena_filter(*arrays, w_mod=w_mod, modulate=modulate, shift=shift)

    def plain(*arrays: mx.array) -> mx.array:
        from mlx_impl import ops  # which import this

        z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas = arrays
        return ops.hyena_filter_forward(
            z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas, w_mod, modulate, shift
        )

    return batched(with_gradients(evaluate, back, plain), again, batch=())
