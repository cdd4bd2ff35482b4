"""The plugin from outside: somebody else's specs, exit codes, messages, and the same rows under xdist."""

import importlib.util
import itertools
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from parity import errors
from parity.case import Case
from parity.record import Row, read_rows
from parity.spec import REGISTRY

pytestmark = [pytest.mark.parity_live, pytest.mark.usefixtures("frameworks")]

_NAMES = itertools.count()

REFERENCE = """
import torch

def cube(x):
    return x * x * x
"""

PORTS = {
    "right": "mx.multiply(mx.multiply(x, x), x)",
    "constant": "mx.zeros_like(x)",
    "nan": "mx.full(x.shape, float('nan'), dtype=x.dtype)",
    "dtype": "mx.multiply(mx.multiply(x, x), x).astype(mx.float32 if x.dtype != mx.float32 else mx.float16)",
    "axis": "mx.reshape(mx.transpose(mx.multiply(mx.multiply(x, x), x)), x.shape)",
    "square": "mx.multiply(x, x)",
    "raises": "mx.reshape(x, (7, 7, 7))",
}

SPEC = """
from parity.spec import OpSpec

OpSpec(
    "cube",
    reference="{name}_reference:cube",
    port="{name}_port:cube",
    inputs=dict(x="b l"),
    grads=("x",),
    kinds=("normal", "wide", "zeros", "nan"),
    source="x to the third",
)
"""


