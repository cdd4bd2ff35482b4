"""Canonical checkpoints into the reference, read by PyTorch's own loaders.

The port has readers of its own. That these are others is on purpose: two sides that read a file with the same
code would agree on the same mistake.
"""

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from . import bounded

NESTINGS = (("state", "model"), ("state_dict",), ("model_state_dict",), ("model",), ("module",))
"""Where a checkpoint of training keeps the model, the first that is there."""

WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module")
"""Parts of a name that wrappers add: DataParallel, torch.compile, FSDP."""

OWN = ("bert.", "cls.", "classifier.", "embeddings.", "encoder.", "pooler.")
"""How the names of an M2-BERT begin."""

_BUILTINS = (
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object",
    "range", "set", "slice", "str", "tuple",
)  # fmt: skip

INERT = (
    "_codecs.encode",
    "argparse.",
    *(f"builtins.{name}" for name in _BUILTINS),
    "collections.",
    "composer.",
    "copyreg._reconstructor",
    "datetime.",
    "lightning.",
    "numpy.",
    "omegaconf.",
    "pathlib.",
    "pytorch_lightning.",
    "streaming.",
    "torch.Size",
    "torch.device",
    "torch.optim.",
    "torchmetrics.",
    "transformers.",
    "typing.Any",
)
"""Objects that training frameworks keep beside the weights: something inert stands for them."""


FEW = 8
"""Things that do not fit that a message lists."""

ITEMS = 1_000_000
"""Items of lists that a pickle may have made into dictionaries."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be taken: which file, what is wrong with it, what to do."""


class _Inert:
    """Stands for an object that is not needed; keeps nothing and calls nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "_Inert":
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Take nothing."""

    extend = append


def read(paths: Path | Sequence[Path]) -> dict[str, Tensor]:
    """The tensors of one file, or of several shards, under canonical names.

    Shapes: as the file has them.
    Dtypes: as the file has them.
    Raises: CheckpointError if a file cannot be read without running code from it, or names clash.
    """
    tensors: dict[str, Tensor] = {}
    for path in [paths] if isinstance(paths, Path) else paths:
        found = _read_file(path)
        twice = sorted(set(found) & set(tensors))
        if twice:
            raise CheckpointError(f"{path}: tensor {twice[0]!r} is in another shard too; which is meant?")
        tensors |= found
    return canonical_names(tensors)


def _read_file(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path} cannot be read: it is not a file; give a file of weights")
    try:
        with path.open("rb") as file:
            start = file.read(9)
        is_zip = start[:4] == b"PK\x03\x04"
        if not is_zip and (start[:1] != b"\x80" or start[8:] == b"{"):
            from safetensors.torch import load_file

            return load_file(path)
        bounded.check(path)
        tensors = _state_dict(path, _load(path))
        bounded.check_sizes(path, tensors)
    except CheckpointError:
        raise
    except bounded.TooMuchError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except Exception as error:  # what PyTorch and safetensors raise for bad files is of many kinds
        raise CheckpointError(f"{path} cannot be read: {type(error).__name__}: {str(error)[:300]}") from error
    return tensors


