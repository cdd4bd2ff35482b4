"""Runs and checks Metal kernels on any CPU.

``metal_kernel`` has the signature and the call contract of ``mx.fast.metal_kernel``; ``with installed():``
puts it in its place. A kernel's text is compiled by the platform's C++ compiler with the meaning that it has
in Metal, and run in a process of its own, with every load and store checked.
"""

from .check import CheckReport, check
from .errors import CompileError, CompilerMissingError, KernelFindingsError, LaunchError, MslError
from .findings import Finding
from .kernel import KernelWarning, MetalKernel, installed, metal_kernel, observing
from .profile import Profile, profile
from .settings import configured

__all__ = [
    "CheckReport",
    "CompileError",
    "CompilerMissingError",
    "Finding",
    "KernelFindingsError",
    "KernelWarning",
    "LaunchError",
    "MetalKernel",
    "MslError",
    "Profile",
    "check",
    "configured",
    "installed",
    "metal_kernel",
    "observing",
    "profile",
]
