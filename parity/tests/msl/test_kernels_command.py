"""``parity kernels`` and the descriptions it takes."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from parity import errors
from parity.cli import main
from parity.errors import UsageError
from parity.msl import descriptions

pytestmark = pytest.mark.parity_slow

GOOD: dict[str, Any] = {
    "name": "twice",
    "source": "uint i = thread_position_in_grid.x; out[i] = T(2) * x[i];",
    "inputs": {"x": {"shape": [64], "dtype": "float16", "values": "normal"}},
    "outputs": {"out": {"shape": [64], "dtype": "float16"}},
    "template": {"T": "float16"},
    "grid": [64, 1, 1],
    "threadgroup": [32, 1, 1],
}
WRONG = {**GOOD, "source": GOOD["source"].replace("x[i]", "x[i + 1]")}


@pytest.fixture
def described(tmp_path: Path) -> Any:
    def write(given: Any, name: str = "kernel.json") -> str:
        path = tmp_path / name
        path.write_text(given if isinstance(given, str) else json.dumps(given))
        return str(path)

    return write


def test_run(described: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    saved = tmp_path / "out.safetensors"
    assert main(["kernels", "run", described(GOOD), "--save", str(saved)]) == errors.EXIT_OK
    assert "out: float16 (64,)" in capsys.readouterr().out
    loaded: Any = mx.load(str(saved))
    assert loaded["out"].shape == (64,)


def test_run_with_a_finding(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "run", described(WRONG)]) == errors.EXIT_MISMATCH
    assert "access outside an array: x[64]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "code"), [(GOOD, errors.EXIT_OK), (WRONG, errors.EXIT_MISMATCH)], ids=["good", "wrong"]
)
def test_json(described: Any, capsys: pytest.CaptureFixture[str], given: Any, code: int) -> None:
    path = described(given)
    assert main(["kernels", "run", path, "--json"]) == code
    data = json.loads(capsys.readouterr().out)
    assert data["outputs"] == {"out": {"dtype": "float16", "shape": [64]}}
    assert [f["kind"] for f in data["findings"]] == (["out-of-bounds"] if code else [])
    assert main(["kernels", "check", path, "--json", "--modes", "strict,fast", "--schedules", "2"]) == code
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] == (code == 0)
    assert [m["mode"] for m in data["modes"]] == ["strict", "fast"]


def test_check(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "check", described(GOOD), "--modes", "strict"]) == errors.EXIT_OK
    assert "twice: clean in 5 schedules and 1 modes" in capsys.readouterr().out


def test_profile(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "profile", described(GOOD)]) == errors.EXIT_OK
    assert "coalescing      100%" in capsys.readouterr().out
    assert main(["kernels", "profile", described(GOOD), "--json"]) == errors.EXIT_OK
    assert json.loads(capsys.readouterr().out)["least_read"] == 128


def test_python_objects(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"""
import mlx.core as mx
CASE = {GOOD!r}
CASE["inputs"] = {{"x": mx.arange(64).astype(mx.float16)}}
def case():
    return CASE
"""
    path = described(text, "kernels.py")
    for name in ("CASE", "case"):
        assert main(["kernels", "run", f"{path}:{name}"]) == errors.EXIT_OK
    assert "126" in capsys.readouterr().out


def test_sources_and_headers_beside_the_description(described: Any) -> None:
    described("float two() { return 2; }\n", "h.metal")
    described("out[thread_position_in_grid.x] = two();", "k.metal")
    rest = {k: v for k, v in GOOD.items() if k not in ("source", "inputs", "template")}
    path = described({**rest, "source_file": "k.metal", "header_file": "h.metal"})
    description = descriptions.load(path)
    assert description.kernel(**description.call)[0].sum().item() == 128


@pytest.mark.parametrize(
    ("values", "expected"),
    [("arange", 6.0), ("ones", 4.0), ("zeros", 0.0), (2.5, 10.0), ([[1, 2], [3, 4]], 10.0)],
    ids=str,
)
def test_values(values: Any, expected: float) -> None:
    given = {**GOOD, "inputs": {"x": {"shape": [2, 2], "values": values}}}
    assert descriptions.parse(given, "here", Path()).call["inputs"][0].sum().item() == expected


@pytest.mark.parametrize(
    ("dtype", "first"), [("float32", None), ("bfloat16", None), ("uint32", [0, 1, 2, 3])]
)
def test_a_shape_and_a_dtype_are_enough(dtype: str, first: list[int] | None) -> None:
    """Numbers are drawn, and integers count, so that an array of indices has none that is outside."""
    given = {**GOOD, "inputs": {"x": {"shape": [2, 2], "dtype": dtype}}}
    (x,) = descriptions.parse(given, "here", Path()).call["inputs"]
    assert x.dtype == getattr(mx, dtype)
    assert x.shape == (2, 2)
    assert first is None or x.reshape(-1).tolist() == first


def test_drawn_values_are_seeded() -> None:
    made = [descriptions.parse({**GOOD, "seed": s}, "here", Path()).call["inputs"][0] for s in (1, 1, 2)]
    assert mx.array_equal(made[0], made[1])
    assert not mx.array_equal(made[0], made[2])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gird": [1, 1, 1]}, "unknown key 'gird'; did you mean 'grid'"),
        ({"inputs": {"x": {"dtype": "int32"}}}, "input 'x': 'shape' is missing"),
        (
            {"inputs": {"x": {"values": "norma", "shape": [1]}}},
            "unknown values 'norma'; did you mean 'normal'",
        ),
        ({"inputs": {"x": {"values": "normal"}}}, "input 'x': 'shape' is missing"),
        ({"inputs": {"x": {"value": 1}}}, "unknown key 'value'"),
        ({"outputs": {"out": {"shape": [1]}}}, "output 'out': 'dtype' is missing"),
        ({"outputs": {"out": {"shape": [1], "dtype": "float33"}}}, "unknown dtype 'float33'"),
        ({"outputs": {}}, "at least one output"),
        ({"source_file": "none.metal"}, "there is no file"),
        ({"compile_options": {"mode": 1}}, "math_mode"),
    ],
)
def test_wrong_descriptions(changes: Any, words: str, described: Any) -> None:
    given = {**GOOD, **changes}
    with pytest.raises(UsageError, match=words):
        descriptions.load(described(given))


@pytest.mark.parametrize(
    "text",
    [
        "none.json",
        "nonsense",
        "no.such.module:x",
        "parity.msl.descriptions:nothing",
        "none.py:x",
        "parity.errors:EXIT_OK",
    ],
)
def test_wrong_places(text: str) -> None:
    assert main(["kernels", "run", text]) == errors.EXIT_USAGE


def test_not_json(described: Any) -> None:
    assert main(["kernels", "run", described("{", "broken.json")]) == errors.EXIT_USAGE
    assert main(["kernels", "run", described([1], "list.json")]) == errors.EXIT_USAGE


def test_wrong_calls_and_modes(described: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "run", described({**GOOD, "threadgroup": [2048, 1, 1]})]) == errors.EXIT_USAGE
    assert main(["kernels", "check", described(GOOD), "--modes", "strct"]) == errors.EXIT_USAGE
    assert main(["kernels", "run", described({**GOOD, "source": "nothing"})]) == errors.EXIT_MISMATCH
    assert main(["kernels", "run", described(GOOD), "--save", "/nowhere/x.safetensors"]) == errors.EXIT_USAGE
    assert "did you mean 'strict'" in capsys.readouterr().err
