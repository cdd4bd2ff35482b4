"""``--swap WHAT=WHERE``: the port with something in it replaced.

    mlx_impl.ops.gelu=fast.py:gelu               a word, wherever it is said
    encoder.layer.3.mlp/gelu=fast.py:gelu        a word, where that module says it
    encoder.layer.3.mlp=fast.py:Mlp              a module: f(module, *arguments), or a class's call
    weights:encoder.layer.*.wo.bias=w.py:f       parameters after loading: f(array) → array
    weights=w.py:f                               all of them: f({name: array}) → {name: array}

A path may leave out its beginning (``layer.3.mlp``) and have ``*`` and ``?`` in it. A parameter that the
function of all parameters leaves out stays at its initial value.
"""

import fnmatch
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import UsageError, unknown

WHAT = (
    "expected WHAT=path/to/file.py:function, where WHAT is a word (mlx_impl.ops.gelu), a module's path "
    "(encoder.layer.3.mlp), a word at a path (encoder.layer.3.mlp/gelu), weights, or weights:NAME"
)


@dataclass(eq=False)
class AtPath:
    """A replacement for modules, or for a word said by modules, whose path matches."""

    text: str
    path: str
    word: str
    function: Callable[..., Any]
    used: bool = False
    seen: set[str] = field(default_factory=set, repr=False)

    def takes(self, path: str, word: str) -> bool:
        """Whether the call at a path is replaced; remembers that it was asked."""
        if word == self.word and path:
            self.seen.add(path)
        found = word == self.word and matches(self.path, path)
        self.used |= found
        return found


