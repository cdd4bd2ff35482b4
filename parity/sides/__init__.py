"""The five ways to run a spec, found by name; frameworks are imported only when a side is asked for."""

import ctypes
import importlib.util
import sys
from functools import cache
from typing import cast

from parity.errors import UsageError, unknown

from .base import Outcome, Side, Task

__all__ = ["NAMES", "Outcome", "Side", "Task", "get", "use_blas", "use_threads", "why_not"]

NAMES = ("oracle", "torch", "mlx", "metal", "msl")
"""`oracle` and `torch` run the reference, the others the port."""

_NEEDS = {"oracle": "torch", "torch": "torch", "mlx": "mlx", "metal": "mlx", "msl": "mlx"}


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


def use_threads(n: int) -> None:
    """How many threads PyTorch has. One is many times faster than two for all but whole models."""
    if why_not("torch") is None:
        import torch

        torch.set_num_threads(n)


_BLAS = "own"


def use_blas(kind: str) -> None:
    """Which BLAS MLX's CPU build gets on Linux: its ``own``, or the system's ``openblas``.

    Raises: UsageError if MLX is already loaded with another, or there is no OpenBLAS.
    """
    global _BLAS  # noqa: PLW0603 - the choice belongs to the process: a library loads once
    if kind != _BLAS and "mlx.core" in sys.modules:
        raise UsageError(f"--blas {kind}: MLX is loaded already; give it before MLX is imported")
    _BLAS = kind


def _load_openblas() -> None:
    """Put OpenBLAS before MLX's reference BLAS, fifty times slower, and behind PyTorch's own.

    PyTorch binds its BLAS at the first product of each kind; loaded before those, OpenBLAS would serve
    both sides, which would then agree to the bit and prove nothing.
    """
    if importlib.util.find_spec("torch") is not None:
        import torch

        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
            square = torch.ones(64, 64, dtype=dtype)
            torch.addmm(square[0], torch.bmm(square[None], square[None])[0], square) @ square[0]
    try:
        ctypes.CDLL("libopenblas.so.0", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise UsageError(
            f"--blas openblas: {error}; install the system's OpenBLAS (libopenblas0) or leave it out"
        ) from None


@cache
def get(name: str) -> Side:
    """The side called `name`.

    Raises: UsageError if there is none.
    """
    if name in ("oracle", "torch"):
        from .torch_side import TorchSide

        return cast(Side, TorchSide())
    if name not in NAMES:
        raise UsageError(unknown("side", name, NAMES))
    if _BLAS == "openblas":
        _load_openblas()
    if name in ("metal", "msl"):
        from .kernel_sides import MetalSide, MslSide

        return MetalSide() if name == "metal" else MslSide()
    from .mlx_side import MlxSide

    return MlxSide()
