"""The einops package's own operation tests, as it ships them, with our functions in place of its own.

They are loaded from the installed package and run two ways. ``alone``: every array, NumPy's and PyTorch's
too, goes through our functions, by way of MLX and back; what is expected is what the test itself computes.
``beside``: the package's loop over backends has MLX, whose arrays go through our functions, and what is
expected is what the package gives for NumPy's.
"""

import importlib.util
import os
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import einops as ours
from mlx_impl.einops.parse import fault, parse

torch = pytest.importorskip("torch", reason="some of the package's tests use PyTorch's tensors")
theirs = pytest.importorskip("einops", reason="the tests are its own: pip install -e '.[dev]'")

FILES = (
    "test_ops",
    "test_packing",
    "test_einsum",
    "test_examples",
    "test_other",
    "test_parsing",
    "test_layers",
)
WORDS = ("rearrange", "reduce", "repeat", "einsum", "pack", "unpack", "parse_shape")

_SYMBOLIC = "MLX has no symbolic arrays"
_ARRAY_API = "of the package's functions for any array of the array API, which ours do not replace"
_BACKEND = "of the package's backend classes, not of an operation"
_COMPILE = "of torch.compile; ours inside mx.compile: test_transformations in each file here"
_LAYER = "of the package's layers for other frameworks"

NOT_OPERATIONS = {
    "test_ops": {
        "test_rearrange_array_api": _ARRAY_API,
        "test_reduce_array_api": _ARRAY_API,
        "test_repeat_array_api": _ARRAY_API,
        "test_reduction_symbolic": _SYMBOLIC,
        "test_repeat_symbolic": _SYMBOLIC,
        "test_tiling_symbolic": _SYMBOLIC,
        "test_tiling_imperatives": _BACKEND,
        "test_enumerating_directions": "of a helper of the package for coordinates, which no operation uses",
        "test_gradients_imperatives": "reads x.grad, which MLX has not; ours: test_gradients in each file",
        "test_torch_compile_with_dynamic_shape": _COMPILE,
    },
    "test_packing": {"test_pack_unpack_array_api": _ARRAY_API},
    "test_einsum": {"test_layer": _LAYER, "test_functional_symbolic": _SYMBOLIC},
    "test_examples": {},
    "test_other": {
        "test_doctests_examples": "of the package's docstrings",
        "test_backends_installed": _BACKEND,
        "test_is_float_type": _BACKEND,
        "test_optimize_transformations_numpy": "of a helper inside the package's own recipes",
        "test_parse_shape_symbolic": _SYMBOLIC,
        "test_parse_shape_symbolic_ellipsis": _SYMBOLIC,
        "test_torch_compile_for_functions": _COMPILE,
        "test_torch_compile_for_layers": _COMPILE,
        "test_einops_threading": "runs a script that imports the package; ours: test_threads in test_plan.py",
    },
    "test_parsing": {
        "test_anonymous_axes": "of a class inside the package's parser",
        "test_parse_expression": "of fields inside the package's parser; ours: test_parse.py",
    },
    "test_layers": {"*": _LAYER},
}
"""The package's tests that our functions cannot pass or fail, and why. All others are run."""

BESIDE = {
    "test_ops": (
        "test_ellipsis_ops_imperative", "test_reduction_imperatives", "test_reduction_stress_imperatives",
        "test_concatenations_and_stacking", "test_repeat_imperatives", "test_reduction_imperatives_booleans",
    ),
    "test_packing": ("test_pack_unpack_against_numpy",),
    "test_einsum": ("test_functional",),
    "test_examples": ("test_rearrange_examples",),
    "test_other": (
        "test_parse_shape_imperative", "test_underscore", "test_underscore_one", "test_underscore_several",
        "test_repeating", "test_ellipsis", "test_parse_with_anonymous_axes", "test_failures",
    ),
}  # fmt: skip
"""Those that loop over backends."""


class Bound:
    """Our functions for the arrays of a test; `calls` counts how often one of ours was called."""

    def __init__(self, alone: bool) -> None:
        self.alone = alone
        self.calls = 0

    def word(self, name: str) -> Callable[..., Any]:
        """Our function of that name, or the package's where an array is not for ours."""
        mine, original = getattr(ours, name), getattr(theirs, name)

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            kinds = {type(x) for arg in args for x in (arg if isinstance(arg, list) else [arg])}
            foreign = kinds & {np.ndarray, torch.Tensor}
            if foreign and not self.alone:
                return original(*args, **kwargs)
            self.calls += 1
            with mx.stream(mx.cpu):  # where MLX has float64
                found = mine(*map(_inward, args), **{k: _inward(x) for k, x in kwargs.items()})
                return (
                    _outward(found, torch.Tensor if torch.Tensor in foreign else np.ndarray)
                    if foreign
                    else found
                )

        return call


def _inward(x: Any) -> Any:
    """What is handed to ours: arrays of MLX, and functions that see the arrays that they are written for."""
    if isinstance(x, list):
        return [_inward(i) for i in x]
    if isinstance(x, torch.Tensor):
        x = x.detach().numpy()
    if isinstance(x, np.ndarray):
        x = x.copy(order="C")  # MLX takes none with negative strides
        return mx.array(x, dtype=getattr(mx, x.dtype.name if x.dtype != bool else "bool_"))
    if callable(x):
        return lambda a, axes: _inward(np.asarray(x(np.array(a), axes)))
    return x


