"""The reference with other roundings: each sum runs term after term, and each result is rounded anew.

Of the orders of a sum in use, the sequential one has the largest rounding error (γₙ₋₁, Higham 2002, §4.2),
and some honest backend uses it: a textbook loop, reference BLAS, one accumulator in a GPU thread. How far the
reference moves under it is the room that any order needs.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

aten = torch.ops.aten

ROUNDED_TO = torch.float64
"""The dtype in which results are rounded to fewer bits: its range holds all others."""


def _wide(x: Tensor) -> Tensor:
    """Half precision accumulates in float32."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


FloatingArray = np.ndarray[Any, np.dtype[np.floating[Any]]]

SMALL, ALL_TERMS = 4096, 1 << 22
"""Sums of fewer elements, with fewer terms in all, are made by NumPy's running sums, in the same order and to
the same bit: calling PyTorch once a term takes longer than the addition."""


@np.errstate(all="ignore")  # PyTorch overflows without a word
def _sum_last(x: Tensor) -> Tensor:
    """Σ over the last axis, first term to last."""
    if x.shape[-1] == 0:
        return torch.zeros(x.shape[:-1], dtype=x.dtype)
    # Terms first: adding one contiguous slice after the other.
    with _disable_current_modes():  # additions of one sum are rounded as they are
        terms = x.movedim(-1, 0).contiguous()
        if terms[0].numel() < SMALL and terms.numel() < ALL_TERMS:
            return _last_of(np.add.accumulate(terms.detach().numpy(), axis=0))
        total = terms[0].clone()
        for term in terms[1:]:
            total.add_(term)
    return total


def _last_of(sums: FloatingArray) -> Tensor:
    return torch.from_numpy(np.array(sums[-1]))


def _sum(x: Tensor, axes: Sequence[int] | None, keepdim: bool) -> Tensor:
    """Σ over some axes (all if None or empty), in sequence."""
    axes = sorted(a % x.ndim for a in axes) if axes else list(range(x.ndim))
    if x.ndim == 0:
        return x.clone()
    kept = [a for a in range(x.ndim) if a not in axes]
    flat = x.permute(*kept, *axes).reshape([x.shape[a] for a in kept] + [-1])
    total = _sum_last(flat)
    if keepdim:
        total = total.reshape([1 if a in axes else x.shape[a] for a in range(x.ndim)])
    return total


def _count(x: Tensor, axes: Sequence[int] | None) -> int:
    n = 1
    for a in axes or range(x.ndim):
        n *= x.shape[a]
    return n


@np.errstate(all="ignore")
def _bmm(a: Tensor, b: Tensor, first: Tensor | None = None) -> Tensor:
    """Σ_k a[..., k]·b[..., k, :], term after term, each product rounded before it is added.

    `first` is a term that is there before: BLAS adds a product to what its result holds.
    """
    shape = (a.shape[0], a.shape[1], b.shape[2])
    if math.prod(shape) < SMALL and math.prod(shape) * a.shape[2] < ALL_TERMS:
        terms = np.zeros((a.shape[2] + 1, *shape), dtype=a.detach().numpy().dtype)
        if first is not None:
            terms[0] = first.detach().numpy()
        columns, rows = (x.movedim(axis, 0).detach().numpy() for x, axis in ((a, 2), (b, 1)))
        np.multiply(columns[..., None], rows[..., None, :], out=terms[1:])
        return _last_of(np.add.accumulate(terms, axis=0, out=terms))
    out = torch.zeros(shape, dtype=a.dtype) if first is None else first.expand(shape).clone()
    for column, row in zip(a.movedim(2, 0).unsqueeze(-1), b.movedim(1, 0).unsqueeze(-2), strict=True):
        out.add_(column * row)
    return out


def _mm(a: Tensor, b: Tensor, first: Tensor | None = None) -> Tensor:
    return _bmm(a[None], b[None], first)[0]


def _layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    axes = list(range(x.ndim - len(shape), x.ndim))
    n = _count(x, axes)
    mean = _sum(x, axes, True) / n
    centred = x - mean
    rstd = torch.rsqrt(_sum(centred * centred, axes, True) / n + eps)
    y = centred * rstd
    if weight is not None:
        y = y * weight
    if bias is not None:
        y = y + bias
    return y, mean, rstd


