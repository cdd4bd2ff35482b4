"""Longer position tables: what the canonical loop makes, the same bits on both sides."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from torch import Tensor

from mlx_impl import checkpoint
from mlx_impl.checkpoint import CheckpointError, extend_positions
from mlx_impl.checkpoint.extend import evenly
from reference import checkpoint as of_reference

from .published import LAYOUTS

WORD = "bert.embeddings.position_embeddings.weight"
IDS = "bert.embeddings.position_ids"
Z = "bert.encoder.layer.0.attention.filter_fn.pos_emb.z"
T = "bert.encoder.layer.1.attention.filter_fn2.pos_emb.t"
DELTAS = "bert.encoder.layer.0.attention.filter_fn.modulation.deltas"


def canonical_loop(x: Tensor, times: int) -> Tensor:
    """Blocks 2 … n of a table of zeros are copies: the canonical loop, block by block."""
    n = x.shape[1]
    found = torch.zeros(1, times * n, x.shape[2])
    for k in range(2, times + 1):
        found[:, (k - 1) * n : k * n] = x
    return found


@pytest.mark.parametrize("times", [2, 4, 16])
def test_as_canonical(times: int) -> None:
    """Position by position, on the reference's side."""
    state = LAYOUTS[1].state()
    n = state[WORD].shape[0]
    found = of_reference.extend_positions(state, times * n)
    assert torch.equal(found[WORD], torch.cat([state[WORD]] * times))
    assert torch.equal(found[Z], canonical_loop(state[Z], times))
    assert torch.equal(found[IDS], torch.arange(times * n)[None])
    assert found[T].shape == (1, times * n, 1)
    assert torch.equal(found[DELTAS], state[DELTAS])
    assert torch.equal(found["cls.predictions.decoder.bias"], state["cls.predictions.decoder.bias"])


@pytest.mark.parametrize("way", ["canonical", "copies"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_sides_give_the_same_bits(way: str, dtype: torch.dtype, tmp_path: Path) -> None:
    """Time laid out anew included, which each framework's own linspace gives in other last bits."""
    state = {n: x.to(dtype) if x.is_floating_point() else x for n, x in LAYOUTS[1].state().items()}
    torch.save(state, tmp_path / "x.pt")
    made = checkpoint.convert(tmp_path / "x.pt", tmp_path / "x.safetensors", length=256, way=way)
    wanted = of_reference.extend_positions(state, 256, way=way)
    for name, raw in made.written.items():
        x = wanted[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        assert bytes(raw.data) == x, name
    assert made.assembled.config.long_conv_l_max == made.assembled.config.max_position_embeddings == 256
    longer = checkpoint.load(tmp_path / "x.safetensors")
    ids = mx.zeros((1, 256), dtype=mx.int32)
    assert longer.model(ids)["logits"].shape == (1, 256, 40)


def test_copies_fill_the_first_block() -> None:
    """The only difference between the two ways."""
    state = {Z: torch.ones(1, 8, 5), T: torch.zeros(1, 8, 1)}
    assert of_reference.extend_positions(state, 24)[Z].sum() == 2 * 8 * 5
    assert of_reference.extend_positions(state, 24, way="copies")[Z].sum() == 3 * 8 * 5


@pytest.mark.parametrize("n", [1, 2, 3, 17, 128, 2048, 8192, 32768])
def test_time(n: int) -> None:
    """From zero to one, within a unit in the last place of i/(n − 1), the same on both sides."""
    found = np.array(evenly(n, mx.float32))
    assert found.tobytes() == of_reference._evenly(n).numpy().tobytes()
    exact = np.arange(n) / max(n - 1, 1)
    assert found[0] == 0
    assert n == 1 or found[-1] == 1
    assert np.all(np.abs(found - exact) <= 2.0**-23)


@pytest.mark.parametrize("length", [7, 12, 4])
def test_no_multiple(length: int, good: Path) -> None:
    """Is an error that names the multiples, on both sides, and nothing is half done."""
    with pytest.raises(CheckpointError, match="give 8, 16, 32"):
        checkpoint.load(good, length=length)
    with pytest.raises(of_reference.CheckpointError, match="no multiple"):
        of_reference.extend_positions(LAYOUTS[1].state(), length)


def test_an_unknown_way() -> None:
    """Names the known ones."""
    with pytest.raises(CheckpointError, match="canonical, copies"):
        extend_positions({}, 8, way="stretch")
    with pytest.raises(of_reference.CheckpointError, match="canonical, copies"):
        of_reference.extend_positions({}, 8, way="stretch")
