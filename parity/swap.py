"""``--swap mlx_impl.ops.gelu=path/to/file.py:function``: the port with one word replaced.

Words are looked up in their namespace at every call, so a swap is one attribute set and put back.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import UsageError, unknown


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


def _load_file(text: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"--swap {text!r}: there is no file {str(path)!r}")
    name = f"parity_swap_{path.stem}"
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


def parse(text: str) -> tuple[ModuleType, str, Any]:
    """The namespace, the name in it, and what to put there.

    Raises: UsageError if anything of it does not exist, naming the nearest that does.
    """
    target, equals, where = text.partition("=")
    namespace_name, dot, name = target.rpartition(".")
    if not equals or not dot:
        raise UsageError(
            f"--swap {text!r}: expected namespace.word=path/to/file.py:function, "
            "e.g. mlx_impl.ops.gelu=fast.py:gelu"
        )
    namespace = _load(text, namespace_name)
    if not hasattr(namespace, name):
        words = getattr(namespace, "__all__", dir(namespace))
        raise UsageError(f"--swap {text!r}: " + unknown(f"word in {namespace_name}", name, words))
    outer_name = namespace_name.rpartition(".")[0]
    outer = importlib.import_module(outer_name) if outer_name else None
    if outer is not None and getattr(outer, name, None) is getattr(namespace, name):
        raise UsageError(
            f"--swap {text!r}: {name!r} is said as {outer_name}.{name}, and a swap in the file that defines "
            f"it would not be seen; swap {outer_name}.{name}"
        )
    return namespace, name, _replacement(text, where)


@contextmanager
def swapped(swaps: Sequence[str]) -> Iterator[None]:
    """Within the context every swap is in force; all are checked before the first is made."""
    parsed = [parse(text) for text in swaps]
    original = [(namespace, name, getattr(namespace, name)) for namespace, name, _ in parsed]
    for namespace, name, replacement in parsed:
        setattr(namespace, name, replacement)
    try:
        yield
    finally:
        for namespace, name, function in reversed(original):
            setattr(namespace, name, function)
