"""Parameter-free activations as modules, so that each has a module path, and `Dropout`."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from reference import ops

# The names that `hidden_act` may have, as in the canonical code's ACT2FN, and their words.
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
}


class Activation(nn.Module):
    """The word that `hidden_act` names, applied element by element.

    Shapes: x: any → the same.
    Raises: ValueError if the name is not one of `ACTIVATIONS`.
    """

    def __init__(self, hidden_act: str) -> None:
        super().__init__()
        if hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act={hidden_act!r}, expected one of {sorted(ACTIVATIONS)}")
        self.word = ACTIVATIONS[hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        function: Callable[[Tensor], Tensor] = getattr(ops, self.word)
        return function(x)


class Identity(nn.Module):
    """x, unchanged."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Dropout(nn.Module):
    """In training, zero each element with probability p and divide the others by 1 − p; else x.

    Random numbers come from PyTorch's generator, so parity is a claim about evaluation only.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout p={p}, expected 0 ≤ p < 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training)
