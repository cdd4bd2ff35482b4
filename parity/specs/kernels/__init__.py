"""The port's Metal kernels: what each is launched with, and what it may cost."""

from . import hyena, short

__all__ = ["hyena", "short"]
