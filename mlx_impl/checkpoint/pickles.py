"""Reading a pickle as a description: an interpreter of its instructions that calls nothing.

A pickle is a program for a stack machine. Here every instruction that would import something yields an inert
`Name`, and every one that would call it an inert value that remembers the call. Only what stands for a
tensor is understood. Names that a file of weights has no use for are refused.
"""

import io
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import limits
from .errors import CheckpointError
from .raw import ITEMSIZE

STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
"""PyTorch's storages and the dtypes of their elements."""

OTHER_STORAGES = {
    "ComplexDoubleStorage": ("complex128", 16),
    "ComplexFloatStorage": ("complex64", 8),
    "QInt8Storage": ("qint8", 1),
    "QInt32Storage": ("qint32", 4),
    "QUInt8Storage": ("quint8", 1),
    "UntypedStorage": ("bytes", 1),
}
"""Storages of numbers that no M2-BERT has, with the bytes of one; trainers may keep some beside it."""

_UNSIGNED = {"uint16": "U16", "uint32": "U32", "uint64": "U64"}

_TENSORS = {
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
}
_DICTIONARIES = {"collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict"}
_INERT_NAMES = {
    *(
        f"builtins.{n}"
        for n in ("bool", "bytearray", "bytes", "complex", "float", "frozenset", "int", "list")
    ),
    *(f"builtins.{n}" for n in ("long", "object", "range", "set", "slice", "str", "tuple", "unicode")),
    "_codecs.encode",  # how protocol 2 writes bytes
    "argparse.Namespace",
    "collections.deque",
    "copyreg._reconstructor",
    *(f"datetime.{n}" for n in ("date", "datetime", "time", "timedelta", "timezone")),
    "torch.Size",
    "torch.device",
    "typing.Any",
}
_DTYPE = re.compile(r"torch\.(bool|complex\d+|[bq]?u?(int|float|bits)\d+[a-z0-9_]*)")
_INERT_FAMILIES = (
    "composer",
    "lightning",
    "lightning_fabric",
    "numpy",
    "omegaconf",
    "pathlib",
    "pytorch_lightning",
    "streaming",
    "torch.optim",
    "torchmetrics",
    "transformers",
)
"""Packages whose objects training frameworks keep beside the weights: optimizers, schedulers, settings,
states of random generators. They stay descriptions; nothing of them is imported or called."""

_OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True)
class Name:
    """What the pickle would import."""

    name: str


@dataclass
class Inert:
    """What the pickle would build by calling `name`, and has not."""

    name: str


@dataclass(frozen=True)
class Storage:
    """A stretch of numbers elsewhere in the file."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class View:
    """A tensor: a storage, where in it, and how."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _DamagedError(ValueError):
    """Instructions that make no sense; `Reader.load` says in which file."""


class _Opaque:
    """A key of a dictionary that is no text or small number: kept, never compared or hashed by value."""


_MARK = object()
_NEWEST = 5
"""The newest protocol of pickles."""


