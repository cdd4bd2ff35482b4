"""One vocabulary, and nobody looks up."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch", reason="the reference needs PyTorch")

import mlx_impl
import mlx_impl.einops
import mlx_impl.layers
import mlx_impl.model
import mlx_impl.ops
import reference
import reference.layers
import reference.ops
from parity.spec import REGISTRY

ROOT = Path(reference.ops.__file__).parents[2]
PAIRS = [
    (reference.ops, mlx_impl.ops),
    (reference.layers, mlx_impl.layers),
    (reference, mlx_impl),
]
ONLY_MLX = {"Sequential", "TiedDecoder", "CANONICAL", "FAST", "PROFILES", "STABLE", "Profile"}
ONLY_MLX |= {"unfused", "use"}
"""Parts that PyTorch brings and MLX has under other parameter paths, or not at all; and profiles."""
ONLY_THE_PORTS = {"profile", "kernel"}
"""Keyword-only arguments that say how the port computes, not what."""
PLUMBING = {
    "add", "channel_shuffle", "column_attention", "embedding", "gate", "gather_rows", "nonzero",
    "pad_features", "pad_input", "scatter_rows", "split", "unpad_input",
}  # fmt: skip
"""Words that the model needs and another port has of its own: in the namespace, not at the top."""
CORE = ("axes", "bounds", "case", "compare", "dtypes", "errors", "floor", "inputs", "record", "relations",
        "rules", "spec", "strategies", "verdict")  # fmt: skip


def _imports(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", ["reference", "mlx_impl"])
def test_nobody_looks_up(package: str) -> None:
    """Neither model knows the other or the harness; the port knows neither torch nor NumPy."""
    forbidden = {
        "reference": {"mlx_impl", "parity", "mlx"},
        "mlx_impl": {"reference", "parity", "torch", "numpy"},
    }[package]
    for path in sorted((ROOT / package).rglob("*.py")):
        assert not _imports(path) & forbidden, path


@pytest.mark.parametrize("stem", CORE)
def test_the_core_knows_no_framework(stem: str) -> None:
    """Spec, compare, verdict and record import no framework and no model."""
    found = _imports(ROOT / "parity" / f"{stem}.py")
    assert not found & {"torch", "mlx", "reference", "mlx_impl"}


def test_importing_the_harness_imports_no_framework() -> None:
    """A plugin must not cost a second in every run of pytest that it has no part in."""
    code = "import sys, parity.plugin, parity.specs, parity.cli; print(*{'torch', 'mlx'} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=["ops", "layers", "models"])
def test_twins(one: object, other: object) -> None:
    """The same names, with the same arguments in the same order, and files of the same stems."""
    names = one.__all__  # type: ignore[attr-defined]
    assert set(other.__all__) - set(names) <= ONLY_MLX  # type: ignore[attr-defined]
    assert set(names) <= set(other.__all__)  # type: ignore[attr-defined]
    for name in names:
        ours, theirs = getattr(one, name), getattr(other, name)
        if callable(ours) and ours.__module__.startswith("reference"):  # some layers are PyTorch's own
            arguments = [inspect.signature(f).parameters for f in (ours, theirs)]
            if not any(p.kind is p.VAR_POSITIONAL for p in arguments[0].values()):
                assert list(arguments[0]) == [n for n, p in arguments[1].items() if not _is_the_ports(p)]
                assert not any(_is_the_ports(p) for p in arguments[0].values())
    stems = [{p.stem for p in Path(m.__file__).parent.glob("*.py")} for m in (one, other)]  # type: ignore[attr-defined]
    # Each side reads checkpoints in its own way; the port has several ways of computing one word, and has to
    # keep MLX's convolution from nothing; on kernels its layers may say several words as one.
    own = {"weights", "checkpoint", "bounded", "profiles", "_constant"}
    own |= {"fusion", "_fft", "_gelu", "_monarch", "_product", "_reduce"}
    assert stems[0] | own == stems[1] | own


def _is_the_ports(parameter: inspect.Parameter) -> bool:
    """Whether an argument is one that only the port has: by keyword, and None by default."""
    return (
        parameter.name in ONLY_THE_PORTS
        and parameter.kind is parameter.KEYWORD_ONLY
        and parameter.default is None
    )


@pytest.mark.parametrize("package", [reference, mlx_impl])
def test_the_package_exports_words_as_they_are(package: ModuleType) -> None:
    """What stands at the top is the word of the namespace, and no word but plumbing is missing there."""
    for name in set(package.__all__) & set(package.ops.__all__):
        assert getattr(package, name) is getattr(package.ops, name)
    assert set(package.__all__) >= {*package.ops.__all__} - PLUMBING
    assert package.BlockdiagLinear is package.layers.BlockdiagLinear


def test_what_is_exported_is_documented() -> None:
    """Every function, class and module has a first line that says what it is."""
    things = {name: getattr(mlx_impl, name) for name in mlx_impl.__all__}
    asked = [n for n, x in things.items() if callable(x) or inspect.ismodule(x)]
    assert [n for n in asked if not (inspect.getdoc(things[n]) or "").strip()] == []


def test_every_word_and_layer_has_a_spec() -> None:
    """What both models say is compared."""
    targets = {spec.port.partition(":")[2] for spec in REGISTRY}
    assert set(mlx_impl.ops.__all__) <= targets
    heads = {c.__name__ for c in mlx_impl.model.HEADS.values()} if hasattr(mlx_impl.model, "HEADS") else set()
    assert heads <= targets


LIBRARY = (
    "conv1d conv1d_fft conv1d_fft_with_bias depthwise_conv1d long_conv long_conv_bidirectional fftconv "
    "relu silu gelu gelu_tanh sigmoid tanh sine "
    "safe_divide safe_log masked_softmax softmax log_softmax layer_norm l2_normalize masked_mean "
    "blockdiag_multiply BlockdiagLinear blockdiag_to_dense blockdiag_butterfly_multiply monarch_matmul "
    "monarch_conv monarch_mlp_forward "
    "positional_embedding exponential_modulation hyena_filter_forward "
    "cross_entropy mse_loss bce_with_logits"
).split()
"""What other ports import."""


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library(name: str) -> None:
    """Each is at the top of both packages, compared by a spec, and tells the same of itself on both sides."""
    assert name in mlx_impl.__all__
    ours, theirs = getattr(reference, name), getattr(mlx_impl, name)
    assert name in {spec.port.partition(":")[2] for spec in REGISTRY}
    for part in ("Shapes:", "Dtypes:", "Raises:", "Source:"):
        assert part in (inspect.getdoc(ours) or ""), part
        assert part in (inspect.getdoc(theirs) or ""), part
    first, other = ((inspect.getdoc(x) or "").partition("\n\n")[0] for x in (ours, theirs))
    assert first == other


@pytest.mark.parametrize("name", ["rearrange", "reduce", "repeat", "einsum", "pack", "unpack", "parse_shape"])
def test_einops(name: str) -> None:
    """Each is a function of ``mlx_impl.einops`` that says what it takes, gives and refuses."""
    function = getattr(mlx_impl.einops, name)
    assert name in mlx_impl.einops.__all__
    for part in ("Shapes:", "Dtypes:", "Raises:", "Source:"):
        assert part in (inspect.getdoc(function) or ""), part


@pytest.mark.parametrize("package", ["reference.ops", "mlx_impl.ops"])
def test_words_say_what_they_do(package: str) -> None:
    """Shapes, dtypes and source stand in every docstring."""
    module = sys.modules[package]
    for name in module.__all__:
        doc = inspect.getdoc(getattr(module, name)) or ""
        for part in ("Shapes:", "Dtypes:", "Source:"):
            assert part in doc, f"{package}.{name} has no {part}"


def test_every_spec_has_a_source() -> None:
    """A definition that somebody can look up."""
    assert [s.name for s in REGISTRY if not s.source] == []
