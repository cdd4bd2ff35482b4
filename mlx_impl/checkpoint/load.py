"""A model of the port from a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn

from mlx_impl.config import M2BertConfig
from mlx_impl.model import HEADS, BertModel
from mlx_impl.weights import Loaded, load_canonical, shown

from . import arrays
from .configuration import Configuration, determine, make
from .errors import CheckpointError
from .extend import extend_positions
from .quantized import quantize
from .raw import Raw
from .source import Source, quantization_of, read


@dataclass(frozen=True)
class Assembled:
    """A model with a checkpoint's weights, and what is known of both."""

    model: nn.Module
    source: Source
    configuration: Configuration
    loaded: Loaded
    bits: int | None = None

    @property
    def config(self) -> M2BertConfig:
        """The model's configuration."""
        return self.configuration.config

    @property
    def head(self) -> str:
        """Which model it is, a key of `HEADS`."""
        return self.source.named.head


def load(
    path: Path | str,
    *,
    config: Path | None = None,
    root: Path | None = None,
    dtype: mx.Dtype | None = None,
    length: int | None = None,
    way: str = "canonical",
    strict: bool = True,
) -> Assembled:
    """The model of a checkpoint, in any form that `read` knows, with its own configuration.

    Args:
        path: a file of weights, or a folder.
        config: a config.json; none means the one beside the weights, else the shapes tell.
        root: the folder that links may point into.
        dtype: of the weights; none keeps those of the file, which may be several.
        length: extend position tables to so many positions.
        way: how, see `extend_positions`.
        strict: whether names that do not fit are an error, or a warning.

    Raises: CheckpointError saying what is wrong with which file.
    """
    return assemble(
        read(Path(path), config=config, root=root), dtype=dtype, length=length, way=way, strict=strict
    )


def assemble(
    source: Source,
    *,
    dtype: mx.Dtype | None = None,
    length: int | None = None,
    way: str = "canonical",
    strict: bool = True,
) -> Assembled:
    """The model of a checkpoint that has been read; see `load`."""
    bad = arrays.nonfinite(source.tensors)
    if bad:
        raise CheckpointError(
            f"{source.path}: NaN or infinity in {_listed(bad)}; such weights compute nothing. "
            "Take an earlier checkpoint"
        )
    packed = quantization_of(source)
    if packed is not None and length is not None:
        raise CheckpointError(f"{source.path} is quantized: extend the original, then quantize")
    configuration = _configuration(source, packed)
    tensors = {name: arrays.to_array(raw) for name, raw in source.tensors.items()}
    if length is not None:
        tensors = extend_positions(tensors, length, way=way)
        configuration = _longer(configuration, length)
    if dtype is not None and packed is None:
        tensors = {name: arrays.cast(x, dtype) for name, x in tensors.items()}
        bad = arrays.overflowed(tensors)
        if bad:
            raise CheckpointError(
                f"{source.path}: {_listed(bad)} has values beyond the largest of "
                f"{str(dtype).split('.')[-1]}; take bfloat16 or float32"
            )
    try:
        model = build(configuration.config, source.named.head, tensors)
        if packed is not None:
            quantize(model, packed["bits"], group_size=packed["group_size"], layers=tuple(packed["layers"]))
        loaded = load_canonical(model, tensors, strict=strict)
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{source.path}: {error}") from None
    model.eval()
    return Assembled(model, source, configuration, loaded, None if packed is None else packed["bits"])


def build(config: M2BertConfig, head: str, names: Mapping[str, object]) -> nn.Module:
    """A model with initial values, which MLX does not compute before somebody looks at them."""
    if head == "model":
        return BertModel(config, add_pooling_layer=any(n.startswith("pooler.") for n in names))
    model: nn.Module = HEADS[head](config)
    return model


def _unpacked(tensors: Mapping[str, Raw], packed: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes that packed matrices had: a scale stands for a group of neighbours in a row."""
    found = {name: raw.shape for name, raw in tensors.items()}
    for layer in packed["layers"]:
        *rows, groups = found.get(f"{layer}.scales") or (0,)
        found[f"{layer}.weight"] = (*rows, groups * packed["group_size"])
    return found


def _configuration(source: Source, packed: Mapping[str, Any] | None) -> Configuration:
    shapes = {name: raw.shape for name, raw in source.tensors.items()}
    if packed is not None:
        if source.keys is None:
            raise CheckpointError(f"{source.path} is quantized and has no configuration; convert it again")
        shapes = _unpacked(source.tensors, packed)
    found = determine(str(source.path), shapes, source.keys, source.named.head)
    told_by = source.told_by or found.source
    return Configuration(found.config, told_by, found.inferred, found.assumed, tuple(source.rest))


def _longer(configuration: Configuration, length: int) -> Configuration:
    keys = configuration.config.to_dict() | {"long_conv_l_max": length}
    if configuration.config.use_positional_encodings:
        keys["max_position_embeddings"] = length
    return Configuration(
        make("the extended configuration", keys),
        configuration.source,
        configuration.inferred,
        configuration.assumed,
        configuration.ignored,
    )


def _listed(names: list[str]) -> str:
    few = ", ".join(shown(name, 120) for name in names[:5])
    return few if len(names) <= 5 else f"{few} and {len(names) - 5} more"
