import mlx.core as mx

from mlx_impl import ops
from mlx_impl.profiles import Profile, use

from ._check import require, require_floating, require_ndim

FORMS = ("conjugate", "padded")


def long_conv_bidirectional(
    u: mx.array,
    k: mx.array,
    k_rev: mx.array,
    D: mx.array,
    form: str = "conjugate",
    *,
    profile: Profile | str | None = None,
) -> mx.array:
    """Long convolution in both directions, in one of the two canonical forms, by name.

    ``conjugate``: the spectrum K + conj(K_rev); lag −j has k_rev[j], and lag 0 has k[0] + k_rev[0].
    ``padded``: one kernel pad(k, right) + pad(flip(k_rev), left) of 2·l taps; lag −1 − j has k_rev[j].
    They differ by one lag in what k_rev means: a checkpoint trained with one is wrong in the other.

    Shapes: u: (b, d, l), k, k_rev: (d, m) with m ≤ l (``padded`` pads to l), D: (d,) → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError if there is no such form, the kernels differ in shape, and as :func:`long_conv`.
    Source: canonical ``fftconv_ref(k_rev=...)`` (conjugate), ``HyenaFilter.forward`` with ``bidirectional``
        (padded; the M2-BERT models).
    """
    require(
        form in FORMS,
        f"there is no form {form!r} of a two-sided convolution, only {' and '.join(map(repr, FORMS))}",
    )
    require_floating("u", u)
    require_floating("k", k)
    require_floating("k_rev", k_rev)
    require_floating("D", D)
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    require(
        tuple(k.shape) == tuple(k_rev.shape),
        f"k has shape {tuple(k.shape)} and k_rev {tuple(k_rev.shape)}; both directions need the same",
    )
    length = u.shape[-1]
    require(
        k.shape[1] <= length,
        f"the kernels have {k.shape[1]} taps, more than the length {length} of u; cut them to {length}",
    )
    with use(profile):
        if form == "conjugate":
            return ops.long_conv(u, k, D, k_rev)
        k, k_rev = ops.pad_features(k, length), ops.pad_features(k_rev, length)
        return ops.long_conv(u, ops.bidirectional_kernel(k, k_rev), D)
