"""Layers with weights of four or eight bits, and a model made of them.

A group of `group_size` neighbours in a row shares a scale and a bias: w ≈ scale·q + bias with an integer q.
MLX's own ``nn.quantize`` knows neither block-diagonal matrices nor a table that is shared with the decoder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx import nn

from mlx_impl.layers import BlockdiagLinear, Embedding, Linear, TiedDecoder
from mlx_impl.ops._check import require_rows

from .errors import CheckpointError

BITS = (8, 4)
GROUP_SIZES = (32, 64, 128)


class _Packed(nn.Module):
    """A quantized matrix in MLX's affine mode: packed integers, scales and biases."""

    def __init__(self, weight: mx.array, group_size: int, bits: int) -> None:
        super().__init__()
        self.group_size = group_size
        self.bits = bits
        self.weight, self.scales, self.biases = mx.quantize(weight, group_size=group_size, bits=bits)

    def _times(self, x: mx.array) -> mx.array:
        """x·Wᵀ."""
        return mx.quantized_matmul(
            x, self.weight, self.scales, self.biases,
            transpose=True, group_size=self.group_size, bits=self.bits,
        )  # fmt: skip


class QuantizedLinear(_Packed):
    """y = x·Wᵀ + b.

    Shapes: x: (..., i) → (..., o); W: (o, i) packed, bias: (o,).
    """

    def __init__(self, layer: Linear, group_size: int, bits: int) -> None:
        super().__init__(layer.weight, group_size, bits)
        self.bias = layer.bias

    def __call__(self, x: mx.array) -> mx.array:
        y = self._times(x)
        return y if self.bias is None else mx.add(y, self.bias)


class QuantizedBlockdiagLinear(_Packed):
    """y = B·x + b with a block-diagonal B.

    Shapes: x: (..., i) → (..., o); B: (k, ⌈o/k⌉, ⌈i/k⌉) packed, bias: (o,).
    """

    def __init__(self, layer: BlockdiagLinear, group_size: int, bits: int) -> None:
        super().__init__(layer.weight, group_size, bits)
        self.bias = layer.bias
        self.out_features = layer.out_features
        self.blocks, self.outputs, self.inputs = layer.weight.shape

    def __call__(self, x: mx.array) -> mx.array:
        *outer, i = x.shape
        extended = self.blocks * self.inputs
        if i < extended:
            x = mx.pad(x, [(0, 0)] * len(outer) + [(0, extended - i)])
        x = mx.swapaxes(mx.reshape(x, (-1, self.blocks, self.inputs)), 0, 1)  # (k, n, ⌈i/k⌉)
        y = mx.swapaxes(self._times(x), 0, 1)  # (n, k, ⌈o/k⌉)
        y = mx.reshape(y, (*outer, self.blocks * self.outputs))[..., : self.out_features]
        return y if self.bias is None else mx.add(y, self.bias)


class QuantizedEmbedding(_Packed):
    """Rows of a table.

    Shapes: ids: any → (*ids.shape, d); the table: (n, d) packed.
    Raises: ValueError if an id is not in [0, n).
    """

    def __init__(self, layer: Embedding, group_size: int, bits: int) -> None:
        super().__init__(layer.weight, group_size, bits)

    def __call__(self, ids: mx.array) -> mx.array:
        require_rows("ids", ids, self.weight.shape[0], "the table has (check the vocabulary)")
        return mx.dequantize(
            self.weight[ids], self.scales[ids], self.biases[ids],
            group_size=self.group_size, bits=self.bits,
        )  # fmt: skip

    def as_linear(self, x: mx.array) -> mx.array:
        """x·Eᵀ."""
        return self._times(x)


class QuantizedTiedDecoder(nn.Module):
    """x·Eᵀ + b with the quantized table E of the word embeddings.

    Shapes: x: (..., d) → (..., vocabulary).
    """

    def __init__(self, layer: TiedDecoder, table: QuantizedEmbedding) -> None:
        super().__init__()
        self._embedding = (table,)  # in a tuple MLX does not see it as a child
        self.bias = layer.bias

    def __call__(self, x: mx.array) -> mx.array:
        return mx.add(self._embedding[0].as_linear(x), self.bias)


_TWINS: dict[type[nn.Module], Any] = {
    Linear: QuantizedLinear,
    BlockdiagLinear: QuantizedBlockdiagLinear,
    Embedding: QuantizedEmbedding,
}


@dataclass(frozen=True)
class Quantization:
    """Which layers have packed weights, and which have not and why."""

    bits: int
    group_size: int
    layers: tuple[str, ...]
    kept: dict[str, str]


def quantize(
    model: nn.Module, bits: int, *, group_size: int = 64, layers: tuple[str, ...] | None = None
) -> Quantization:
    """Replace matrices of a model by packed ones, in place.

    The networks of the long filters stay: their values go through sin(10·x) and into every position, and
    they are a hundredth of the weights. So do norms, biases, short filters and tables of time.

    Args:
        layers: those to replace by path; none means all that can be.

    Raises: CheckpointError if bits or group size are none that MLX has, or a layer cannot be replaced.
    """
    if bits not in BITS or group_size not in GROUP_SIZES:
        raise CheckpointError(
            f"{bits} bits in groups of {group_size}: bits may be {BITS}, groups {GROUP_SIZES}"
        )
    kept: dict[str, str] = {}
    done: list[str] = []
    tables: dict[int, QuantizedEmbedding] = {}
    for path, parent, key, layer in list(_places(model)):
        if isinstance(layer, TiedDecoder):
            table = tables.get(id(layer._embedding[0]))
            if table is not None:
                parent[key] = QuantizedTiedDecoder(layer, table)
            continue
        reason = _why_not(path, layer, group_size)
        if layers is not None and path not in layers:
            continue
        if reason:
            kept[path] = reason
            continue
        parent[key] = twin = _TWINS[type(layer)](layer, group_size, bits)
        done.append(path)
        if isinstance(layer, Embedding):
            tables[id(layer)] = twin
    if layers is not None and set(done) != set(layers):
        missing = sorted(set(layers) - set(done))
        raise CheckpointError(f"{missing[0][:120]!r} cannot be quantized in {type(model).__name__}")
    return Quantization(bits, group_size, tuple(done), kept)


def _why_not(path: str, layer: nn.Module, group_size: int) -> str:
    if ".implicit_filter" in path:
        return "a network of a long filter, on which every position depends"
    rows, columns = layer.weight.shape[-2:]
    if columns % group_size:
        return f"rows of {columns}, which groups of {group_size} do not divide"
    return f"only {rows} rows" if rows < 8 else ""


def _places(module: nn.Module, path: str = "") -> Iterator[tuple[str, Any, Any, nn.Module]]:
    """Every layer that has a twin, and tied decoders, with path, owner and key; tables come first."""
    for name, child in module.items():
        members: Any = list(enumerate(child)) if isinstance(child, list) else [(None, child)]
        for index, member in members:
            if not isinstance(member, nn.Module):
                continue
            base = ".".join(str(p) for p in (path, name, index) if p not in ("", None))
            if type(member) in _TWINS or isinstance(member, TiedDecoder):
                yield base, *((module, name) if index is None else (child, index)), member
            else:
                yield from _places(member, base)