class Outside:
    """A project of its own with one spec."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.out = pytester.path / "out"

    def project(self, port: str) -> str:
        """Write reference, port and spec; the name of the module of specs."""
        name = f"outside{next(_NAMES)}"
        body = f"import mlx.core as mx\n\ndef cube(x):\n    return {PORTS[port]}\n"
        self.pytester.makepyfile(
            **{f"{name}_reference": REFERENCE, f"{name}_port": body, name: SPEC.format(name=name)}
        )
        self.pytester.syspathinsert()
        return name

    def run(self, specs: str, *options: str, target: str = "parity.suite") -> pytest.RunResult:
        """pytest on the suite with these specs only."""
        base = ["-p", "no:cacheprovider", "--pyargs", target, f"--parity-specs={specs}"]
        base += [f"--parity-out={self.out}", "--import-mode=importlib", "-q"]
        with REGISTRY.isolated():
            return self.pytester.runpytest_inprocess(*base, *options)

    def rows(self) -> list[Row]:
        """What the run recorded."""
        return list(read_rows(self.out / "rows.jsonl"))


@pytest.fixture
def outside(pytester: pytest.Pytester) -> Outside:
    return Outside(pytester)


def test_a_spec_of_ones_own(outside: Outside) -> None:
    """A few lines give words, gradients, a search, determinism and a report."""
    result = outside.run(outside.project("right"), "--profile=quick")
    assert result.ret == errors.EXIT_OK
    kinds = {r.kind for r in outside.rows() if r.status == "pass"}
    assert {"word", "gradient", "property", "metamorphic", "probe"} <= kinds
    assert {r.spec for r in outside.rows() if r.kind == "word"} == {"cube"}
    assert (outside.out / "report.md").is_file()
    result.stdout.fnmatch_lines(["*Parity holds*", "*report:*report.md*"])


@pytest.mark.parametrize("port", [p for p in PORTS if p != "right"])
def test_a_wrong_port_is_red(outside: Outside, port: str) -> None:
    """In every test of it, with exit code 1 and rows that say so."""
    result = outside.run(outside.project(port), "--profile=quick", "--dtypes=f32", "-k", "test_word")
    assert result.ret == errors.EXIT_MISMATCH
    rows = [r for r in outside.rows() if r.kind in ("word", "gradient")]
    assert rows
    assert all(r.status == "fail" for r in rows)
    result.stdout.fnmatch_lines(["*does NOT hold*"])


def test_a_failure_ends_in_the_command_that_repeats_it(outside: Outside) -> None:
    """The node id and the options, and no more than these."""
    name = outside.project("square")
    result = outside.run(name, "--seed=11", "--dtypes=bf16", "-k", "test_word and not gradient")
    lines = [line.strip() for line in result.outlines if line.strip().startswith("repeat:")]
    words = shlex.split(lines[0].partition(":")[2])
    assert words[0] == "pytest"
    assert words[1:3] == ["--pyargs", "parity.suite.test_words::test_word[cube-bf16-mlx]"]
    assert set(words[3:]) == {"--dtypes", "bf16", "--seed", "11", "--parity-specs", name}
    again = outside.run(name, *words[3:], target=words[2])
    assert again.ret == errors.EXIT_MISMATCH
    assert [line.strip() for line in again.outlines if line.strip().startswith("case:")] == [
        line.strip() for line in result.outlines if line.strip().startswith("case:")
    ]


def test_a_counter_example_is_made_small(outside: Outside) -> None:
    """The search ends in the smallest case that fails, and says how to keep it."""
    result = outside.run(outside.project("square"), "--dtypes=f32", "-k", "any_case")
    text = "\n".join(result.outlines)
    assert "case:   cube;b=1;l=1;dtype=f32;seed=0" in text
    assert "parity golden capture --case 'cube;b=1;l=1;dtype=f32;seed=0'" in text


def test_a_swap_runs_in_place_of_the_word(outside: Outside) -> None:
    """``--swap`` takes a file; the run is red and its repeat command has the swap."""
    name = outside.project("right")
    swap = f"{name}_port.cube={outside.pytester.makepyfile(fast='def cube(x): return x')}:cube"
    result = outside.run(name, "--dtypes=f32", "-k", "test_word", f"--swap={swap}")
    assert result.ret == errors.EXIT_MISMATCH
    assert any("repeat:" in line and "--swap" in line for line in result.outlines)


def test_sides_that_never_ran(outside: Outside) -> None:
    """Nothing compared is 10, a required side that is missing 12; the reason is on record."""
    name = outside.project("right")
    assert outside.run(name, "--sides=metal,msl").ret == errors.EXIT_NOTHING_COMPARED
    assert {r.side for r in outside.rows() if r.kind == "side"} == {"metal", "msl"}
    options = ["--require-side=metal", "--profile=quick", "--dtypes=f32"]
    result = outside.run(name, *options)
    assert result.ret == errors.EXIT_SIDE_UNAVAILABLE
    result.stdout.fnmatch_lines(["*did not run: metal: *"])


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--profile=quik", "quick"),
        ("--sides=mxl", "mlx"),
        ("--dtypes=f33", "f32"),
        ("--swap=mlx_impl.ops.gleu=x.py:f", "gelu"),
        ("--oracle=gold", "golden"),
        ("--seed=many", "integer"),
    ],
)
def test_wrong_options_are_usage_errors(outside: Outside, option: str, says: str) -> None:
    """Exit code 4 and the nearest name."""
    result = outside.run(outside.project("right"), option)
    assert result.ret == errors.EXIT_USAGE
    assert says in "\n".join([*result.outlines, *result.errlines])


def test_wrong_keys_in_the_project_are_usage_errors(outside: Outside) -> None:
    """[tool.parity] has the same keys, and knows no others."""
    outside.pytester.makepyprojecttoml("[tool.parity]\nprofil = 'quick'\n[tool.pytest.ini_options]\n")
    result = outside.run(outside.project("right"))
    assert result.ret == errors.EXIT_USAGE
    assert "'profile'" in "\n".join([*result.outlines, *result.errlines])


def test_golden_files_alone(outside: Outside) -> None:
    """With ``--oracle golden`` what needs the reference is skipped and reported; golden cases run."""
    from parity.golden.capture import capture
    from parity.session import import_specs

    name = outside.project("right")
    fixtures = outside.pytester.path / "fixtures"
    fixtures.mkdir()
    with REGISTRY.isolated():
        import_specs([name])
        capture(fixtures, fixtures / "own", "cube-f32", Case.parse("cube;b=2;l=3;vjp"))
        options = [f"--parity-fixtures={fixtures}", "--oracle=golden"]
        # The module is imported already: its specs are declared in this registry.
        base = ["-p", "no:cacheprovider", "--pyargs", "parity.suite", f"--parity-specs={name}"]
        base += [f"--parity-out={outside.out}", "--import-mode=importlib", "-q"]
        result = outside.pytester.runpytest_inprocess(*base, *options)
    assert result.ret == errors.EXIT_OK
    rows = outside.rows()
    assert any(r.kind == "golden" and r.side == "mlx" and r.status == "pass" for r in rows)
    skipped = [r for r in rows if r.kind == "test" and r.status == "not run"]
    assert skipped
    # The specs have no relation and no error case: those tests are empty in any run.
    assert all("--oracle golden" in r.reasons[0] or "empty" in r.reasons[0] for r in skipped)


@pytest.mark.parity_slow
def test_xdist_gives_the_same_rows(outside: Outside) -> None:
    """Two workers and one process, row by row; and the environment is that of who measured."""
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    name = outside.project("right")
    found, measured = [], []
    for workers in ("0", "2"):
        out = outside.pytester.path / f"out{workers}"
        result = outside.pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "--pyargs", "parity.suite", f"--parity-specs={name}",
            f"--parity-out={out}", "--import-mode=importlib", "-q", "--profile=quick", "-n", workers,
        )  # fmt: skip
        assert result.ret == errors.EXIT_OK
        found.append(_plain(out))
        measured.append(json.loads((out / "report.json").read_text())["environment"])
    assert found[0] == found[1]
    assert measured[0]["sides"]["torch"]["threads"] == 1
    assert measured[0] == measured[1]


def test_the_probe_is_on_record_once(outside: Outside) -> None:
    """Also when the probe's own test is the first of a worker, which brings the rows of the probe too."""
    outside.run(outside.project("right"), "-k", "test_probe")
    probed = [r for r in outside.rows() if r.kind == "probe"]
    assert probed
    assert len({r.id for r in probed}) == len(probed)
    assert all(r.environment for r in probed if r.side == "mlx")


