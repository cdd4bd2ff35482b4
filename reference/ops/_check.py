"""Argument checks shared by the words: every message names the value and the remedy."""

from collections.abc import Sequence

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def require_ndim(name: str, x: Tensor, ndim: int, axes: str) -> None:
    """`x` must have `ndim` axes; `axes` spells them for the message, e.g. ``"(b, d, l)"``."""
    require(
        x.ndim == ndim,
        f"{name} has shape {tuple(x.shape)}, expected {ndim} axes {axes}; reshape it first",
    )


def require_axis(name: str, x: Tensor, axis: int, size: int, why: str) -> None:
    """Axis `axis` of `x` must have `size` elements because of `why`."""
    require(
        x.ndim > 0 and x.shape[axis] == size,
        f"{name} has shape {tuple(x.shape)}: axis {axis} must be {size} ({why})",
    )


def require_shape(name: str, x: Tensor, shape: tuple[int, ...], why: str) -> None:
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


def require_floating(name: str, x: Tensor | None) -> None:
    """`x` must hold floating-point numbers, if it is given."""
    require(
        x is None or x.is_floating_point(),
        f"{name} has dtype {getattr(x, 'dtype', None)}, expected a floating-point dtype; cast it first",
    )


def require_positive(name: str, value: int) -> None:
    """`value` must be at least 1."""
    require(value >= 1, f"{name}={value}, expected at least 1")


def require_inexact(name: str, x: Tensor) -> None:
    """`x` must hold floating-point or complex numbers."""
    require(
        x.is_floating_point() or x.is_complex(),
        f"{name} has dtype {x.dtype}, expected a floating-point or complex dtype; cast it first",
    )


def require_integers(name: str, x: Tensor) -> None:
    """`x` must hold integers."""
    require(
        not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool),
        f"{name} have dtype {x.dtype}, expected integers; cast them first",
    )


def require_sizes(name: str, sizes: Sequence[int], total: int, what: str) -> None:
    """`sizes` must be positive and sum to `total`."""
    require(
        all(size >= 1 for size in sizes) and sum(sizes) == total,
        f"{name}={tuple(sizes)} must be positive and sum to {total} ({what})",
    )
