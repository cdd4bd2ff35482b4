"""Canonical tensors into the port."""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten


def tied_names(model: nn.Module) -> dict[str, str]:
    """Every canonical name that is only a further name of another parameter, and that parameter.

    A checkpoint lists a shared parameter under each of its names; the port has it once.
    """
    names: dict[str, str] = {}
    for path, module in model.named_modules():
        tied = getattr(module, "tied", None)
        if tied is not None:
            prefix = f"{path}." if path else ""
            names |= {f"{prefix}{alias}": f"{prefix}{name}" for alias, name in tied().items()}
    return names


def load_canonical(model: nn.Module, tensors: Mapping[str, mx.array]) -> None:
    """Put a canonical ``state_dict`` into `model`, every name of it, and every parameter filled.

    Floating tensors keep their dtype: cast them first to run in another. Nothing is loaded unless
    everything fits.

    Raises: ValueError listing names that are missing, unexpected, of another shape, or tied to a
        tensor with other values.
    """
    tied = tied_names(model)
    wanted = dict(tree_flatten(model.parameters()))
    given = {name: value for name, value in tensors.items() if name not in tied}
    problems = [f"missing {name}" for name in sorted(set(wanted) - set(given))]
    problems += [f"unexpected {name}" for name in sorted(set(given) - set(wanted))]
    problems += [
        f"{name} has shape {tuple(given[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in sorted(set(given) & set(wanted))
        if tuple(given[name].shape) != tuple(wanted[name].shape)
    ]
    problems += [
        f"{alias} differs from {name}, to which it is tied"
        for alias, name in sorted(tied.items())
        if alias in tensors
        and name in tensors
        and not mx.array_equal(tensors[alias], tensors[name], equal_nan=True).item()  # noqa: MXP201 loading
    ]
    if problems:
        raise ValueError(
            f"the tensors do not fit {type(model).__name__}: {'; '.join(problems)}. "
            "Check that the configuration is the checkpoint's"
        )
    for name, value in given.items():
        *path, leaf = name.split(".")
        owner: Any = model
        for part in path:  # lists of layers are indexed, everything else is named
            owner = owner[int(part)] if isinstance(owner, list) else owner[part]
        owner[leaf] = value
