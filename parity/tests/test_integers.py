"""What words do with integers and booleans where real numbers are wanted: both sides refuse, or neither."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the reference needs PyTorch")
pytest.importorskip("mlx.core", reason="the port needs MLX")

import parity.specs  # noqa: F401  # fills the registry
from parity import sides
from parity.case import named
from parity.dtypes import FLOAT32, is_floating
from parity.judge import task_of
from parity.sides import Task
from parity.spec import REGISTRY, OpSpec

WORDS = [s.name for s in REGISTRY._specs.values() if isinstance(s, OpSpec) and "mlx_impl.ops" in s.port]
MOVES = frozenset(
    "blockdiag_to_dense channel_shuffle embedding gather_rows pad_features pad_input scatter_rows split "
    "unpad_input bidirectional_kernel".split()
)
"""Words that compute nothing, and take numbers of any kind."""


def _answer(side: str, task: Task) -> str:
    """The refusal up to the dtype, which the sides call by two names; nothing if there is none."""
    try:
        sides.get(side).call_raw(task)
    except ValueError as error:
        return str(error).partition(" has dtype ")[0].partition(" is ")[0]
    return ""


@pytest.mark.parametrize("word", WORDS)
def test_both_sides_refuse_or_neither(word: str) -> None:
    """A product of integers and floats would be promoted here and refused there: said is which it is."""
    spec = REGISTRY._specs[word]
    assert isinstance(spec, OpSpec)
    task = task_of(named(spec, next(iter(spec.cases)), FLOAT32, seed=0), 0)
    for name, x in task.inputs.items():
        if not is_floating(x):
            continue
        for dtype in (np.int32, np.bool_):
            changed = replace(task, inputs={**task.inputs, name: (np.asarray(x) > 0).astype(dtype)})
            said = [_answer(side, changed) for side in ("torch", "mlx")]
            assert said[0] == said[1], (name, dtype, said)
            assert (word in MOVES) <= (said[0] == ""), (name, said)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"])
def test_ids_of_any_integers(dtype: str) -> None:
    """PyTorch itself looks up by int32 and int64 alone."""
    import mlx.core as mx
    import torch

    import mlx_impl
    import reference

    ids, table = np.array([[3, 0], [1, 3]]).astype(dtype), np.eye(4, dtype=np.float32)
    there = reference.ops.embedding(torch.from_numpy(ids), torch.from_numpy(table))
    here = mlx_impl.ops.embedding(mx.array(ids), mx.array(table))
    assert np.array_equal(there.numpy(), table[ids])
    assert np.array_equal(np.array(here), table[ids])
