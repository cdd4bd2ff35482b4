"""What a run ran on: everything that may change a number, recorded in every report."""

import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from . import numerics, sides
from .settings import PORT_SIDES

PACKAGES = (
    "mlx",
    "mlx-cpu",
    "mlx-metal",
    "torch",
    "numpy",
    "ml_dtypes",
    "safetensors",
    "hypothesis",
    "pytest",
)

# Prefixes of environment variables that change numerics or the number of threads.
_VARIABLES = re.compile(
    r"^(MLX_|PARITY_|OMP_|MKL_|OPENBLAS_|BLIS_|VECLIB_|TORCH_|PYTORCH_|NVIDIA_TF32|CUBLAS_|ATEN_|"
    r"KMP_|DNNL_|ONEDNN_|METAL_)"
)


def environment() -> dict[str, Any]:
    """Machine, versions, sides, libraries and variables."""
    return {
        "machine": _machine(),
        "python": platform.python_version(),
        "packages": _packages(),
        "sides": {name: _side(name) for name in sides.NAMES},
        "blas": loaded_blas(),
        "numerics": numerics.current(),
        "variables": {k: v for k, v in sorted(os.environ.items()) if _VARIABLES.match(k)},
        "revision": _revision(),
    }


def environment_class(side: str, device: str) -> str:
    """What must be equal for two figures to be comparable: side, device, chip, libraries, profile."""
    chosen = numerics.current()
    other = side in PORT_SIDES and chosen != numerics.NAMES[0]
    return _environment_class(side, device) + (f" numerics {chosen}" if other else "")


@cache
def _environment_class(side: str, device: str) -> str:
    for name in ("torch", "mlx"):  # the libraries in the process are part of the answer: load them first
        if sides.why_not(name) is None:
            sides.get(name)
    packages = _packages()
    blas = "+".join(loaded_blas()) or "unknown"
    vectors = ""
    if "torch" in sys.modules:  # its sums are split by the width of the processor's vectors
        vectors = " " + str(sys.modules["torch"].backends.cpu.get_cpu_capability())
    return (
        f"{side}/{device} {platform.system()}-{platform.machine()} {_processor()}{vectors} "
        f"mlx {packages.get('mlx', 'none')} torch {packages.get('torch', 'none')} blas {blas}"
    )


def _side(name: str) -> dict[str, Any]:
    reason = sides.why_not(name)
    return {"unavailable": reason} if reason else sides.get(name).describe()


def _machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """The name of the chip, as well as the system tells it."""
    if sys.platform == "darwin":
        try:
            return subprocess.run(
                ["sysctl", "-n", "machdep.cpu.brand_string"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(errors="replace"), re.MULTILINE)
        if found:
            return found.group(1).strip()
    return platform.processor()


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def loaded_blas() -> list[str]:
    """The linear-algebra libraries in this process, by file name (Linux; elsewhere unknown)."""
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        return ["Accelerate"] if sys.platform == "darwin" else []
    pattern = re.compile(r"(lib(?:openblas|blas|blis|mkl_rt|mkl_core|torch_cpu)[^/ ]*\.so[^/ ]*)")
    names = set()
    for line in maps.read_text(errors="replace").splitlines():
        found = pattern.search(line)
        if found:
            names.add(found.group(1))
    return sorted(names)


def _revision() -> str | None:
    """The commit of the project that runs, marked if its files were changed; None outside git."""
    root = Path(__file__).resolve().parent.parent
    try:
        return (
            subprocess.run(
                ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            ).stdout.strip()
            or None
        )
    except (OSError, subprocess.SubprocessError):
        return None
