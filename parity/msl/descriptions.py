"""One kernel and one call of it as data: a JSON file, or a Python object.

    {"name": "twice", "source": "out[thread_position_in_grid.x] = 2 * x[thread_position_in_grid.x];",
     "inputs": {"x": {"shape": [64], "dtype": "float32", "values": "normal"}},
     "outputs": {"out": {"shape": [64], "dtype": "float32"}},
     "grid": [64, 1, 1], "threadgroup": [32, 1, 1]}

``source_file`` and ``header_file`` are paths beside the description. ``values`` are a list, a number, or one
of VALUES: without any, ``normal``, and ``arange`` for integers, which are indices in most kernels. An input
may also be a number by itself. In Python an input may be an array.
"""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from parity.errors import UsageError, unknown

from .arrays import DTYPES
from .kernel import MetalKernel, metal_kernel

KEYS = (
    "name source source_file header header_file inputs outputs template grid threadgroup init_value "
    "ensure_row_contiguous atomic_outputs compile_options seed"
).split()
ARRAY_KEYS = ("shape", "dtype", "values")
VALUES: dict[str, Callable[[tuple[int, ...], Any], Any]] = {
    "normal": lambda shape, key: mx.random.normal(shape=shape, key=key),
    "uniform": lambda shape, key: mx.random.uniform(shape=shape, key=key),
    "arange": lambda shape, _key: mx.arange(_size(shape)).reshape(shape),
    "zeros": lambda shape, _key: mx.zeros(shape),
    "ones": lambda shape, _key: mx.ones(shape),
}
"""Ways to fill an input: standard normal, uniform in [0, 1), 0 1 2 …, zeros, ones."""


@dataclass(frozen=True)
class Description:
    """A kernel, and the arguments of one call."""

    kernel: MetalKernel
    call: dict[str, Any]


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _known(where: str, given: Mapping[str, Any], keys: Any) -> None:
    for key in given:
        if key not in keys:
            raise UsageError(f"{where}: " + unknown("key", key, keys))


def _need(where: str, given: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        if key not in given:
            raise UsageError(f"{where}: {key!r} is missing")


def _dtype(where: str, name: Any) -> Any:
    if isinstance(name, mx.Dtype):
        return name
    if name not in DTYPES:
        raise UsageError(f"{where}: " + unknown("dtype", str(name), DTYPES))
    return DTYPES[name]


def _input(where: str, given: Any, key: Any) -> Any:
    if not isinstance(given, Mapping):
        return given  # an array, or a number
    _known(where, given, ARRAY_KEYS)
    if "values" not in given:
        _need(where, given, "shape")
    dtype = _dtype(where, given.get("dtype", "float32"))
    values = given.get("values", "normal" if mx.issubdtype(dtype, mx.inexact) else "arange")
    if isinstance(values, str):
        if values not in VALUES:
            raise UsageError(f"{where}: " + unknown("values", values, VALUES))
        _need(where, given, "shape")
        return VALUES[values](tuple(given["shape"]), key).astype(dtype)
    if isinstance(values, int | float) and "shape" in given:
        return mx.full(tuple(given["shape"]), values).astype(dtype)
    array = mx.array(values).astype(dtype)
    return array.reshape(tuple(given["shape"])) if "shape" in given else array


def _text(where: str, given: Mapping[str, Any], key: str, folder: Path) -> str:
    if f"{key}_file" not in given:
        return str(given.get(key, ""))
    path = folder / given[f"{key}_file"]
    if not path.is_file():
        raise UsageError(f"{where}: there is no file {str(path)!r}")
    text: str = path.read_text(encoding="utf-8")
    return text


def _template(where: str, given: Any) -> list[tuple[str, Any]] | None:
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given or ())
    found = [(name, _dtype(where, v) if isinstance(v, str) else v) for name, v in pairs]
    return found or None


def parse(given: Mapping[str, Any], where: str, folder: Path) -> Description:
    """The description in a mapping. `where` is what messages call it, `folder` where its paths start.

    Raises: UsageError naming the key or value that is wrong.
    """
    _known(where, given, KEYS)
    _need(where, given, "outputs", "grid", "threadgroup")
    if "source" not in given and "source_file" not in given:
        raise UsageError(f"{where}: 'source' or 'source_file' is missing")
    inputs: Mapping[str, Any] = given.get("inputs", {})
    outputs: Mapping[str, Any] = given["outputs"]
    keys = mx.random.split(mx.random.key(int(given.get("seed", 0))), max(1, len(inputs)))
    for name, out in outputs.items():
        _known(f"{where}: output {name!r}", out, ("shape", "dtype"))
        _need(f"{where}: output {name!r}", out, "shape", "dtype")
    kernel = metal_kernel(
        name=str(given.get("name", "kernel")),
        input_names=list(inputs),
        output_names=list(outputs),
        source=_text(where, given, "source", folder),
        header=_text(where, given, "header", folder),
        ensure_row_contiguous=bool(given.get("ensure_row_contiguous", True)),
        atomic_outputs=bool(given.get("atomic_outputs", False)),
        compile_options=given.get("compile_options"),
    )
    call = {
        "inputs": [_input(f"{where}: input {n!r}", v, keys[i]) for i, (n, v) in enumerate(inputs.items())],
        "output_shapes": [tuple(o["shape"]) for o in outputs.values()],
        "output_dtypes": [_dtype(f"{where}: output {n!r}", o["dtype"]) for n, o in outputs.items()],
        "grid": tuple(given["grid"]),
        "threadgroup": tuple(given["threadgroup"]),
        "template": _template(where, given.get("template")),
        "init_value": given.get("init_value"),
    }
    return Description(kernel, call)


def load(text: str) -> Description:
    """What ``FILE.json`` or ``module:object`` (or ``path/to/file.py:object``) describes.

    The object is a mapping, or a function without arguments that returns one.

    Raises: UsageError if there is no such file or object, or if it is not a description.
    """
    if text.endswith(".json"):
        path = Path(text)
        if not path.is_file():
            raise UsageError(f"there is no file {text!r}")
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise UsageError(f"{text}: not JSON: {error}") from None
        folder = path.parent
    else:
        given, folder = _object(text)
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{text}: a description is a mapping with {', '.join(KEYS[:2])}, …, not {type(given).__name__}"
        )
    try:
        return parse(given, text, folder)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(f"{text}: {type(error).__name__}: {error}") from error


def _object(text: str) -> tuple[Any, Path]:
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise UsageError(f"{text!r} is neither FILE.json nor module:object nor path/to/file.py:object")
    try:
        module = _module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except (ImportError, OSError) as error:
        raise UsageError(f"{text}: {error}") from error
    if not hasattr(module, name):
        raise UsageError(
            f"{text}: " + unknown(f"name in {place}", name, [n for n in vars(module) if n[0] != "_"])
        )
    found = getattr(module, name)
    folder = Path(getattr(module, "__file__", None) or ".").parent
    return (found() if callable(found) else found), folder


def _module_of_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"parity_kernel_{path.stem}", path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no Python file {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
