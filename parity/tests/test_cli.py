"""The command: what it prints, what it writes, and how it ends."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from parity import errors
from parity.cli import main
from parity.record import read_rows

pytestmark = pytest.mark.parity_live


def test_run_one_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, report, exit code, and with a bug the message that repeats it."""
    out = str(tmp_path)
    case = "linear;b=2;l=3;i=8;o=4;dtype=f32;seed=0"
    assert main(["run", "--case", case, "--out", out]) == errors.EXIT_OK
    assert any(r.spec == "linear" and r.status == "pass" for r in read_rows(tmp_path / "rows.jsonl"))
    assert (tmp_path / "report.md").is_file()
    capsys.readouterr()
    swap = ["--swap", "mlx_impl.ops.linear=parity.mutants.bugs.products:linear_without_bias"]
    case = "linear;b=2;l=3;i=8;o=4;dtype=f32;seed=0"
    assert main(["run", "--case", case, "--out", out, *swap]) == errors.EXIT_MISMATCH
    printed = capsys.readouterr()
    assert case in printed.err
    assert "does NOT hold" in printed.out


def test_the_repeat_command_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell reads it, with the swap in it."""
    case = "Activation;b=1;l=2;d=3;arg.hidden_act='gelu'"
    swap = ["--swap", "mlx_impl.ops.gelu=parity.mutants.bugs.activations:gelu_tanh"]
    out = ["--out", str(tmp_path)]
    assert main(["run", "--case", case, *swap, *out]) == errors.EXIT_MISMATCH
    row = next(r for r in read_rows(tmp_path / "rows.jsonl") if r.kind == "layer")
    words = shlex.split(row.repeat)
    assert words[:2] == ["parity", "run"]
    assert main([*words[1:], *out]) == errors.EXIT_MISMATCH
    again = next(r for r in read_rows(tmp_path / "rows.jsonl") if r.kind == "layer")
    assert again == row
    capsys.readouterr()


@pytest.mark.parity_slow
def test_run_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every layer and word of a case has a row of its own."""
    case = "BertLayer;b=1;l=8;d=8;dtype=f32;seed=1"
    assert main(["run", "--case", case, "--trace", "--seeds", "2", "--out", str(tmp_path)]) == errors.EXIT_OK
    paths = {r.result for r in read_rows(tmp_path / "rows.jsonl") if r.kind == "trace"}
    assert {"output", "attention", "mlp/add#0", "attention/gate#0"} <= paths
    assert "layer by layer" in capsys.readouterr().out