def _layer_norm_backward(
    g: Tensor,
    x: Tensor,
    shape: Sequence[int],
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    _bias: Tensor | None,
    mask: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    inner = list(range(x.ndim - len(shape), x.ndim))
    outer = list(range(x.ndim - len(shape)))
    n = _count(x, inner)
    xhat = (x - mean) * rstd
    gw = g if weight is None else g * weight
    s1, s2 = _sum(gw, inner, True), _sum(gw * xhat, inner, True)
    dx = rstd * (gw - (s1 + xhat * s2) / n)
    dw = _sum(g * xhat, outer, False).reshape(list(shape)) if outer else g * xhat
    db = _sum(g, outer, False).reshape(list(shape)) if outer else g
    return (dx if mask[0] else None, dw if mask[1] else None, db if mask[2] else None)


def _softmax(x: Tensor, axis: int, _half: bool) -> Tensor:
    e = torch.exp(x - x.amax(axis, keepdim=True))
    return e / _sum(e, [axis], True)


def _log_softmax(x: Tensor, axis: int, _half: bool) -> Tensor:
    shifted = x - x.amax(axis, keepdim=True)
    return shifted - torch.log(_sum(torch.exp(shifted), [axis], True))


def _softmax_backward(g: Tensor, y: Tensor, axis: int, _dtype: torch.dtype) -> Tensor:
    return y * (g - _sum(g * y, [axis], True))


def _log_softmax_backward(g: Tensor, y: Tensor, axis: int, _dtype: torch.dtype) -> Tensor:
    return g - torch.exp(y) * _sum(g, [axis], True)


def _vector_norm(
    x: Tensor, order: float = 2, axes: Sequence[int] | None = None, keepdim: bool = False, **_: Any
) -> Tensor:
    if order == 1:
        return _sum(x.abs(), axes, keepdim)
    if order == 2:
        return torch.sqrt(_sum(x * x, axes, keepdim))
    return aten.linalg_vector_norm(x, order, axes, keepdim)


def _mean(x: Tensor, axes: Sequence[int] | None = None, keepdim: bool = False, **_: Any) -> Tensor:
    return _sum(x, axes, keepdim) / _count(x, axes)


_REORDERED: dict[Any, Callable[..., Any]] = {
    aten.mm.default: _mm,
    aten.bmm.default: _bmm,
    aten.addmm.default: lambda c, a, b, **_: _mm(a, b, c),
    aten.baddbmm.default: lambda c, a, b, **_: _bmm(a, b, c),
    aten.mv.default: lambda a, x: _mm(a, x[:, None])[:, 0],
    aten.dot.default: lambda x, y: _sum_last(x * y),
    aten.sum.default: lambda x, **_: _sum(x, None, False),
    aten.sum.dim_IntList: lambda x, axes=None, keepdim=False, **_: _sum(x, axes, keepdim),
    aten.mean.default: lambda x, **_: _mean(x),
    aten.mean.dim: _mean,
    aten.linalg_vector_norm.default: _vector_norm,
    aten._softmax.default: _softmax,
    aten._log_softmax.default: _log_softmax,
    aten._softmax_backward_data.default: _softmax_backward,
    aten._log_softmax_backward_data.default: _log_softmax_backward,
    aten.native_layer_norm.default: _layer_norm,
    aten.native_layer_norm_backward.default: _layer_norm_backward,
}


# Those of the above that are formulas: what they compute on the way is rounded anew too.
_FORMULAS = frozenset(
    {_layer_norm, _layer_norm_backward, _softmax, _log_softmax, _softmax_backward}
    | {_log_softmax_backward, _vector_norm, _mean}
)

# Operations that round. Views, copies, selections and constants do not, and stay exact.
_ROUNDING = frozenset(
    """
    add sub rsub mul div reciprocal exp expm1 log log1p log2 sqrt rsqrt pow sin cos tan tanh sigmoid
    erf erfc gelu silu addcmul addcdiv logsumexp cumsum prod var std softplus log_sigmoid_forward
    tanh_backward sigmoid_backward gelu_backward silu_backward embedding_dense_backward convolution
    convolution_backward _fft_r2c _fft_c2r _fft_c2c nll_loss_forward mse_loss mse_loss_backward
    binary_cross_entropy_with_logits index_put
    """.split()
)


@cache
def _rounds(func: Any) -> bool:
    return func.overloadpacket.__name__ in _ROUNDING


_LARGEST = {torch.float32: 0x7F7F_FFFF, torch.float64: 0x7FEF_FFFF_FFFF_FFFF}
"""The bits of the largest number of a dtype."""


class OtherRoundings(TorchDispatchMode):
    """Within the context, sums run term by term and, with a seed, results of one dtype are rounded anew.

    A result moves by −1, 0 or +1 unit in the last place at random: what another honest way to compute it
    may do (Monte Carlo arithmetic: Parker 1997, §3). That gives a scale to results that cancel to nothing
    in the reference's own order. Without a seed only the sums change: equal terms have equal rounding
    errors, which add up, and moving the terms would hide that.

    The mode works below automatic differentiation, so backward passes are covered. Operations that it
    does not know run as they are, which makes the measured floor stricter.

    With `away`, every result moves one unit away from zero instead: what a constant that is rounded once
    (1/n, √2) does to all results alike. The dtype is float32, in which honest code of half precision computes
    too, or float64.

    With a `precision`, every result is rounded to so many bits instead, up or down at random in proportion to
    where it lies (stochastic rounding: Connolly, Higham & Mary 2021), and no exponent is too large for it:
    what half precision would give if it had the range.
    """

    def __init__(
        self,
        seed: int | None,
        *,
        away: bool = False,
        precision: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self._dtype = dtype
        self._precision = precision
        self._random = None if seed is None else torch.Generator().manual_seed(seed)
        self._away = away

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """PyTorch wraps each call for its compiler otherwise, at a cost; nothing here is compiled."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        reordered = _REORDERED.get(func)
        first = next((a for a in args if isinstance(a, Tensor)), None)
        if reordered is not None and first is not None and first.is_floating_point():
            with self if reordered in _FORMULAS else nullcontext():
                result = self._reorder(reordered, first.dtype, args, kwargs)
            return self._each(result)
        result = func(*args, **kwargs)
        return self._each(result) if _rounds(func) else result

    @staticmethod
    def _reorder(
        reordered: Callable[..., Any],
        dtype: torch.dtype,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        wide = [_wide(a) if isinstance(a, Tensor) and a.is_floating_point() else a for a in args]
        result = reordered(*wide, **{k: v for k, v in kwargs.items() if k != "dtype"})
        if isinstance(result, tuple):
            return tuple(r if r is None else r.to(dtype) for r in result)
        return result.to(kwargs.get("dtype") or dtype)

    def _each(self, result: Any) -> Any:
        if isinstance(result, tuple | list):
            return type(result)(self._each(r) for r in result)
        if not isinstance(result, Tensor) or not (self._away or self._random):
            return result
        if result.dtype is self._dtype.to_complex():
            return torch.view_as_complex(self._move(torch.view_as_real(result)))
        return self._move(result) if result.dtype is self._dtype else result

    def _move(self, x: Tensor) -> Tensor:
        """Each finite element other than zero one step away on the grid of its dtype, or none."""
        if self._precision is not None:
            return self._rounded(x, self._precision)
        grid = torch.int32 if x.dtype is torch.float32 else torch.int64
        bits = x.view(grid)
        if self._away:
            moved = bits + 1
        else:
            moved = bits + torch.randint(-1, 2, x.shape, generator=self._random, dtype=grid)
        magnitude = bits & torch.iinfo(grid).max
        # The largest number stays too: a step further is infinity.
        movable = (magnitude > 0) & (magnitude < _LARGEST[x.dtype])
        return torch.where(movable, moved, bits).view(x.dtype)

    def _rounded(self, x: Tensor, precision: int) -> Tensor:
        """Each finite element rounded to some bits, up or down."""
        mantissa, exponent = torch.frexp(x)
        chance = torch.rand(x.shape, generator=self._random, dtype=x.dtype)
        kept = torch.floor(mantissa * 2.0**precision + chance)
        rounded = kept * torch.pow(2.0, (exponent - precision).to(x.dtype))
        return torch.where(torch.isfinite(x) & torch.isfinite(rounded), rounded, x)