def _load(path: Path) -> Any:
    """What ``torch.load`` gives without running code; inert objects for what is not needed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected pickle protocol")  # both readers know them all
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:  # a checkpoint of training: more than weights is in it
            return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_restricted())


def _restricted() -> ModuleType:
    """A stand-in for the module ``pickle`` that finds nothing but what builds tensors, and inert objects.

    Everything in it is made anew, so that a pickle that sets attributes sets none that last. The reader is
    the one in Python: the one in C makes as much room for its memo as a file says.
    """

    def tensor(*arguments: Any) -> Any:
        return torch._utils._rebuild_tensor_v2(*arguments)

    def tensor_of_dtype(*arguments: Any) -> Any:
        return torch._utils._rebuild_tensor_v3(*arguments)

    def parameter(data: Tensor, *_: Any) -> Tensor:
        return data

    handled = 0

    def ordered(*arguments: Any) -> Any:
        nonlocal handled
        handled += sum(len(x) for x in arguments if isinstance(x, list | tuple | dict))
        if handled > ITEMS:  # one list may be given to any number of calls
            raise CheckpointError(f"its pickle makes dictionaries of more than {ITEMS:,} items")
        return OrderedDict(*arguments)

    found = {
        "collections.OrderedDict": ordered,
        "collections.defaultdict": OrderedDict,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor_v3": tensor_of_dtype,
        "torch._utils._rebuild_parameter": parameter,
    }
    inert = type("Inert", (_Inert,), {})

    class Unpickler(pickle._Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
            full = f"{module}.{name}"
            if full in found:
                return (lambda *_: OrderedDict()) if full == "collections.defaultdict" else found[full]
            dtype = _dtype(full)
            if dtype is not None:
                return dtype
            if full in INERT or full.startswith(tuple(n for n in INERT if n.endswith("."))):
                return inert
            raise CheckpointError(f"its pickle asks for {full!r}, which no weights need; nothing was run")

    module = ModuleType("restricted_pickle")
    module.Unpickler = Unpickler  # type: ignore[attr-defined]
    module.load = lambda file, **options: Unpickler(file, **options).load()  # type: ignore[attr-defined]
    return module


def _dtype(name: str) -> torch.dtype | None:
    """A dtype by its full name, ``torch.int16``; None if it is none."""
    found = getattr(torch, name.removeprefix("torch."), None) if name.startswith("torch.") else None
    return found if isinstance(found, torch.dtype) else None


def _state_dict(path: Path, value: Any) -> dict[str, Tensor]:
    """The tensors at the top, or where a trainer keeps them."""
    for keys in ((), *NESTINGS, ()):
        found = value
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and found and all(isinstance(x, Tensor) for x in found.values()):
            return {str(name): x.detach() for name, x in found.items()}
    raise CheckpointError(f"{path} holds no dictionary of tensors; save model.state_dict()")


def canonical_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors without the parts of names that wrappers add, a ``model.`` before all, and tables of the
    canonical GPU path; without a head, without ``bert.`` too.

    Raises: CheckpointError if two names become one.
    """
    short = {
        name: ".".join(part for part in name.split(".") if part not in WRAPPERS)
        for name in tensors
        if "flashfft" not in name.split(".")
    }
    inner = [text.removeprefix("model.") for text in short.values() if text.startswith("model.")]
    others = any(text.startswith(OWN) for text in short.values())
    # All names, or the model's beside those of a trainer's losses and metrics.
    if len(inner) == len(short) or (any(text.startswith(OWN) for text in inner) and not others):
        short = {name: text.removeprefix("model.") for name, text in short.items()}
    if short and all(text.startswith("bert.") for text in short.values() if text.startswith(OWN)):
        short = {name: text.removeprefix("bert.") for name, text in short.items()}
    if len(set(short.values())) != len(short):
        raise CheckpointError("two tensors have one name without the wrappers' prefixes")
    return {text: tensors[name] for name, text in short.items()}


def extend_positions(
    tensors: Mapping[str, Tensor], length: int, *, way: str = "canonical"
) -> dict[str, Tensor]:
    """Tensors for `length` positions, a multiple of those that they have.

    The position table is repeated. So are the time features z of every filter, but ``canonical`` leaves
    their first block at zero, as the canonical loop does, which starts at the second; ``copies`` fills it
    too. Time t is laid out anew over [0, 1], position_ids count on.

    Shapes: (n, d) → (length, d); z, t: (1, n, …) → (1, length, …).
    Dtypes: as they are.
    Raises: CheckpointError if the length is no multiple, or the way is unknown.
    Source: canonical ``BertForMaskedLM.from_composer`` with ``expand_positional_embeddings``.
    """
    if way not in ("canonical", "copies"):
        raise CheckpointError(f"unknown way to extend {way!r}, known are canonical, copies")
    return {name: _extended(name, x, length, way) for name, x in tensors.items()}


def _extended(name: str, x: Tensor, length: int, way: str) -> Tensor:
    if name.endswith("position_embeddings.weight"):
        return x.repeat(_times(name, x.shape[0], length), 1)
    if name.endswith("embeddings.position_ids"):
        return torch.arange(length, dtype=x.dtype)[None]
    if name.endswith((".pos_emb.z", ".pos_emb.t")):
        times = _times(name, x.shape[1], length)
        if times == 1:
            return x
        if name.endswith(".t"):
            return _evenly(length).to(x.dtype)[None, :, None]
        copies = x.repeat(1, times, 1)
        if way == "canonical":
            copies[:, : x.shape[1]] = 0
        return copies
    return x


