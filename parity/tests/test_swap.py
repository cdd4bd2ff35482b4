"""Swaps: what does not exist is an error before anything is changed."""

from pathlib import Path

import mlx.core as mx
import pytest

from mlx_impl import ops
from parity import sides
from parity.case import named
from parity.dtypes import FLOAT32
from parity.errors import UsageError
from parity.judge import judge
from parity.spec import REGISTRY
from parity.swap import matches, swapped, unused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mlx_impl.ops.gleu=parity.mutants.bugs.activations:gelu_tanh", "'gelu'"),
        ("mlx_impl.opps.gelu=parity.mutants.bugs.activations:gelu_tanh", "mlx_impl.opps"),
        ("mlx_impl.ops.gelu=parity.mutants.bugs.activations:gelu_tan", "'gelu_tanh'"),
        ("mlx_impl.ops.gelu=nowhere.py:gelu", "no file"),
        ("mlx_impl.ops.gelu=parity.tests.nowhere:gelu", "nowhere"),
        ("mlx_impl.ops.gelu", "expected"),
        ("mlx_impl.ops.gelu=fast.py", "not path"),
        ("mlx_impl.gelu=parity.mutants.bugs.activations:gelu_tanh", "swap mlx_impl.ops.gelu"),
        ("mlx_impl.ops.gelu.gelu=parity.mutants.bugs.activations:gelu_tanh", "swap mlx_impl.ops.gelu"),
    ],
)
def test_mistakes_are_errors(text: str, says: str) -> None:
    """And nothing is swapped, not even the right ones before."""
    before = ops.silu
    with (
        pytest.raises(UsageError, match=says),
        swapped(["mlx_impl.ops.silu=parity.mutants.bugs.structures:zeros_whatever_the_input", text]),
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


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("encoder.layer.3.mlp", "bert.encoder.layer.3.mlp", True),
        ("encoder.layer.3.mlp", "encoder.layer.3.mlp", True),
        ("layer.3.mlp", "encoder.layer.13.mlp", False),
        ("encoder.layer.3.mlp", "encoder.layer.3.mlp.wo", False),
        ("layer.*.mlp", "encoder.layer.3.mlp", True),
        ("wo.bias", "encoder.layer.0.mlp.wo.bias", True),
        ("o.bias", "encoder.layer.0.mlp.wo.bias", False),
    ],
)
def test_paths_match_from_any_of_their_parts(pattern: str, path: str, found: bool) -> None:
    """Whole parts, never pieces of a name."""
    assert matches(pattern, path) is found


OURS = """
import mlx.core as mx

def nothing(x):
    return x

def halved(module, x):
    return mx.multiply(module(x), mx.array(0.5, dtype=x.dtype))

class Halved:
    def __call__(self, x):
        return mx.multiply(self.wo(self.act(self.gated_layers(x))), mx.array(0.5, dtype=x.dtype))

def zeros(x):
    return mx.zeros_like(x)

def forgets(parameters):
    return {n: x for n, x in parameters.items() if n != "encoder.layer.1.mlp.wo.bias"}

def invents(parameters):
    return parameters | {"encoder.layer.1.mlp.wo.bais": mx.zeros(3)}
"""


@pytest.mark.parity_live
@pytest.mark.parity_slow
@pytest.mark.parametrize(
    "swap",
    [
        "encoder.layer.1.mlp.act/gelu={}:nothing",
        "layer.1.mlp={}:halved",
        "encoder.layer.*.mlp={}:Halved",
        "weights:encoder.layer.1.mlp.wo.bias={}:zeros",
        "weights={}:forgets",
    ],
)
def test_a_module_a_word_at_a_path_and_weights(swap: str, tmp_path: Path) -> None:
    """Each is red on a model, and only there; the model is right again afterwards."""
    (tmp_path / "ours.py").write_text(OURS)
    case = named(REGISTRY.get("BertModel"), "", FLOAT32)
    device = sides.get("mlx").devices()[0]
    with swapped([swap.format(tmp_path / "ours.py")]):
        assert judge(case, "mlx", device, seeds=1).status == "fail"
        assert unused() == []
    assert judge(case, "mlx", device, seeds=1).status == "pass"


@pytest.mark.parity_live
def test_what_met_nothing_is_named(tmp_path: Path) -> None:
    """A path or parameter that no model has, and a parameter that the function makes up."""
    (tmp_path / "ours.py").write_text(OURS)
    case = named(REGISTRY.get("BertModel"), "", FLOAT32)
    device = sides.get("mlx").devices()[0]
    file = tmp_path / "ours.py"
    with swapped([f"encoder.layer.1.mpl={file}:halved", f"weights:layer.1.mlp.wo.bais={file}:zeros"]):
        assert judge(case, "mlx", device, seeds=1).status == "pass"
        first, second = unused()
        assert "'encoder.layer.1.mlp'" in first
        assert "'layer.1.mlp.wo.bias'" in second
    with (
        swapped([f"weights={file}:invents"]),
        pytest.raises(UsageError, match=r"encoder\.layer\.1\.mlp\.wo\.bias"),
    ):
        judge(case, "mlx", device, seeds=1)
