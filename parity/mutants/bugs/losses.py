"""Losses: what is averaged over what."""

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

from ._cases import LABELLED

_bce_with_logits = ops.bce_with_logits
_cross_entropy = ops.cross_entropy
_mse_loss = ops.mse_loss


@bug(
    "mlx_impl.ops.cross_entropy",
    seen="meta-pytorch/torchtune#1875: losses normalized by another number of tokens than is unmasked",
    case="cross_entropy",
)
def cross_entropy_with_ignored(logits, labels):
    """Ignored labels counted in the mean."""
    kept = mx.sum(mx.not_equal(labels, scalar(-100, labels))).astype(logits.dtype)
    share = mx.divide(kept, scalar(labels.size, kept))
    return mx.multiply(_cross_entropy(logits, labels), share)


@bug(
    "mlx_impl.ops.cross_entropy",
    seen="agokrani/distillKitPlus#5: a loss summed, not divided by what it was summed over",
    case=LABELLED,
)
def cross_entropy_summed(logits, labels):
    """The sum over the labels."""
    kept = mx.sum(mx.not_equal(labels, scalar(-100, labels))).astype(logits.dtype)
    return mx.multiply(_cross_entropy(logits, labels), kept)


@bug(
    "mlx_impl.ops.cross_entropy",
    seen="huggingface/transformers#37830: labels shifted for the next token, and once more in the loss",
    case=LABELLED,
)
def cross_entropy_shifted(logits, labels):
    """Each row against the label after its own, as for a causal model."""
    return _cross_entropy(logits[:-1], labels[1:])


@bug(
    "mlx_impl.ops.cross_entropy",
    seen="PyTorch documentation: CrossEntropyLoss takes logits; a softmax before it goes unnoticed",
    case=LABELLED,
)
def cross_entropy_of_probabilities(logits, labels):
    """A softmax too many."""
    return _cross_entropy(mx.softmax(logits, axis=-1), labels)


@bug(
    "mlx_impl.ops.bce_with_logits",
    seen="itakurah/focal-loss-pytorch#5: a sigmoid before a loss that applies one",
    case="MultiLabelClassification;c=3",
)
def bce_of_probabilities(logits, target):
    """A sigmoid too many."""
    return _bce_with_logits(mx.sigmoid(logits), target)


@bug(
    "mlx_impl.ops.bce_with_logits",
    seen="pytorch/pytorch#2221: a lost sign let the exponential of the stable form overflow",
    case="bce_with_logits;kind=large",
)
def bce_overflows(logits, target):
    """log(1 + exp(x)) as it stands."""
    softplus = mx.log(mx.add(mx.exp(logits), mx.array(1, dtype=logits.dtype)))
    return mx.reshape(mx.mean(mx.subtract(softplus, mx.multiply(logits, target))), (1,))


@bug(
    "mlx_impl.ops.mse_loss",
    seen="deepset-ai/FARM#229: a target of (n, 1) broadcast against predictions of (n,)",
    case="SequenceRegression",
)
def mse_broadcast(prediction, target):
    """Every prediction against every target."""
    error = mx.subtract(mx.reshape(prediction, (-1, 1)), mx.reshape(target, (1, -1)))
    return mx.reshape(mx.mean(mx.square(error)), (1,))


@bug(
    "mlx_impl.ops.mse_loss",
    seen="TensorFlow documentation: tf.nn.l2_loss is half the sum of squares",
    case="SequenceRegression",
)
def mse_halved(prediction, target):
    """½·mean((prediction − target)²)."""
    loss = _mse_loss(prediction, target)
    return mx.multiply(loss, mx.array(0.5, dtype=loss.dtype))
