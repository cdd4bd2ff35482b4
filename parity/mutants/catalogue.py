"""The catalogue: bugs that ports really have, each a swap of one word, module or weight.

A bug is five lines of Python, or an entry of a TOML file:

    @bug("mlx_impl.ops.gelu", seen="HF transformers #1234: tanh GELU for erf GELU")
    def gelu_tanh(x):
        return ops.gelu_tanh(x)

    [[bug]]
    name = "gelu-tanh"
    swap = "mlx_impl.ops.gelu=fast.py:gelu_tanh"
    seen = "HF transformers #1234: tanh GELU for erf GELU"
"""

import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from parity.dtypes import parse_dtype
from parity.errors import UsageError, unknown

F = TypeVar("F", bound=Callable[..., Any])

CATALOGUE = ("parity.mutants.bugs",)
"""The packages and modules of the harness's own catalogue."""


@dataclass(frozen=True)
class Bug:
    """One bug.

    Args:
        name: unique in the catalogue.
        swap: ``WHAT=WHERE`` as for ``--swap``.
        seen: where such a bug was really seen: a project's issue, a paper, a porting guide.
        dtype: the working dtype in which it shows.
        case: the model's case on which it shows (`parity.case.Case`), where the usual one does not: another
            head, a mask, another configuration.
        truth: what bisect must name, where it is not the swap's own target.
        equivalent: why no test can see it, for a change that changes nothing.
        survives: why a known blind spot lets it through, for a bug that is not killed.
    """

    name: str
    swap: str
    seen: str
    dtype: str = "float32"
    case: str = ""
    truth: str = ""
    equivalent: str = ""
    survives: str = ""

    def __post_init__(self) -> None:
        if not self.seen.strip():
            raise UsageError(f"bug {self.name!r} does not say where it was seen: give seen=")
        if "=" not in self.swap:
            raise UsageError(f"bug {self.name!r}: swap {self.swap!r} is not WHAT=WHERE")
        parse_dtype(self.dtype)

    @property
    def target(self) -> str:
        """What is swapped: a word, a path, ``path/word``, ``weights:name``."""
        return self.swap.partition("=")[0]

    @property
    def is_kernel(self) -> bool:
        """Whether it is a Metal kernel's text that is wrong; the function gives it, and the mended one."""
        return self.target.startswith("kernel:")

    @property
    def word(self) -> str:
        """The word that is swapped, everywhere or at a path; empty for modules and weights."""
        target = self.target
        if target.partition(":")[0] in ("weights", "kernel"):
            return ""
        if "/" in target:
            return target.rpartition("/")[2]
        first, _, last = target.rpartition(".")
        return last if first and importlib.util.find_spec(first.partition(".")[0]) else ""


def bug(target: str, *, seen: str, name: str = "", **more: Any) -> Callable[[F], F]:
    """Enter the decorated function into the catalogue, as what replaces `target`; see `Bug`."""

    def enter(function: F) -> F:
        module = sys.modules.get(function.__module__)
        file = getattr(module, "__file__", None) or function.__code__.co_filename
        in_package = "." in function.__module__
        where = function.__module__ if in_package else str(file)
        found = Bug(
            name or function.__name__.replace("_", "-"),
            f"{target}={where}:{function.__name__}",
            seen,
            **more,
        )
        _of(function.__globals__).append(found)
        return function

    return enter


def _of(module: dict[str, Any]) -> list[Bug]:
    found: list[Bug] = module.setdefault("_BUGS", [])
    return found


def load(sources: Iterable[str] = CATALOGUE) -> list[Bug]:
    """Every bug of some sources: modules, packages of modules, ``.py`` files, ``.toml`` files.

    Raises: UsageError if a source does not exist, an entry is wrong, or two bugs share a name.
    """
    found: dict[str, Bug] = {}
    for source in sources:
        for b in _load(source):
            if b.name in found:
                raise UsageError(
                    f"two bugs are called {b.name!r} ({found[b.name].swap}; {b.swap}): rename one"
                )
            found[b.name] = b
    return list(found.values())


def _load(source: str) -> list[Bug]:
    if source.endswith(".toml"):
        return _from_toml(Path(source))
    if source.endswith(".py"):
        return _from_module(_file(Path(source)), source)
    try:
        module = importlib.import_module(source)
    except ModuleNotFoundError as error:
        raise UsageError(f"bugs in {source!r}: {error}") from None
    inner = [importlib.import_module(f"{source}.{n}") for n in getattr(module, "__all__", ())]
    return [b for m in (module, *inner) for b in _from_module(m, source if m is module else m.__name__)]


def _from_module(module: ModuleType, source: str) -> list[Bug]:
    found = list(vars(module).get("_BUGS", ()))
    if not found and not getattr(module, "__all__", ()):
        raise UsageError(f"{source} declares no bug: decorate a function with parity.mutants.bug")
    return found


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"bugs: there is no file {str(path)!r}")
    name = f"parity_bugs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"bugs: {str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:  # whatever is wrong with the file is the answer
        del sys.modules[name]
        raise UsageError(f"bugs: {path} raises {type(error).__name__}: {error}") from error
    return module


def _from_toml(path: Path) -> list[Bug]:
    if not path.is_file():
        raise UsageError(f"bugs: there is no file {str(path)!r}")
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("bug", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"bugs: {path} is not TOML: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"bugs: {path} has no [[bug]] entry")
    return [_entry(path, e) for e in entries]


def _entry(path: Path, entry: Mapping[str, Any]) -> Bug:
    known = [f.name for f in fields(Bug)]
    for key in entry:
        if key not in known:
            raise UsageError(f"bugs: {path}: " + unknown("key", key, known))
    for key in ("name", "swap", "seen"):
        if key not in entry:
            raise UsageError(f"bugs: {path}: entry {entry.get('name', '?')!r} has no {key}")
    swap = str(entry["swap"])
    target, _, where = swap.partition("=")
    file, colon, function = where.rpartition(":")
    if colon and file.endswith(".py") and not Path(file).is_absolute():
        swap = f"{target}={path.parent / file}:{function}"  # beside the TOML file
    return Bug(**{**entry, "swap": swap})