def _outward(x: Any, kind: type) -> Any:
    """What a test gets back: arrays of the kind that it handed over."""
    if isinstance(x, list | tuple):
        # The sizes that `pack` returns are tuples in a list, and stay.
        return type(x)(_outward(i, kind) for i in x) if any(_holds_arrays(i) for i in x) else x
    if isinstance(x, mx.array):
        found = np.array(x)
        return torch.from_numpy(found) if kind is torch.Tensor else found
    return x


def _holds_arrays(x: Any) -> bool:
    return isinstance(x, mx.array) or (isinstance(x, list | tuple) and any(_holds_arrays(i) for i in x))


class Expression:
    """Our parser by the name and the two questions that the package's test of its own asks."""

    def __init__(self, text: str) -> None:
        parse(text)

    @staticmethod
    def check_axis_name(name: str) -> bool:
        """Whether it may name an axis."""
        return fault(name) is None


def _backends(alone: bool) -> Callable[..., list[Any]]:
    """What the package's tests loop over."""
    from einops import _backends as known

    def collect(symbolic: bool = False, layers: bool = False) -> list[Any]:
        if symbolic or layers:
            return []
        kind: Any = known.NumpyBackend if alone else known.MLXBackend
        return [kind()]

    return collect


@contextmanager
def loaded(stem: str, alone: bool, seed: int = 0) -> Iterator[tuple[types.ModuleType, Bound]]:
    """One file of the package's tests, a copy of its own, with our functions in it."""
    bound = Bound(alone)
    with mock.patch.dict(os.environ, EINOPS_TEST_BACKENDS="numpy,torch,mlx"):
        import einops.tests as package

        with (
            mock.patch.object(package, "collect_test_backends", _backends(alone)),
            mock.patch.object(package, "is_backend_tested", lambda name: name in ("numpy", "torch")),
        ):
            file = Path(str(package.__file__)).with_name(f"{stem}.py")
            spec = importlib.util.spec_from_file_location(f"einops.tests._bound_{stem}", file)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            replaced: dict[str, Any] = {name: bound.word(name) for name in WORDS}
            # Some tests compare both packages' refusals: either is right where theirs is asked for.
            replaced["EinopsError"] = ours.EinopsError if alone else (ours.EinopsError, theirs.EinopsError)
            replaced["ParsedExpression"] = Expression
            replaced["rng"] = np.random.default_rng(seed)
            replaced["imp_op_backends"] = replaced["_IMPERATIVE_BACKENDS"] = _backends(alone)()
            replaced["einops"] = types.SimpleNamespace(**vars(theirs) | replaced)
            for name in replaced.keys() & vars(module).keys():
                setattr(module, name, replaced[name])
            yield module, bound


def _tests() -> Iterator[Any]:
    """Every test of every file, by reading them: those that are not of operations with the reason."""
    import einops.tests as package

    for stem in FILES:
        text = Path(str(package.__file__)).with_name(f"{stem}.py").read_text("utf-8")
        reasons = NOT_OPERATIONS[stem]
        for line in text.splitlines():
            if not line.startswith("def test_"):
                continue
            name = line.removeprefix("def ").partition("(")[0]
            reason = reasons.get(name, reasons.get("*"))
            ways = ["alone", "beside"] if name in BESIDE.get(stem, ()) else ["alone"]
            for way in [""] if reason else ways:
                marks = [pytest.mark.skip(reason=reason)] if reason else []
                yield pytest.param(stem, name, way, marks=marks, id="-".join(filter(None, (stem, name, way))))


@pytest.mark.parametrize(("stem", "name", "way"), list(_tests()))
def test_of_the_package(stem: str, name: str, way: str) -> None:
    """One test of the package, with our functions in the place of its own."""
    with loaded(stem, way == "alone") as (module, bound):
        getattr(module, name)()
    assert bound.calls > 0 or stem == "test_parsing", "none of our functions was called"


def test_every_reason_is_of_a_test() -> None:
    """A reason or a way for a test that the package has not is a mistake here."""
    found = {(param.values[0], param.values[1]) for param in _tests()}
    named = {(stem, name) for stem, reasons in NOT_OPERATIONS.items() for name in reasons if name != "*"}
    named |= {(stem, name) for stem, names in BESIDE.items() for name in names}
    assert named <= found


@pytest.mark.parametrize("word", WORDS)
def test_a_broken_function_fails(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's tests do see our functions: one that gives nothing but zeros turns one of them red."""
    original = getattr(ours, word)

    def broken(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        if isinstance(found, dict):
            return dict.fromkeys(found, 0)
        if isinstance(found, mx.array):
            return mx.zeros_like(found)
        return type(found)(mx.zeros_like(x) if isinstance(x, mx.array) else x for x in found)

    monkeypatch.setattr(ours, word, broken)
    red = 0
    for stem, name in (
        ("test_ops", "test_ellipsis_ops_numpy"), ("test_ops", "test_reduction_imperatives"),
        ("test_ops", "test_repeat_numpy"), ("test_einsum", "test_functional"),
        ("test_packing", "test_numpy_trivial"), ("test_packing", "test_pack_unpack_with_numpy"),
        ("test_other", "test_parse_shape_imperative"), ("test_examples", "test_rearrange_examples"),
    ):  # fmt: skip
        with loaded(stem, True) as (module, _):
            try:
                getattr(module, name)()
            except Exception:  # whichever way it notices
                red += 1
                break
    assert red
