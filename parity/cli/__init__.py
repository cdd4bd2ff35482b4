"""The command ``parity``."""

from .main import main

__all__ = ["main"]