@dataclass
class Reader:
    """Interprets pickles that follow each other in some bytes; `position` is where the next begins.

    `storages` has every storage that was spoken of, by key, also by what is not kept.
    """

    what: str
    data: bytes
    position: int = 0
    storages: dict[str, Storage] = field(default_factory=dict)
    _stack: list[Any] = field(default_factory=list, repr=False)
    _memo: dict[int, Any] = field(default_factory=dict, repr=False)
    _steps: int = field(default=0, repr=False)

    def load(self) -> Any:
        """The value of the next pickle.

        Raises: CheckpointError if it is malformed, too long, or asks for a name that it has no use for.
        """
        self._stack, self._memo, self._steps = [], {}, 0
        stream = io.BytesIO(self.data)
        stream.seek(self.position)
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                self._count(1)
                if opcode.name == "STOP":
                    break
                self._step(opcode.name, argument)
            self.position = stream.tell()
            value = self._stack.pop()
        except CheckpointError:
            raise
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            kind = "" if isinstance(error, _DamagedError) else f"{type(error).__name__}: "
            raise CheckpointError(
                f"{self.what} is damaged: a pickle that cannot be read ({kind}{str(error)[:80]})"
            ) from None
        return value

    def _count(self, n: int) -> None:
        """Raises: CheckpointError if there were more instructions, or items handled, than allowed."""
        self._steps += n
        if self._steps > limits.OPCODES:
            raise CheckpointError(
                f"{self.what}: a pickle of more than {limits.OPCODES:,} instructions; "
                "save the state_dict alone"
            )

    def _step(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _PUSHES:
            self._stack.append(argument)
        elif name in _EMPTIES:
            self._stack.append(_EMPTIES[name]())
        elif name in _IGNORED:
            return
        else:
            action: Callable[[Any], None] | None = getattr(self, f"_{name.lower()}", None)
            if action is None:
                raise CheckpointError(f"{self.what}: a pickle with {name}, which no file of weights needs")
            action(argument)

    def _proto(self, version: int) -> None:
        if version > _NEWEST:
            raise _DamagedError(f"protocol {version}, the newest is {_NEWEST}")

    # -- stack and memo -------------------------------------------------------------------------------

    def _to_mark(self) -> list[Any]:
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                found = self._stack[i + 1 :]
                del self._stack[i:]
                return found
        raise _DamagedError("no mark on the stack")

    def _mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _pop(self, _: Any) -> None:
        self._stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._to_mark()

    def _dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    _binget = _long_binget = _get

    # -- containers -----------------------------------------------------------------------------------

    def _tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._to_mark()))

    def _take(self, n: int) -> None:
        if len(self._stack) < n:
            raise _DamagedError("stack too short")
        found = tuple(self._stack[-n:])
        del self._stack[-n:]
        self._stack.append(found)

    def _tuple1(self, _: Any) -> None:
        self._take(1)

    def _tuple2(self, _: Any) -> None:
        self._take(2)

    def _tuple3(self, _: Any) -> None:
        self._take(3)

    def _list(self, _: Any) -> None:
        self._stack.append(self._to_mark())

    _frozenset = _list

    def _dict(self, _: Any) -> None:
        items = self._to_mark()
        self._stack.append({})
        self._set_items(items)

    def _append(self, _: Any) -> None:
        value = self._stack.pop()
        self._extend([value])

    def _appends(self, _: Any) -> None:
        self._extend(self._to_mark())

    _additems = _appends

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, Inert):
            raise _DamagedError("values for what is no list")

    def _setitem(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _setitems(self, _: Any) -> None:
        self._set_items(self._to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Inert):
            return
        if not isinstance(target, dict) or len(items) % 2:
            raise _DamagedError("items for what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Tuples can be built so that hashing them takes for ever.
            plain = isinstance(key, str) or (isinstance(key, int) and abs(key) < 1 << 32)
            if plain and isinstance(key, str) and key in target:
                raise CheckpointError(f"{self.what}: the key {key[:120]!r} stands there twice")
            target[key if plain else _Opaque()] = value

    # -- names and calls ------------------------------------------------------------------------------

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._import(module, name)

    def _stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._import(module, name)

    def _import(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _DamagedError("a name that is no text")
        module = _OLD_NAMES.get(module, module)
        full = f"{module}.{name}"
        known = (
            full in _TENSORS
            or full in _DICTIONARIES
            or full in _INERT_NAMES
            or (module in ("torch", "torch.storage") and name in STORAGES.keys() | OTHER_STORAGES.keys())
            or _DTYPE.fullmatch(full) is not None
            or any(module == f or module.startswith(f"{f}.") for f in _INERT_FAMILIES)
        )
        if not known:
            raise CheckpointError(
                f"{self.what}: its pickle asks for {full[:120]!r}, which no weights need; nothing was run. "
                "If you trust it, save its state_dict again, best as safetensors"
            )
        self._stack.append(Name(full))

    def _reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(self._called(function, arguments))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        del self._stack[-1]
        self._reduce(None)

    def _inst(self, argument: str) -> None:
        arguments = tuple(self._to_mark())
        self._global(argument)
        function = self._stack.pop()
        self._stack.append(self._called(function, arguments))

    def _obj(self, _: Any) -> None:
        function, *arguments = self._to_mark()
        self._stack.append(self._called(function, tuple(arguments)))

    def _called(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise _DamagedError("a call of what is no name")
        if function.name in _DICTIONARIES:
            found: dict[Any, Any] = {}
            if arguments and isinstance(arguments[0], list):  # as protocol 0 writes an OrderedDict
                self._count(len(arguments[0]))  # one list may be given to any number of calls
                self._stack.append(found)
                self._set_items([x for pair in arguments[0] for x in _pair(pair)])
                self._stack.pop()
            return found
        if function.name.startswith("torch._utils._rebuild_parameter"):
            return arguments[0]
        if function.name in _TENSORS:
            storage, offset, shape, strides = arguments[:4]
            if function.name.endswith("_v3"):
                storage = _as_dtype(storage, arguments[6])
            elif len(arguments) > 6 and arguments[6]:
                raise CheckpointError(
                    f"{self.what}: a tensor with {_listed(arguments[6])} set, whose numbers are not those in "
                    "the file (a negated or conjugated view); save it again after resolve_neg() and "
                    "resolve_conj()"
                )
            if not isinstance(storage, Storage) or type(offset) is not int or not 0 <= offset < 1 << 48:
                raise _DamagedError("a tensor without storage")
            for sizes in (shape, strides):
                if (
                    not isinstance(sizes, tuple)
                    or len(sizes) > limits.AXES
                    or not all(type(n) is int and 0 <= n < 1 << 48 for n in sizes)
                ):
                    raise _DamagedError("a tensor whose sizes are no sizes")
            if len(shape) != len(strides):
                raise _DamagedError("a tensor with sizes and strides of two lengths")
            return View(storage, offset, shape, strides)
        return Inert(function.name)

    def _build(self, _: Any) -> None:
        """A state for the object below: metadata of a state_dict, attributes of inert objects."""
        self._stack.pop()
        if not isinstance(self._stack[-1], Inert | dict | View):
            raise _DamagedError("a state for what has none")

    def _binpersid(self, _: Any) -> None:
        """PyTorch's reference to a storage: ('storage', class, key, device, count)."""
        kind, cls, key, _, n = self._stack.pop()[:5]
        name = cls.name.rpartition(".")[2] if isinstance(cls, Name) else ""
        dtype = STORAGES.get(name) or OTHER_STORAGES.get(name, (None, 0))[0]
        counted = type(n) is int and 0 <= n < 1 << 48
        if kind != "storage" or dtype is None or not isinstance(key, str) or not counted:
            raise _DamagedError("a reference that is no storage")
        found = Storage(dtype, key, n)
        if self.storages.setdefault(key, found) != found:
            raise _DamagedError("a storage of two kinds")
        self._stack.append(found)


def _as_dtype(storage: Any, dtype: Any) -> Storage:
    """A storage of bytes as one of another dtype."""
    if not isinstance(storage, Storage) or not isinstance(dtype, Name):
        raise _DamagedError("a tensor without storage or dtype")
    name = dtype.name.removeprefix("torch.")
    known = _UNSIGNED.get(name, name)
    return Storage(known, storage.key, storage.count // ITEMSIZE.get(known, 1))


def _listed(marks: Any) -> str:
    """The keys of what PyTorch calls a tensor's metadata, few of them."""
    keys = [k[:20] for k in marks if isinstance(k, str)] if isinstance(marks, dict) else []
    return " and ".join(repr(k) for k in keys[:3]) or "marks of its own"


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise _DamagedError("an item that is no pair")
    return value[0], value[1]


_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTIES: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_IGNORED = {"FRAME"}
_PUSHES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip
