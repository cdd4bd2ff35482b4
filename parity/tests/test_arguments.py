"""Arguments that an error case cannot carry: booleans, arrays without axes, None, an empty batch."""

import re

import mlx.core as mx
import pytest
import torch

from mlx_impl import ops
from reference import ops as reference

SMALL = torch.ones((1, 2, 4)), torch.ones((2, 1, 3))


@pytest.mark.parametrize("name", ["safe_log", "sigmoid", "relu", "l2_normalize"])
def test_booleans_are_refused_on_both_sides(name: str) -> None:
    """A boolean would be computed as 0 or 1, and the result cut to a boolean again."""
    with pytest.raises(ValueError, match=r"x has dtype mlx.core.bool.*cast"):
        getattr(ops, name)(mx.array([True]))
    with pytest.raises(ValueError, match=r"x has dtype torch.bool.*cast"):
        getattr(reference, name)(torch.tensor([True]))


@pytest.mark.parametrize("name", ["l1_normalize", "l2_normalize"])
def test_a_norm_wants_an_axis(name: str) -> None:
    """There is no last axis in a number."""
    says = re.escape("shape (), expected (..., d)")
    with pytest.raises(ValueError, match=says):
        getattr(ops, name)(mx.array(1.0, dtype=mx.float32))
    with pytest.raises(ValueError, match=says):
        getattr(reference, name)(torch.tensor(1.0))


def test_a_depthwise_filter_wants_a_bias() -> None:
    """It is not optional, as that of ``conv1d`` is."""
    x, weight = SMALL
    with pytest.raises(ValueError, match=r"bias is None.*zeros"):
        reference.depthwise_conv1d(x, weight, None, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"bias is None.*zeros"):
        ops.depthwise_conv1d(mx.ones((1, 2, 4)), mx.ones((2, 1, 3)), None, 1)  # type: ignore[arg-type]


def test_a_batch_of_nothing_is_convolved_to_nothing() -> None:
    """On both sides, gradients included."""
    u = torch.zeros((0, 3, 8), requires_grad=True)
    y = reference.long_conv(u, torch.zeros((3, 8)), torch.zeros(3))
    torch.autograd.backward(y.sum())
    assert u.grad is not None
    assert u.grad.shape == u.shape
    assert tuple(y.shape) == ops.long_conv(mx.zeros((0, 3, 8)), mx.zeros((3, 8)), mx.zeros((3,))).shape
