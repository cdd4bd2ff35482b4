"""Canonical tensors into the port and back: the map of names, and loading that leaves nothing out."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten

_FEW = 5
"""Names of one kind that a message lists."""


def shown(text: str, most: int = 200) -> str:
    """A name from a file as a message may have it: what a terminal would obey escaped, cut if it is long."""
    escaped = text if text.isprintable() else repr(text)[1:-1]
    return escaped if len(escaped) <= most else f"{escaped[: most - 1]}…"


@dataclass(frozen=True)
class KeyMap:
    """Which canonical name is which parameter of the port.

    Every tensor has the canonical layout in the port too, short filters (c, 1, taps) included, so only
    names are mapped. `places` maps canonical names to the port's, one to one; `tied` maps each further
    canonical name of a shared parameter to the one in `places`.
    """

    places: Mapping[str, str]
    tied: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """Every canonical name."""
        return {*self.places, *self.tied}

    def to_canonical(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The port's parameters under every canonical name, shared ones under each of theirs."""
        found = {name: parameters[place] for name, place in self.places.items()}
        return found | {name: found[first] for name, first in self.tied.items()}

    def to_port(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The reverse: canonical tensors under the port's names; a shared one by any of its names."""
        found = {self.places[name]: x for name, x in tensors.items() if name in self.places}
        for name, first in self.tied.items():
            if name in tensors:
                found.setdefault(self.places[first], tensors[name])
        return found


def key_map(model: nn.Module, outer: str = "") -> KeyMap:
    """The map of a model's names; `outer` stands before every canonical one (``bert.`` of a bare encoder)."""
    places = {f"{outer}{name}": name for name in dict(tree_flatten(model.parameters()))}
    tied = {f"{outer}{name}": f"{outer}{first}" for name, first in tied_names(model).items()}
    return KeyMap(places, tied)


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


@dataclass(frozen=True)
class Loaded:
    """What did not fit when a model was loaded, by kind; all empty if everything did.

    `never_loaded` are parameters at their initial values.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()
    untied: tuple[str, ...] = ()
    never_loaded: tuple[str, ...] = ()

    def problems(self) -> list[str]:
        """Each of them in a few words."""
        return [text for kind in self._kinds() for text in kind]

    def summary(self) -> list[str]:
        """The first few of each kind, as a message may have them, and how many more there are."""
        found = []
        for kind in self._kinds():
            found += [shown(text) for text in kind[:_FEW]]
            if len(kind) > _FEW:
                found.append(f"{len(kind) - _FEW:,} more like this")
        return found

    def _kinds(self) -> list[list[str]]:
        told = {*self.missing, *(text.partition(" ")[0] for text in self.misshapen)}
        return [
            [f"missing {name}" for name in self.missing],
            [f"unexpected {name}" for name in self.unexpected],
            [*self.misshapen],
            [*self.untied],
            [f"never loaded {name}" for name in self.never_loaded if name not in told],
        ]


def load_canonical(model: nn.Module, tensors: Mapping[str, mx.array], *, strict: bool = True) -> Loaded:
    """Put a canonical ``state_dict`` into `model`, every name of it, and every parameter filled.

    Floating tensors keep their dtype: cast them first to run in another. A shared parameter may come
    under any of its names. Unless `strict` is off, nothing is loaded unless everything fits; with it off,
    what fits is loaded, and what does not is a warning and in the result.

    Raises: ValueError listing names that are missing, unexpected, of another shape or kind of number, or
        tied to a tensor with other values, and parameters that would keep their initial values.
    """
    keys = key_map(model)
    wanted = dict(tree_flatten(model.parameters()))
    given = keys.to_port(tensors)
    wrong = {n: text for n, x in given.items() if (text := _misfit(n, x, wanted[n]))}
    fitting = {name: value for name, value in given.items() if name not in wrong}
    found = Loaded(
        missing=tuple(sorted(set(wanted) - set(given))),
        unexpected=tuple(sorted(set(tensors) - keys.names)),
        misshapen=tuple(wrong[name] for name in sorted(wrong)),
        untied=_untied(keys, tensors, given),
        never_loaded=tuple(sorted(set(wanted) - set(fitting))),
    )
    if found.problems():
        message = f"the tensors do not fit {type(model).__name__}: {'; '.join(found.summary())}. " + (
            "If they are no part of the model, strict=False (--not-strict) leaves them out"
            if found.unexpected and not (found.missing or found.misshapen or found.untied)
            else "Check that the configuration is the checkpoint's"
        )
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=2)
    for name, value in fitting.items():
        *path, leaf = name.split(".")
        owner: Any = model
        for part in path:  # lists of layers are indexed, everything else is named
            owner = owner[int(part)] if isinstance(owner, list) else owner[part]
        owner[leaf] = value
    _verify(model, fitting, found.never_loaded)
    return found


def _misfit(name: str, value: mx.array, wanted: mx.array) -> str:
    if tuple(value.shape) != tuple(wanted.shape):
        return f"{name} has shape {tuple(value.shape)}, expected {tuple(wanted.shape)}"
    if mx.issubdtype(value.dtype, mx.floating) != mx.issubdtype(wanted.dtype, mx.floating):
        return f"{name} has dtype {value.dtype}, expected one like {wanted.dtype}"
    return "" if mx.issubdtype(wanted.dtype, mx.floating) else _misfit_integers(name, value, wanted)


def _misfit_integers(name: str, value: mx.array, wanted: mx.array) -> str:
    """Packed numbers mean nothing in another format; positions of any width count from 0."""
    if name.rpartition(".")[2] != "position_ids":
        return (
            "" if value.dtype == wanted.dtype else f"{name} has dtype {value.dtype}, expected {wanted.dtype}"
        )
    if not mx.issubdtype(value.dtype, mx.integer):
        return f"{name} has dtype {value.dtype}, expected an integer one"
    counted = mx.arange(value.size, dtype=mx.int64)
    same = mx.array_equal(mx.astype(mx.flatten(value), mx.int64), counted)
    return "" if same.item() else f"{name} has other values than 0, 1, 2 …"  # noqa: MXP201 loading


def _untied(keys: KeyMap, tensors: Mapping[str, mx.array], given: Mapping[str, mx.array]) -> tuple[str, ...]:
    """Names of shared parameters whose values differ from those that are loaded."""
    found = []
    for alias, first in sorted(keys.tied.items()):
        one, other = tensors.get(alias), given.get(keys.places[first])
        if one is None or other is None or one is other:
            continue
        if not mx.array_equal(one, other, equal_nan=True).item():  # noqa: MXP201 loading, not computing
            found.append(f"{alias} differs from {first}, to which it is tied")
    return tuple(found)


def _verify(model: nn.Module, loaded: Mapping[str, mx.array], left: tuple[str, ...]) -> None:
    """Every parameter of the model is the very array that was loaded for it.

    Raises: RuntimeError naming one that is not; that would be a mistake in this file.
    """
    for name, value in dict(tree_flatten(model.parameters())).items():
        if name not in left and loaded.get(name) is not value:
            raise RuntimeError(f"{name} of {type(model).__name__} was left at its initial value")
