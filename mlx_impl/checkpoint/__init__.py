"""Checkpoints of M2-BERT: read without running anything in them, verified, written whole or not at all."""

from .configuration import Configuration
from .convert import Conversion, convert, describe
from .errors import CheckpointError
from .extend import extend_positions
from .hub import download
from .load import Assembled, assemble, load
from .quantized import Quantization, quantize
from .raw import Raw
from .source import Source, read

__all__ = [
    "Assembled",
    "CheckpointError",
    "Configuration",
    "Conversion",
    "Quantization",
    "Raw",
    "Source",
    "assemble",
    "convert",
    "describe",
    "download",
    "extend_positions",
    "load",
    "quantize",
    "read",
]
