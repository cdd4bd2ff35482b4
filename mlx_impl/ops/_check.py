"""Argument checks shared by the words: every message names the value and the remedy."""

from collections.abc import Sequence

import mlx.core as mx


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def require_ndim(name: str, x: mx.array, ndim: int, axes: str) -> None:
    """`x` must have `ndim` axes; `axes` spells them for the message, e.g. ``"(b, d, l)"``."""
    require(
        x.ndim == ndim,
        f"{name} has shape {tuple(x.shape)}, expected {ndim} axes {axes}; reshape it first",
    )


def require_axis(name: str, x: mx.array, axis: int, size: int, why: str) -> None:
    """Axis `axis` of `x` must have `size` elements because of `why`."""
    require(
        x.ndim > 0 and x.shape[axis] == size,
        f"{name} has shape {tuple(x.shape)}: axis {axis} must be {size} ({why})",
    )


def require_shape(name: str, x: mx.array, shape: tuple[int, ...], why: str) -> None:
    """`x` must have exactly `shape` because of `why`."""
    require(
        tuple(x.shape) == shape,
        f"{name} has shape {tuple(x.shape)}, expected {shape} ({why}); reshape it first",
    )


def require_broadcast(names: str, one: Sequence[int], other: Sequence[int]) -> None:
    """Two shapes must be the same from the last axis on, but for axes of one element."""
    require(
        all(m == n or 1 in (m, n) for m, n in zip(reversed(one), reversed(other), strict=False)),
        f"{names} have shapes {tuple(one)} and {tuple(other)}, which do not broadcast; reshape one of them",
    )


def require_floating(name: str, x: mx.array | None) -> None:
    """`x` must hold floating-point numbers, if it is given."""
    require(
        x is None or mx.issubdtype(x.dtype, mx.floating),
        f"{name} has dtype {getattr(x, 'dtype', None)}, expected a floating-point dtype; cast it first",
    )


def require_inexact(name: str, x: mx.array) -> None:
    """`x` must hold floating-point or complex numbers."""
    require(
        mx.issubdtype(x.dtype, mx.inexact),
        f"{name} has dtype {x.dtype}, expected a floating-point or complex dtype; cast it first",
    )


def require_integers(name: str, x: mx.array) -> None:
    """`x` must hold integers."""
    require(
        mx.issubdtype(x.dtype, mx.integer),
        f"{name} have dtype {x.dtype}, expected integers; cast them first",
    )


def require_sizes(name: str, sizes: Sequence[int], total: int, what: str) -> None:
    """`sizes` must be positive and sum to `total`."""
    require(
        all(size >= 1 for size in sizes) and sum(sizes) == total,
        f"{name}={tuple(sizes)} must be positive and sum to {total} ({what})",
    )


def require_long_conv(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None) -> None:
    """A long convolution takes u (b, d, l), k (d, m) with m ≤ 2·l, D (d,) and k_rev (d, m') with m' ≤ l."""
    require_floating("u", u)
    require_floating("k", k)
    require_floating("D", D)
    require_floating("k_rev", k_rev)
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    require_ndim("D", D, 1, "(d,)")
    _, d, length = u.shape
    require(length >= 1, f"u has shape {tuple(u.shape)}: there is nothing to transform")
    require_axis("k", k, 0, d, "one kernel for each channel of u")
    require_axis("D", D, 0, d, "one skip weight for each channel of u")
    require(
        k.shape[1] <= 2 * length,
        f"k has {k.shape[1]} taps, more than twice the length {length} of u; cut k to {2 * length} taps",
    )
    if k_rev is not None:
        require_axis("k_rev", k_rev, 0, d, "one kernel for each channel of u")
        require(
            k_rev.ndim == 2 and k_rev.shape[1] <= length,
            f"k_rev has shape {tuple(k_rev.shape)}, expected (d, m') with m' ≤ {length}; cut it",
        )


def span(ids: mx.array) -> tuple[int, int] | None:
    """The smallest and largest of some integers, or None if they cannot be read now.

    They cannot inside ``mx.compile`` and ``mx.vmap``, where an array has no value yet. Reading them is
    a round trip to the host, paid for a clear error: MLX itself reads out of bounds without a word.
    """
    if ids.size == 0:
        return None
    try:
        low, high = mx.min(ids).item(), mx.max(ids).item()  # noqa: MXP201 a clear error, as said above
    except ValueError:
        return None
    return int(low), int(high)  # type: ignore[arg-type]  # ids are integers


def require_rows(name: str, ids: mx.array, rows: int, what: str) -> None:
    """Every id must name one of `rows` rows of `what`."""
    require(
        mx.issubdtype(ids.dtype, mx.integer),
        f"{name} have dtype {ids.dtype}, expected integers",
    )
    found = span(ids)
    if found is not None:
        low, high = found
        require(
            low >= 0 and high < rows,
            f"{name} span [{low}, {high}], but {what} rows 0 to {rows - 1}",
        )
