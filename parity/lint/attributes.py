"""What an attribute of a value is."""

from __future__ import annotations

from .definitions import of_layer
from .values import (
    UNKNOWN,
    Array,
    Class,
    Dtype,
    Instance,
    Layer,
    Many,
    Method,
    Name,
    Nothing,
    Number,
    Package,
    Table,
    Text,
    Value,
)
from .vocabulary import CONSTANTS, DTYPES

_CORE = "mlx.core."
_NUMBERS = ("ndim", "size", "nbytes", "itemsize")


def attribute(base: Value, name: str) -> Value:
    """``base.name``."""
    if isinstance(base, Name):
        return of_package(f"{base.dotted}.{name}")
    if isinstance(base, Array):
        return _of_array(base, name)
    if isinstance(base, Package):
        return base.module.get(name)
    if isinstance(base, Instance):
        found = base.info.attribute(name)
        return Method(base, name) if found is None else found
    if isinstance(base, Class):
        found = base.info.attribute(name)
        return UNKNOWN if found is None else found
    if isinstance(base, Layer):
        found = of_layer(base, name)
        return Method(base, name) if found == UNKNOWN else found
    if isinstance(base, Dtype) and name == "size":
        return Number("int")
    if isinstance(base, Number) and name in ("real", "imag"):
        return base
    return Method(base, name) if isinstance(base, Many | Table | Text | Method) else UNKNOWN


def _of_array(array: Array, name: str) -> Value:
    if name == "shape":
        return Many(Number("int"))
    if name in _NUMBERS:
        return Number("int")
    if name == "dtype":
        return Dtype(array.dtype)
    if name in ("T", "mT"):
        return array
    if name in ("real", "imag"):
        return Array(array.dtype if not array.dtype.startswith("complex") else "float32")
    return Method(array, name)


def of_package(dotted: str) -> Value:
    """A thing of another package by its full name."""
    if dotted.startswith(_CORE):
        name = dotted.removeprefix(_CORE)
        if name in DTYPES:
            return Dtype(name)
        if name in CONSTANTS:
            return Number("float")
        if name == "newaxis":
            return Nothing()
    if dotted in ("math.pi", "math.e", "math.tau", "math.inf", "math.nan"):
        return Number("float")
    return Name(dotted)
