"""From what training frameworks wrap around a state_dict to canonical names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mlx_impl.weights import shown

from .errors import CheckpointError
from .pickles import View

T = TypeVar("T")

NESTINGS = (
    ("state", "model"),  # Composer
    ("state_dict",),  # Lightning
    ("model_state_dict",),
    ("model",),
    ("module",),  # DeepSpeed
)
"""Where a checkpoint of training keeps the model, the first that is there."""

WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module")
"""Parts of a name that wrappers add: DataParallel, torch.compile, FSDP."""

DERIVED = "flashfft"
"""Part of a name whose tensors are tables of the canonical GPU path, computed from nothing but the length."""

ENCODER = ("embeddings.", "encoder.", "pooler.")
OWN = ("bert.", "cls.", "classifier.", *ENCODER)
"""How the names of an M2-BERT begin."""


@dataclass(frozen=True)
class Canonical:
    """Tensors under canonical names, and what was taken off on the way.

    `head` is the model that they are of, a key of `mlx_impl.HEADS`; `outer` is the ``bert.`` that stood
    before every name although there is no head.
    """

    tensors: Mapping[str, Any]
    head: str
    outer: str
    nesting: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


def unnest(what: str, value: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The state_dict in a checkpoint of training, and the keys that lead to it.

    Raises: CheckpointError if there is none, or something in it is not a tensor.
    """
    if not isinstance(value, dict):
        raise CheckpointError(f"{what} holds no dictionary of tensors; save model.state_dict()")
    paths: list[tuple[str, ...]] = [()] if _all_tensors(value) else [*NESTINGS, ()]
    for path in paths:
        found: Any = value
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict) and _has_tensors(found):
            other = [
                shown(str(k), 80)
                for k, v in found.items()
                if not isinstance(v, View) or not isinstance(k, str)
            ]
            if other:
                raise CheckpointError(
                    f"{what}: beside its tensors stands what is none, {', '.join(other[:5])}; "
                    "save model.state_dict()"
                )
            return found, path
    keys = ", ".join(shown(str(k), 40) for k in list(value)[:8] if isinstance(k, str))
    known = ", ".join(".".join(path) for path in NESTINGS)
    raise CheckpointError(f"{what}: no tensors at the top nor under {known}; its keys are {keys or 'none'}")


def _all_tensors(value: dict[Any, Any]) -> bool:
    return bool(value) and all(isinstance(v, View) for v in value.values())


def _has_tensors(value: dict[Any, Any]) -> bool:
    return any(isinstance(v, View) for v in value.values())


def canonical(what: str, tensors: Mapping[str, T]) -> Canonical:
    """Tensors under canonical names: wrappers' parts and leading ``model.`` taken off.

    Raises: CheckpointError if two names become one, or they are not those of an M2-BERT.
    """
    found: dict[str, T] = {}
    taken: dict[str, None] = {}
    derived = []
    leading = _leading(tensors)
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] == "model" and leading:
            taken["model."] = None
            parts = parts[1:]
        for part in parts:
            if part in WRAPPERS:
                taken[f"{part}."] = None
        short = ".".join(part for part in parts if part not in WRAPPERS)
        if leading and short.startswith("model."):  # a wrapper's part stood before it
            taken["model."] = None
            short = short.removeprefix("model.")
        if DERIVED in parts:
            derived.append(short)
            continue
        if short in found:
            raise CheckpointError(f"{what}: two tensors are {short[:120]!r} without the wrappers' prefixes")
        found[short] = tensor
    head, outer = _head(what, found)
    if outer:
        found = {name.removeprefix(outer): x for name, x in found.items()}
    return Canonical(found, head, outer, prefixes=tuple(taken), derived=tuple(derived))


def _leading(tensors: Mapping[str, Any]) -> bool:
    """Whether the model's names begin with ``model.``, wrappers' parts aside: all do, or others are not its.

    A trainer's module has the model as one of its parts, beside losses and metrics with tensors of their own.
    """
    names = [".".join(p for p in name.split(".") if p not in WRAPPERS) for name in tensors]
    inner = [name.removeprefix("model.") for name in names if name.startswith("model.")]
    if len(inner) == len(names):
        return bool(names)
    return any(n.startswith(OWN) for n in inner) and not any(n.startswith(OWN) for n in names)


def _head(what: str, tensors: Mapping[str, Any]) -> tuple[str, str]:
    """The head by the names of its tensors, and the outer prefix if there is no head."""
    names = list(tensors)
    if any(n.startswith("cls.predictions.") for n in names):
        return "mlm", ""
    if any(n.startswith("classifier.") for n in names):
        return "cls", ""
    if any(n.startswith("bert.") for n in names):
        return "model", "bert." if all(n.startswith("bert.") for n in names if n.startswith(OWN)) else ""
    if not any(n.startswith(ENCODER) for n in names):
        first = ", ".join(shown(n, 60) for n in names[:5])
        raise CheckpointError(
            f"{what}: none of its {len(names):,} tensors has a name of M2-BERT; the first: {first or 'none'}"
        )
    return "model", ""
