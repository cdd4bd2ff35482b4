"""What is written down of MLX and PyTorch, against the MLX that is installed."""

import ast
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
import pytest
from mlx import nn

from parity.lint import torch_words, vocabulary
from parity.lint.promotion import NAMES, promote
from parity.lint.values import UNKNOWN

STUBS = Path(mx.__file__).parent / "core"
PARTS = ("", "random", "fft", "linalg", "fast")

# Functions that give neither arrays nor numbers.
OTHERS = frozenset(
    "default_device set_default_device set_default_stream clear_streams synchronize reset_peak_memory "
    "clear_cache save savez savez_compressed save_safetensors save_gguf eval async_eval disable_compile "
    "enable_compile export_function export_to_dot set_printoptions get_printoptions printoptions "
    "default_stream new_stream new_thread_unsafe_stream new_thread_local_stream stream device_info load "
    "depends value_and_grad grad vmap compile checkpoint custom_function import_function exporter "
    "einsum_path random.seed".split()
)


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of mlx.core in its stubs, by the name that the vocabulary has."""
    for part in PARTS:
        text = (STUBS / f"{part or '__init__'}.pyi").read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
                yield f"{part}.{node.name}" if part else node.name, node


FUNCTIONS = dict(functions())


def thing(name: str) -> object:
    """What the vocabulary means by a name."""
    found: object = mx
    for part in name.split("."):
        found = getattr(found, part)
    return found


def test_what_is_written_down_exists() -> None:
    assert [n for n in (*vocabulary.ARRAYS, *vocabulary.OTHERS) if not callable(thing(n))] == []


def test_nothing_of_mlx_is_left_out() -> None:
    known = {*vocabulary.ARRAYS, *vocabulary.OTHERS, *OTHERS}
    assert sorted(set(FUNCTIONS) - known) == []


def test_what_is_said_to_give_an_array_does() -> None:
    for name in vocabulary.ARRAYS:
        returns = FUNCTIONS[name].returns if name in FUNCTIONS else None
        if returns is not None:  # some have no stub: `array`, and aliases
            assert ast.unparse(returns).removeprefix("mlx.core.") == "array", name


def test_creations_have_their_dtype_where_it_is_said() -> None:
    """Every function with a dtype that does not take it from an array is there."""
    for name, at in vocabulary.CREATIONS.items():
        if name in FUNCTIONS:
            arguments = FUNCTIONS[name].args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
            # The stubs have two forms of arange; the longer counts.
            assert names.index("dtype") == at or name == "arange"
    with_dtype = {
        n for n, f in FUNCTIONS.items() if "dtype" in [a.arg for a in (*f.args.args, *f.args.kwonlyargs)]
    }
    from_an_array = set(
        "zeros_like ones_like empty_like full_like cumsum cumprod cumulative_sum cumulative_prod trace view "
        "astype isdtype dequantize from_fp8".split()
    )
    assert with_dtype - from_an_array <= set(vocabulary.CREATIONS)


def test_promotion() -> None:
    """As MLX adds two arrays."""
    with mx.stream(mx.cpu):
        zeros = {n: mx.zeros((1,), dtype=getattr(mx, n)) for n in NAMES}
        for a, b in itertools.product(NAMES, NAMES):
            assert mx.add(zeros[a], zeros[b]).dtype == getattr(mx, promote(a, b)), (a, b)


KINDS = [n for n, kind in vocabulary.ARRAYS.items() if kind in ("same", "float", "bool_", "uint32")]
BY_HAND = frozenset(  # they take more than one array or number
    "reshape unflatten expand_dims take take_along_axis put_along_axis moveaxis swapaxes partition "
    "argpartition topk roll broadcast_to repeat pad as_strided tile slice slice_update full_like "
    "searchsorted bitwise_invert round equal not_equal less less_equal greater greater_equal array_equal "
    "logical_and logical_or logical_xor allclose isclose hadamard_transform matrix_transpose".split()
)


NOT_OF_TRUTH = frozenset("negative".split())
"""Functions that MLX refuses for booleans."""


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int32", "bool_"])
def test_dtypes_of_results(dtype: str) -> None:
    """As MLX has them, for functions of one array."""
    x = mx.ones((2, 2), dtype=getattr(mx, dtype))
    for name in sorted(set(KINDS) - BY_HAND):
        said = vocabulary.result_dtype(name, dtype, [])
        if said and not (dtype == "bool_" and name in NOT_OF_TRUTH):
            with mx.stream(mx.cpu):
                result = thing(name)(x)  # type: ignore[operator]
            assert result.dtype == getattr(mx, said), name


def test_methods_are_those_of_an_array() -> None:
    assert {m for m in vocabulary.METHODS if not hasattr(mx.array, m)} == set()
    left = {m for m in dir(mx.array) if not m.startswith("_")} - vocabulary.METHODS
    assert left == set(
        "T mT at dtype imag item itemsize nbytes ndim real shape size split tolist".split()
    ) - {m for m in ("real", "imag") if m in vocabulary.METHODS}


def test_dtypes_and_constants() -> None:
    assert all(isinstance(getattr(mx, n), mx.Dtype) for n in vocabulary.DTYPES)
    assert {n for n in dir(mx) if isinstance(getattr(mx, n), mx.Dtype)} == set(vocabulary.DTYPES)
    assert {n for n in dir(mx) if isinstance(getattr(mx, n), float)} == set(vocabulary.CONSTANTS)


def test_nn() -> None:
    """Every layer and function of mlx.nn is known."""
    layers = {n for n in dir(nn) if inspect.isclass(getattr(nn, n)) and issubclass(getattr(nn, n), nn.Module)}
    assert layers - vocabulary.NN_LAYERS == set()
    assert vocabulary.NN_LAYERS - layers == set()
    assert {n for n in vocabulary.NN_FUNCTIONS if not callable(getattr(nn, n))} == set()
    assert {n for n in vocabulary.NN_LOSSES if not callable(getattr(nn.losses, n))} == set()
    assert vocabulary.layer_result("Module", []) == UNKNOWN


def test_what_is_said_to_be_missing_is_missing() -> None:
    """MLX grows: a name of PyTorch's that it takes over is no leftover any more."""
    assert {n for n in torch_words.METHODS if hasattr(mx.array, n)} == set()
    assert {n for n in torch_words.ATTRIBUTES if hasattr(mx.array, n)} == set()
    assert {n for n in torch_words.CORE if hasattr(mx, n)} == set()
    assert {n for n in torch_words.NN if hasattr(nn, n)} == set()
    assert {n for n in torch_words.MODULE_METHODS if hasattr(nn.Module, n)} == set()
    assert set(torch_words.TELLING) <= set(torch_words.METHODS)


def test_no_function_of_mlx_takes_a_keyword_of_pytorch() -> None:
    for name, node in FUNCTIONS.items():
        if name in vocabulary.ARRAYS:
            given = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
            assert not given & set(torch_words.KEYWORDS), name