def test_run_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one JSON document."""
    assert main(["run", "--case", "gelu;b=1;l=3", "--json", "--out", str(tmp_path)]) == errors.EXIT_OK
    data = json.loads(capsys.readouterr().out)
    assert data["counts"]["fail"] == 0
    assert {"rows", "environment", "settings", "verdict"} <= set(data)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "--case", "gleu"], errors.EXIT_USAGE, "'gelu'"),
        (["run", "--profile", "quik"], errors.EXIT_USAGE, "'quick'"),
        (["run", "--require-side", "metal"], errors.EXIT_SIDE_UNAVAILABLE, "metal"),
        (["run", "--swap", "mlx_impl.ops.gleu=x.py:f"], errors.EXIT_USAGE, "'gelu'"),
        (["run", "--specs", "nowhere.specs"], errors.EXIT_USAGE, "nowhere"),
        (["run", "--case", "scatter_rows;n=3;m=9"], errors.EXIT_USAGE, "does not take the case"),
        (["run", "--case", ""], errors.EXIT_USAGE, "unknown spec"),
        (["run", "--trace"], errors.EXIT_USAGE, "--case"),
        (["run", "--case", "gelu", "--seed", "3"], errors.EXIT_USAGE, "seed= in it"),
        (["run", "--case", "gelu", "--oracle", "golden"], errors.EXIT_USAGE, "golden"),
        (["run", "--bogus"], errors.EXIT_USAGE, "--help"),
        (["run", "--fixtures", "nowhere"], errors.EXIT_USAGE, "nowhere"),
        (["golden", "capture", "--case", "gelu", "--name", "index"], errors.EXIT_USAGE, "'index'"),
        (["golden", "capture", "--case", "gelu", "--name", "../x"], errors.EXIT_USAGE, "'../x'"),
        (
            ["run", "--case", "BertMLP", "--swap", "nowhere=parity.tests.drift.culprits:zeros"],
            4,
            "met nothing",
        ),
        (["trace", "--case", "gelu"], errors.EXIT_USAGE, "a layer or a model"),
        (["trace", "--case", "BertMLP", "--pair", "torch.cpu"], errors.EXIT_USAGE, "two sides"),
        (["trace", "--case", "BertMLP", "--pair", "torch,metal"], errors.EXIT_SIDE_UNAVAILABLE, "metal"),
        (["trace", "--case", "BertMLP", "--pair", "torch,mxl"], errors.EXIT_USAGE, "'mlx'"),
        (["bisect", "--case", "positional_embedding"], errors.EXIT_USAGE, "a layer or a model"),
        (["bisect", "--case", "BertMLP", "--repeats", "1"], errors.EXIT_USAGE, "at least 2"),
        (["bisect", "--case", "BertMLP", "--predicate", "port.rsm > 1"], errors.EXIT_USAGE, "'port.rms'"),
        (
            ["bisect", "--case", "BertMLP", "--rev", "a..b", "--mlx", "1..2"],
            errors.EXIT_USAGE,
            "two questions",
        ),
        (["bisect", "--case", "BertMLP", "--rev", "nowhere..HEAD"], errors.EXIT_USAGE, "'nowhere'"),
        (["mutants", "--bug", "gelu-tahn"], errors.EXIT_USAGE, "'gelu-tanh'"),
        (["mutants", "--stages", "modle"], errors.EXIT_USAGE, "'model'"),
        (["mutants", "--only-own"], errors.EXIT_USAGE, "leaves nothing"),
        (["mutants", "--bugs", "nowhere.toml"], errors.EXIT_USAGE, "nowhere.toml"),
        (["alarms", "--case", "gelu"], errors.EXIT_USAGE, "a word"),
        (["alarms", "--jobs", "0"], errors.EXIT_USAGE, "at least 1"),
        (["list", "nothing*"], errors.EXIT_USAGE, "nothing"),
        (["golden", "prune", "nowhere"], errors.EXIT_STALE_GOLDEN, "index.json"),
        (["golden", "capture", "--adopt", "nowhere/case"], errors.EXIT_STALE_GOLDEN, "nowhere"),
    ],
)
def test_mistakes(
    words: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the value and the nearest, and the exit code."""
    if words[0] in ("run", "trace", "bisect", "mutants", "alarms"):
        words = [*words, "--out", str(tmp_path)]
    assert main(words) == code
    assert says in capsys.readouterr().err