@dataclass(eq=False)
class OfWeights:
    """A function of parameters, all or those whose name matches."""

    text: str
    name: str
    function: Callable[..., Any]
    used: bool = False
    seen: set[str] = field(default_factory=set, repr=False)

    def __call__(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parameters as the function has them.

        Raises: UsageError if it makes one that is not there.
        """
        self.seen |= set(parameters)
        if not self.name:
            after = dict(self.function(dict(parameters)))
            extra = set(after) - set(parameters)
            if extra:
                raise UsageError(
                    f"--swap {self.text!r} makes the " + unknown("parameter", min(extra), parameters)
                )
            self.used = True
            return after
        found = [n for n in parameters if matches(self.name, n)]
        self.used |= bool(found)
        return {n: self.function(x) if n in found else x for n, x in parameters.items()}


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern names a path, from its beginning or from any of its parts on."""
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*.{pattern}")


class AtPaths:
    """The replacements in force at paths; the last that matches a call is the one."""

    def __init__(self, swaps: Sequence[AtPath]) -> None:
        self._swaps = swaps

    def __bool__(self) -> bool:
        return bool(self._swaps)

    def module(self, path: str) -> Callable[..., Any] | None:
        """What to call with a module and its arguments in place of the module, if anything."""
        return self._find(path, "")

    def word(self, path: str, word: str) -> Callable[..., Any] | None:
        """What to call in place of a word, if anything."""
        return self._find(path, word)

    def _find(self, path: str, word: str) -> Callable[..., Any] | None:
        found = [s for s in self._swaps if s.takes(path, word)]
        return found[-1].function if found else None


_IN_FORCE: list[AtPath | OfWeights] = []
"""Swaps that are not one attribute of a namespace: the side that loads and calls modules asks for them."""


def at_paths() -> AtPaths:
    """The replacements in force at paths."""
    return AtPaths([s for s in _IN_FORCE if isinstance(s, AtPath)])


def of_weights() -> list[OfWeights]:
    """The functions of parameters in force."""
    return [s for s in _IN_FORCE if isinstance(s, OfWeights)]


def applied() -> set[str]:
    """The swaps in force, by their text, that met what they replace."""
    return {s.text for s in _IN_FORCE if s.used}


def unused(applied_elsewhere: Collection[str] = ()) -> list[str]:
    """A message for each swap in force that met nothing, with the nearest that there was."""
    messages = []
    for s in _IN_FORCE:
        if s.used or s.text in applied_elsewhere:
            continue
        if isinstance(s, OfWeights):
            what, name = "parameter", s.name
        else:
            what, name = ("module", s.path) if not s.word else (f"module that says {s.word!r}", s.path)
        if not s.seen:
            messages.append(f"--swap {s.text!r} met nothing: no {what} was run")
            continue
        messages.append(f"--swap {s.text!r} met nothing: " + unknown(what, name, _short(s.seen, name)))
    return messages


def _short(paths: set[str], like: str) -> list[str]:
    """Paths with as many of their last parts as a pattern has."""
    n = like.count(".") + 1
    return sorted({".".join(p.split(".")[-n:]) for p in paths} | paths)


def _replacement(text: str, where: str) -> Any:
    """The function that ``path.py:name`` or ``package.module:name`` names.

    Raises: UsageError if the file, module or name does not exist.
    """
    location, colon, name = where.rpartition(":")
    if not colon or not location or not name:
        raise UsageError(
            f"--swap {text!r}: {where!r} is not path/to/file.py:function or package.module:function"
        )
    module = _load_file(text, Path(location)) if location.endswith(".py") else _load(text, location)
    if not hasattr(module, name):
        public = [n for n in dir(module) if not n.startswith("_")]
        raise UsageError(f"--swap {text!r}: " + unknown(f"name in {location}", name, public))
    return getattr(module, name)


def _name_of_file(path: Path) -> str:
    """Two files may have one name in two folders."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"parity_swap_{path.stem}_{digest}"


def module_of_file(path: Path) -> ModuleType | None:
    """The module that a file was loaded as, if it was."""
    return sys.modules.get(_name_of_file(path))


def _load_file(text: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"--swap {text!r}: there is no file {str(path)!r}")
    name = _name_of_file(path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"--swap {text!r}: {str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever is wrong with the file is the answer
        del sys.modules[name]
        raise UsageError(f"--swap {text!r}: {path} raises {type(error).__name__}: {error}") from error
    return module


def _load(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(f"--swap {text!r}: {error}") from None


@dataclass(frozen=True)
class InNamespace:
    """A replacement for one attribute of a namespace."""

    namespace: ModuleType
    name: str
    function: Any


def parse(text: str) -> InNamespace | AtPath | OfWeights:
    """What a swap replaces, and by what.

    Raises: UsageError if anything of it does not exist, naming the nearest that does.
    """
    target, equals, where = text.partition("=")
    if not equals or not target:
        raise UsageError(f"--swap {text!r}: {WHAT}")
    if target == "weights" or target.startswith("weights:"):
        return OfWeights(text, target.partition(":")[2], _replacement(text, where))
    if "/" in target:
        path, _, word = target.rpartition("/")
        if not path or not word:
            raise UsageError(f"--swap {text!r}: {WHAT}")
        return AtPath(text, path, word, _replacement(text, where))
    first = target.partition(".")[0]
    if not _importable(first):
        function = _replacement(text, where)
        if isinstance(function, type):  # the call of a class, on the module that is there
            function = function.__call__
        return AtPath(text, target, "", function)
    return _in_namespace(text, target, where)


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _said_in(function: Any, name: str) -> str | None:
    """The package around the file that defines a function, if it has the function too: others say it there.

    Not the file itself, nor a package further up that hands the function on.
    """
    package = str(getattr(function, "__module__", "") or "").rpartition(".")[0]
    module = sys.modules.get(package)
    return package if module is not None and getattr(module, name, None) is function else None


def _in_namespace(text: str, target: str, where: str) -> InNamespace:
    namespace_name, dot, name = target.rpartition(".")
    if not dot:
        raise UsageError(f"--swap {text!r}: {WHAT}")
    namespace = _load(text, namespace_name)
    if not hasattr(namespace, name):
        words = getattr(namespace, "__all__", dir(namespace))
        raise UsageError(f"--swap {text!r}: " + unknown(f"word in {namespace_name}", name, words))
    said = _said_in(getattr(namespace, name), name)
    if said is not None and said != namespace_name:
        raise UsageError(
            f"--swap {text!r}: {name!r} is said as {said}.{name}, and a swap of {target} would not be seen; "
            f"swap {said}.{name}"
        )
    return InNamespace(namespace, name, _replacement(text, where))


@contextmanager
def swapped(swaps: Sequence[str]) -> Iterator[None]:
    """Within the context every swap is in force; all are checked before the first is made."""
    parsed = [parse(text) for text in swaps]
    attributes = [s for s in parsed if isinstance(s, InNamespace)]
    others = [s for s in parsed if not isinstance(s, InNamespace)]
    original = [(s.namespace, s.name, getattr(s.namespace, s.name)) for s in attributes]
    for s in attributes:
        setattr(s.namespace, s.name, s.function)
    _IN_FORCE.extend(others)
    try:
        yield
    finally:
        for other in others:
            _IN_FORCE.remove(other)
        for namespace, name, function in reversed(original):
            setattr(namespace, name, function)
