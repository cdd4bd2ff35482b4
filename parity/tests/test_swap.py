"""Swaps: what does not exist is an error before anything is changed."""

from pathlib import Path

import mlx.core as mx
import pytest

from mlx_impl import ops
from parity.errors import UsageError
from parity.swap import swapped


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mlx_impl.ops.gleu=parity.tests.bugs:gelu_tanh", "'gelu'"),
        ("mlx_impl.opps.gelu=parity.tests.bugs:gelu_tanh", "mlx_impl.opps"),
        ("mlx_impl.ops.gelu=parity.tests.bugs:gelu_tan", "'gelu_tanh'"),
        ("mlx_impl.ops.gelu=nowhere.py:gelu", "no file"),
        ("mlx_impl.ops.gelu=parity.tests.nowhere:gelu", "nowhere"),
        ("mlx_impl.ops.gelu", "expected"),
        ("mlx_impl.ops.gelu=fast.py", "not path"),
        ("mlx_impl.ops.gelu.gelu=parity.tests.bugs:gelu_tanh", "swap mlx_impl.ops.gelu"),
    ],
)
def test_mistakes_are_errors(text: str, says: str) -> None:
    """And nothing is swapped, not even the right ones before."""
    before = ops.silu
    with (
        pytest.raises(UsageError, match=says),
        swapped(["mlx_impl.ops.silu=parity.tests.bugs:constant", text]),
    ):
        pytest.fail("the swap was made")
    assert ops.silu is before


def test_a_broken_file_says_what_it_raises(tmp_path: Path) -> None:
    """A mistake in the user's file is not a traceback of ours."""
    (tmp_path / "broken.py").write_text("def gelu(x)\n    return x\n")
    with (
        pytest.raises(UsageError, match="SyntaxError"),
        swapped([f"mlx_impl.ops.gelu={tmp_path / 'broken.py'}:gelu"]),
    ):
        pytest.fail("the swap was made")


def test_a_file_is_loaded_and_put_back(tmp_path: Path) -> None:
    """The word is another one inside, the old one after, also after an exception."""
    (tmp_path / "fast.py").write_text("def gelu(x):\n    return 'fast'\n")
    before = ops.gelu
    with swapped([f"mlx_impl.ops.gelu={tmp_path / 'fast.py'}:gelu"]):
        assert str(ops.gelu(mx.zeros(1))) == "fast"
    assert ops.gelu is before
    with pytest.raises(RuntimeError), swapped([f"mlx_impl.ops.gelu={tmp_path / 'fast.py'}:gelu"]):
        raise RuntimeError
    assert ops.gelu is before