def _times(name: str, n: int, length: int) -> int:
    if length < n or length % n:
        raise CheckpointError(f"{name} has {n} positions: length {length} is no multiple of it")
    return length // n


def _evenly(n: int) -> Tensor:
    """What ``torch.linspace(0, 1, n)`` gives where it fuses products and sums, on any machine: (n,)."""
    step = torch.tensor(1 / max(n - 1, 1)).double()  # rounded to float32 first
    i = torch.arange(n).double()
    up = i * step
    return torch.where(i < n // 2, up, 1 - (n - 1 - i) * step).float() if n > 1 else up.float()


@dataclass(frozen=True)
class Loaded:
    """What did not fit when a model was loaded, by kind; all empty if everything did."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()
    untied: tuple[str, ...] = ()

    def problems(self) -> list[str]:
        """Each of them in a few words."""
        found = [f"missing {name}" for name in self.missing]
        found += [f"unexpected {name}" for name in self.unexpected]
        return [*found, *self.misshapen, *self.untied]

    def summary(self) -> str:
        """The first few, without what a terminal would obey, and how many there are."""
        few = [ascii(text)[1:-1][:200] for text in self.problems()[:FEW]]
        more = len(self.problems()) - len(few)
        return "; ".join([*few, f"and {more:,} more"] if more else few)


def _misfit(name: str, x: Tensor, wanted: Tensor) -> str:
    """What is wrong with a tensor for its place, or nothing."""
    if x.shape != wanted.shape:
        return f"{name} has shape {tuple(x.shape)}, expected {tuple(wanted.shape)}"
    floating = wanted.is_floating_point()
    if x.is_floating_point() != floating or x.dtype == torch.bool or x.is_complex():
        return f"{name} has dtype {x.dtype}, expected one like {wanted.dtype}"
    if floating and not x.isfinite().all():
        return f"{name} has a NaN or an infinity"
    if name.endswith("position_ids") and not torch.equal(x.long().flatten(), torch.arange(x.numel())):
        return f"{name} has other values than 0, 1, 2 …"
    return ""


def load_canonical(model: nn.Module, tensors: Mapping[str, Tensor], *, strict: bool = True) -> Loaded:
    """Put a canonical ``state_dict`` into `model`, every name of it, and every parameter filled.

    A shared parameter may come under any of its names. Floating tensors are cast to the dtype of the
    model. Unless `strict` is off, nothing is loaded unless everything fits; with it off, what fits is
    loaded, and what does not is a warning and in the result.

    Raises: CheckpointError listing names that are missing, unexpected, of another shape or kind of number,
        not finite, tied to a tensor with other values, or positions that do not count from 0.
    """
    state = model.state_dict()
    groups: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for name, x in state.items():
        place = x.data_ptr() if x.numel() else len(groups)  # empty tensors share an address, nothing else
        groups.setdefault((place, tuple(x.shape)), []).append(name)
    whole = dict(tensors)
    untied = []
    for names in groups.values():
        present = [name for name in names if name in tensors]
        untied += [
            f"{name} differs from {present[0]}, to which it is tied"
            for name in present[1:]
            if not torch.equal(tensors[name], tensors[present[0]])
        ]
        if present:
            whole |= dict.fromkeys(names, tensors[present[0]])
    misshapen = {
        name: text for name, x in whole.items() if name in state and (text := _misfit(name, x, state[name]))
    }
    found = Loaded(
        missing=tuple(sorted(set(state) - set(whole))),
        unexpected=tuple(sorted(set(whole) - set(state))),
        misshapen=tuple(misshapen[name] for name in sorted(misshapen)),
        untied=tuple(untied),
    )
    if found.problems():
        message = (
            f"the tensors do not fit {type(model).__name__}: {found.summary()}. "
            "Check that the configuration is the checkpoint's"
        )
        if strict:
            raise CheckpointError(message)
        warnings.warn(message, stacklevel=2)
    fitting = {name: x for name, x in whole.items() if name in state and name not in misshapen}
    model.load_state_dict(fitting, strict=strict)
    for name, x in model.state_dict().items():
        if name in fitting and not torch.equal(x, fitting[name].to(x.dtype)):
            raise RuntimeError(f"{name} of {type(model).__name__} was left at its initial value")
    return found