def _plain(out: Path) -> list[dict[str, Any]]:
    """Rows in order, without what names the folder of the run."""
    rows = [json.loads(r.to_json()) for r in read_rows(out / "rows.jsonl")]
    for row in rows:
        row["repeat"] = ""
    return sorted(rows, key=lambda r: (r["kind"], r["id"], r["result"]))


def test_update_golden_is_serial(outside: Outside) -> None:
    """One index, one writer."""
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    result = outside.run(outside.project("right"), "--update-golden", "-n", "2")
    assert result.ret == errors.EXIT_USAGE
    assert "without -n" in "\n".join([*result.outlines, *result.errlines])


def test_what_fails_without_a_row_is_on_record(pytester: pytest.Pytester) -> None:
    """A test that raises, also the first one, also after it recorded a pass, also without the fixture."""
    pytester.makepyfile(
        """
        from parity.record import Row

        def test_first(parity):
            raise RuntimeError("at once")

        def test_after(parity):
            parity.record(Row(kind="word", id="x", status="pass", side="mlx", n=1))
            raise RuntimeError("after a row")

        def test_plain():
            raise RuntimeError("no fixture")
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == errors.EXIT_MISMATCH
    rows = list(read_rows(pytester.path / "reports" / "rows.jsonl"))
    failed = {r.id for r in rows if r.status == "fail"}
    assert failed == {"test_first", "test_after", "test_plain"}
    result.stdout.fnmatch_lines(["*does NOT hold*"])


@pytest.mark.parity_slow
def test_a_crashed_worker_is_a_failure(outside: Outside) -> None:
    """A port that takes its process with it leaves a row, and exit code 1."""
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    name = outside.project("right")
    crash = outside.pytester.makepyfile(crash="import os\ndef cube(x): os._exit(3)\n")
    result = outside.pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--pyargs", "parity.suite", f"--parity-specs={name}", "-n", "1",
        f"--parity-out={outside.out}", "--import-mode=importlib", "-q", "--dtypes=f32",
        "-k", "test_word and not gradient", f"--swap={name}_port.cube={crash}:cube",
    )  # fmt: skip
    assert result.ret == errors.EXIT_MISMATCH


def test_other_peoples_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    """A run without parity tests has no report and pytest's own exit code."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def golden():
            return 3

        def test_one(golden):
            assert golden == 3
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()


def test_a_test_that_records_nothing_fails(pytester: pytest.Pytester) -> None:
    """Using the fixture and comparing nothing is not a pass."""
    pytester.makepyfile("def test_nothing(parity): pass")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*compared nothing*"])


@pytest.mark.parity_slow
def test_a_failing_layer_finds_its_culprit(pytester: pytest.Pytester) -> None:
    """``--bisect``: in message, row and report. And a swap that meets nothing is told."""
    out = pytester.path / "out"
    base = ["-p", "no:cacheprovider", "--pyargs", "parity.suite", "--import-mode=importlib", "-q"]
    base += [f"--parity-out={out}", "-k", "test_layer and BertMLP-f32-mlx"]
    culprit = "parity.tests.drift.culprits:gelu_raises"
    result = pytester.runpytest_subprocess(*base, "--bisect", f"--swap=act/gelu={culprit}")
    assert result.ret == errors.EXIT_MISMATCH
    assert "bisect: gelu in act" in "\n".join(result.outlines)
    (row,) = [r for r in read_rows(out / "rows.jsonl") if r.kind == "layer"]
    assert any("bisect: gelu in act" in note for note in row.notes)
    assert "bisect: gelu in act" in (out / "report.md").read_text()
    result = pytester.runpytest_subprocess(*base, f"--swap=atc/gelu={culprit}")
    assert result.ret == errors.EXIT_USAGE
    assert "met nothing" in "\n".join(result.outlines)
