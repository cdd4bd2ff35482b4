"""The five ways to run a spec, found by name; frameworks are imported only when a side is asked for."""

import importlib.util
from functools import cache
from typing import cast

from parity.errors import UsageError, unknown

from .base import Outcome, Side, Task

__all__ = ["NAMES", "Outcome", "Side", "Task", "get", "why_not"]

NAMES = ("oracle", "torch", "mlx", "metal", "msl")
"""`oracle` and `torch` run the reference, the others the port."""

_NEEDS = {"oracle": "torch", "torch": "torch", "mlx": "mlx"}


def why_not(name: str, device: str | None = None) -> str | None:
    """Why a side cannot run here (on `device`), or None if it can.

    Raises: UsageError if there is no such side.
    """
    if name not in NAMES:
        raise UsageError(unknown("side", name, NAMES))
    package = _NEEDS.get(name)
    if package is not None and importlib.util.find_spec(package) is None:
        return f"the package {package!r} is not installed"
    return get(name).unavailable(device)


@cache
def get(name: str) -> Side:
    """The side called `name`.

    Raises: UsageError if there is none.
    """
    if name in ("oracle", "torch"):
        from .torch_side import TorchSide

        return cast(Side, TorchSide())
    if name == "mlx":
        from .mlx_side import MlxSide

        return MlxSide()
    if name in ("metal", "msl"):
        from .kernel_sides import KernelSide

        return KernelSide(name)
    raise UsageError(unknown("side", name, NAMES))