def test_without_a_main_job_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Specs of one's own, and no case: said before rows of an earlier run are replaced."""
    (tmp_path / "specs_without_a_job.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("earlier")
    assert main(["run", "--specs", "specs_without_a_job", "--out", str(tmp_path)]) == errors.EXIT_USAGE
    assert "MAIN_JOB" in capsys.readouterr().err
    assert rows.read_text() == "earlier"


def test_only_sides_that_cannot_run_compare_nothing(tmp_path: Path) -> None:
    """Exit code 10, with the reasons in the report."""
    code = main(["run", "--case", "gelu;b=1;l=3", "--sides", "metal", "--out", str(tmp_path)])
    assert code == errors.EXIT_NOTHING_COMPARED
    assert "did not run" in (tmp_path / "report.md").read_text()


def test_doctor_and_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Sides, bits and settings; specs with what is demanded."""
    assert main(["doctor", "--json"]) == errors.EXIT_OK
    data = json.loads(capsys.readouterr().out)
    assert {"oracle", "torch", "mlx", "metal", "msl"} <= set(data["environment"]["sides"])
    assert any(r["spec"] == "matmul" for r in data["probe"])
    assert main(["list", "gelu*", "--json"]) == errors.EXIT_OK
    assert [s["name"] for s in json.loads(capsys.readouterr().out)] == ["gelu", "gelu_tanh"]


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` ends well and shows one."""
    plain = ("doctor", "list", "run", "trace", "bisect", "mutants", "alarms")
    for words in (*([p] for p in plain), *(["golden", a] for a in ("capture", "verify", "prune"))):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--help"])
        assert ended.value.code == 0
        assert "example:\n  parity " in capsys.readouterr().out


def test_a_counter_example_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The case that a failure prints becomes a golden case of its own."""
    case = "gelu;b=1;l=3;dtype=f16;kind=wide;seed=7;vjp"
    assert main(["golden", "capture", "--case", case, "--into", str(tmp_path), "--name", "odd"]) == 0
    assert main(["golden", "verify", str(tmp_path)]) == errors.EXIT_OK
    assert main(["golden", "capture", "--case", "odd", "--into", str(tmp_path)]) == 0
    capsys.readouterr()


@pytest.mark.parity_slow
def test_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table, pictures, rows; a call that is wrong by itself ends with 1, forward and backward."""
    words = ["trace", "--case", "BertMLP;l=16;d=16", "--out", str(tmp_path)]
    assert main(words) == errors.EXIT_OK
    assert "none is wrong by itself" in capsys.readouterr().out
    assert (tmp_path / "trace" / "drift.svg").is_file()
    assert (tmp_path / "trace" / "heat.svg").is_file()
    rows = list(read_rows(tmp_path / "trace" / "rows.jsonl"))
    assert {r.kind for r in rows} == {"drift"}
    elsewhere = ["--out", str(tmp_path / "not" / "there")]
    assert main([*words, "--backward", "--no-plot", "--json", *elsewhere]) == errors.EXIT_OK
    data = json.loads(capsys.readouterr().out)
    assert data["peak_memory_mib"] > 0
    assert any(r["result"].startswith("grad ") for r in data["rows"])
    swap = ["--swap", "mlx_impl.ops.gelu=parity.tests.drift.culprits:gelu_tanh"]
    assert main([*words, *swap]) == errors.EXIT_MISMATCH
    assert "WRONG act/gelu#0" in capsys.readouterr().out


@pytest.mark.parity_slow
def test_bisect_by_a_question_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict holds end to end; the column does not."""
    words = ["bisect", "--case", "BertMLP;l=16;d=16", "--out", str(tmp_path), "--no-bundle", "--json"]
    swap = ["--swap", "mlx_impl.ops.gelu=parity.tests.drift.culprits:gelu_a_little_large"]
    assert main([*words, *swap, "--predicate", "port.rms > 3e-7"]) == errors.EXIT_MISMATCH
    (found,) = json.loads(capsys.readouterr().out)
    assert [c["name"] for c in found["culprits"]] == ["gelu"]


@pytest.mark.parity_slow
def test_mutants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The matrix of a few bugs, one's own among them; one that survives ends with 1."""
    ours = tmp_path / "ours.py"
    ours.write_text(
        "from mlx_impl import ops\nfrom parity.mutants import bug\n_gelu = ops.gelu\n"
        "@bug('mlx_impl.ops.gelu', seen='nowhere: it is right')\ndef no_bug(x):\n    return _gelu(x)\n"
    )
    words = ["mutants", "--bug", "gelu-tanh", "--jobs", "1", "--out", str(tmp_path)]
    assert main(words) == errors.EXIT_OK
    printed = capsys.readouterr().out
    assert "kill rate 1/1 (100.0 %)" in printed
    assert "bisect right 1/1" in printed
    own = ["mutants", "--bugs", str(ours), "--only-own", "--jobs", "1", "--no-bisect", "--out", str(tmp_path)]
    own += ["--stages", "op golden,gradient"]
    assert main(own) == errors.EXIT_MISMATCH
    assert "SURVIVES no-bug" in capsys.readouterr().out


@pytest.mark.parity_slow
def test_alarms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the curve."""
    words = ["alarms", "--case", "BertMLP;l=8;d=8", "--seeds", "2", "--out", str(tmp_path)]
    assert main(words) == errors.EXIT_OK
    assert "alarm rate at the gate 0.000%" in capsys.readouterr().out
    assert (tmp_path / "alarms" / "curve.svg").is_file()


def test_without_matplotlib_the_numbers_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to have the pictures."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["trace", "--case", "BertMLP;l=4;d=8", "--out", str(tmp_path)]) == errors.EXIT_OK
    printed = capsys.readouterr().out
    assert "none is wrong by itself" in printed
    assert "m2bert-parity[plot]" in printed
