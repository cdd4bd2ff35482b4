"""``parity lint``: what it reads, what it prints, and how it ends."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from parity import errors
from parity.cli import main
from parity.lint import RULES

CLEAN = "import mlx.core as mx\n\n\ndef f(x: mx.array) -> mx.array:\n    return mx.exp(x)\n"
DIRTY = "import mlx.core as mx\n\n\ndef f(x: mx.array) -> mx.array:\n    return x + mx.zeros((2,))\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one clean file and one that is not, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.py").write_text(CLEAN)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "dirty.py").write_text(DIRTY)
    return tmp_path


def configure(folder: Path, text: str) -> None:
    """Write a pyproject.toml."""
    (folder / "pyproject.toml").write_text(textwrap.dedent(text))


def test_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with place, code, what, why and fix; 1 if there are any."""
    assert main(["lint", "inner"]) == errors.EXIT_MISMATCH
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "inner/dirty.py:5:12: MXP301 'x + mx.zeros((2,))' on an array; an operator promotes unasked, and is "
        "no word that can be searched, traced or swapped; say mx.add(x, mx.zeros((2,)))",
        "inner/dirty.py:5:16: MXP402 mx.zeros without a dtype; the default is float32 or int32, whatever the "
        "model runs in; add dtype=",
        "2 findings in 1 file",
    ]


def test_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "clean.py"]) == errors.EXIT_OK
    assert capsys.readouterr().out == "no finding in 1 file\n"


def test_several_paths_each_file_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "clean.py", "inner", ".", "inner/dirty.py"]) == errors.EXIT_MISMATCH
    assert "2 findings in 2 files" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", ".", "--json"]) == errors.EXIT_MISMATCH
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == 2
    assert [f["code"] for f in found["findings"]] == ["MXP301", "MXP402"]
    assert found["findings"][0]["path"] == "inner/dirty.py"
    assert (found["findings"][0]["line"], found["findings"][0]["column"]) == (5, 12)
    assert all(f["why"] == RULES[f["code"]].why for f in found["findings"])


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (["--select", "MXP3"], ["MXP301"]),
        (["--select", "mxp402"], ["MXP402"]),
        (["--ignore", "MXP3,MXP402"], []),
        (["--select", "MXP3,MXP4", "--ignore", "MXP4"], ["MXP301"]),
    ],
)
def test_rules_by_option(options: list[str], codes: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["lint", ".", "--json", *options])
    assert [f["code"] for f in json.loads(capsys.readouterr().out)["findings"]] == codes
    assert code == (errors.EXIT_MISMATCH if codes else errors.EXIT_OK)


def test_suppressions_of_rules_that_are_not_asked_for_are_not_unused() -> None:
    Path("one.py").write_text(DIRTY.replace("2,))", "2,))  # noqa: MXP301, MXP402 shown in a lecture"))
    assert main(["lint", "one.py", "--select", "MXP0,MXP3"]) == errors.EXIT_OK
    assert main(["lint", "one.py", "--ignore", "MXP4"]) == errors.EXIT_OK


def test_what_is_accepted_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.py").write_text(DIRTY.replace("2,))", "2,))  # noqa: MXP301, MXP402 shown in a lecture"))
    assert main(["lint", "one.py", "--show-suppressed"]) == errors.EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert "one.py:5: MXP301 accepted: shown in a lecture" in lines
    assert lines[-1] == "no finding in 1 file, 2 accepted with a reason"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["nowhere"], errors.EXIT_USAGE, "no file or folder 'nowhere'"),
        (["clean.py", "nowhere.py"], errors.EXIT_USAGE, "'nowhere.py'"),
        (["empty"], errors.EXIT_NOTHING_COLLECTED, "no Python file in 'empty'"),
        ([".", "empty"], errors.EXIT_NOTHING_COLLECTED, "no Python file in 'empty'"),
        (["--select", "MXP9"], errors.EXIT_USAGE, "unknown rule 'MXP9'"),
        (["--ignore", "E501"], errors.EXIT_USAGE, "unknown rule 'E501'"),
        (["--select", ","], errors.EXIT_USAGE, "names no rule"),
        (["--select", "MXP3", "--ignore", "MXP3"], errors.EXIT_USAGE, "no rule is left"),
        (["--explain", "MXP999"], errors.EXIT_USAGE, "unknown rule 'MXP999'"),
    ],
)
def test_mistakes(options: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty", ".hidden").mkdir(parents=True)
    Path("empty", ".hidden", "a.py").write_text(DIRTY)
    Path("empty", "notes.txt").write_text("")
    assert main(["lint", *options]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"def f(:\n    pass\n", "bad.py:1:7", "invalid syntax"),
        (b"x = 1\nx = 'caf\xe9'\n", "bad.py:2:1", "is not UTF-8: byte 0xe9"),
        (b"x = 1\0\n", "bad.py:1:1", "null byte"),
        (b"x = " + b"(" * 500 + b")" * 500 + b"\n", "bad.py:1", "parenthes"),
    ],
)
def test_files_that_are_no_python(
    content: bytes, place: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are findings, whatever the rules, and the others are read all the same."""
    Path("bad.py").write_bytes(content)
    assert main(["lint", ".", "--select", "MXP3"]) == errors.EXIT_MISMATCH
    printed = capsys.readouterr().out
    assert f"{place}" in printed
    assert "MXP000" in printed
    assert message in printed
    assert "inner/dirty.py:5:12: MXP301" in printed


def test_files_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Links that lead nowhere or in a circle are findings; what is no file at all is left out."""
    Path("nowhere.py").symlink_to("gone.py")
    Path("circle.py").symlink_to("circle.py")
    os.mkfifo("pipe.py")
    Path("folder.py").mkdir()
    assert main(["lint", "."]) == errors.EXIT_MISMATCH
    lines = capsys.readouterr().out.splitlines()
    assert "nowhere.py:1:1: MXP000 cannot be read: No such file" in lines[-2]
    assert "circle.py:1:1: MXP000 cannot be read: Too many levels" in lines[0]
    assert lines[-1] == "4 findings in 4 files"
    assert main(["lint", "pipe.py"]) == errors.EXIT_USAGE


def test_code_that_is_deeply_nested(capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds of terms are followed; of tens of thousands it is said that they are not."""
    Path("long.py").write_text(CLEAN + "\n\ndef g(x: mx.array):\n    return " + "x + " * 700 + "x\n")
    Path("longer.py").write_text("x = " + "1 + " * 50_000 + "1\n")
    assert main(["lint", "long.py", "longer.py", "inner"]) == errors.EXIT_MISMATCH
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("long.py:9:12: MXP301") for line in lines) == 700
    assert sum(line.startswith("longer.py:1:1: MXP000") for line in lines) == 1
    assert any(line.startswith("inner/dirty.py:5:12: MXP301") for line in lines)


def test_odd_files() -> None:
    """Windows's line ends, a byte order mark, nothing at all, no end of the last line."""
    Path("windows.py").write_bytes(b"\xef\xbb\xbf" + CLEAN.replace("\n", "\r\n").encode())
    Path("empty.py").write_text("")
    Path("open.py").write_text(CLEAN + "# noqa: MXP201 nothing")
    assert main(["lint", "windows.py", "empty.py"]) == errors.EXIT_OK
    assert main(["lint", "open.py"]) == errors.EXIT_MISMATCH


@pytest.mark.parametrize(
    ("head", "encoding", "said"),
    [
        ("# -*- coding: latin-1 -*-\n", "latin-1", ""),
        ("#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\n", "cp1252", ""),
        ("\n# coding: latin-1\n", "latin-1", ""),
        ("# coding: utf-8\n", "utf-8-sig", ""),
        ("# coding: latin-1\n", "utf-8", ""),  # each byte is some letter
        ("'text'\n# coding: latin-1\n", "latin-1", "is not UTF-8: byte 0xe9"),  # behind code it is none
        ("# coding: latin-1\n", "utf-8-sig", "cannot be read: encoding problem"),  # which one?
        ("# coding: utf-8\n", "latin-1", "is not UTF-8: byte 0xe9"),
        ("# coding: klingon\n", "utf-8", "cannot be read: unknown encoding"),
    ],
)
def test_coding_lines(head: str, encoding: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They count where Python has them count; findings stand where an editor shows them."""
    text = head + "import mlx.core as mx\nname = 'é'; x = mx.zeros(3)\n"
    Path("coded.py").write_bytes(text.encode(encoding))
    assert main(["lint", "coded.py"]) == errors.EXIT_MISMATCH
    printed = capsys.readouterr().out
    column = 18 if encoding == "utf-8" and not said else 17  # two letters, as that coding line has it
    assert (said or f"coded.py:{head.count(chr(10)) + 2}:{column}: MXP402") in printed
    assert ("MXP000" in printed) == bool(said)


def test_a_file_without_the_suffix_is_read_when_it_is_named() -> None:
    Path("script").write_text(DIRTY)
    assert main(["lint", "script"]) == errors.EXIT_MISMATCH


def test_environments_and_caches_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (".git", "__pycache__", "node_modules", "venv"):
        Path(folder).mkdir()
        Path(folder, "a.py").write_text(DIRTY)
    Path("venv", "pyvenv.cfg").write_text("")
    main(["lint", "."])
    assert "in 2 files" in capsys.readouterr().out


def test_calls_are_followed_over_files(capsys: pytest.CaptureFixture[str]) -> None:
    """What a function without annotations is given in another file, which may be read first or last."""
    Path("a.py").write_text("def thrice(x):\n    return x * 3\n\n\ndef half(n):\n    return n * 0.5\n")
    Path("b.py").write_text("from a import thrice\n\n\ndef six(y):\n    return thrice(y) + n\n\n\nn = 3\n")
    Path("c.py").write_text(
        "import mlx.nn as nn\nfrom a import half\nfrom b import six\n\n\nclass Layer(nn.Module):\n"
        "    def __call__(self, x):\n        return six(x), half(x.shape[0])\n"
    )
    for files in (["a.py", "b.py", "c.py"], ["c.py", "b.py", "a.py"]):
        assert main(["lint", *files]) == errors.EXIT_MISMATCH
        lines = capsys.readouterr().out.splitlines()
        assert sorted(line.split(" MXP301")[0] for line in lines[:-1]) == ["a.py:2:12:", "b.py:5:12:"]
    assert main(["lint", "a.py", "b.py"]) == errors.EXIT_OK  # nothing says what they are given


def test_functions_that_call_each_other_come_to_an_end() -> None:
    steps = [f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(30)]
    Path("chain.py").write_text(
        "import mlx.core as mx\n\n" + "".join(steps) + "def f30(x):\n    return f0(x) * f30(mx.exp(x))\n"
        "def g(x: mx.array):\n    return f0(x) - x\n"
    )
    assert main(["lint", "chain.py"]) == errors.EXIT_MISMATCH


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    """Reason, a bad and a good example; of one rule, several, or all."""
    assert main(["lint", "--explain", "mxp403"]) == errors.EXIT_OK
    printed = capsys.readouterr().out
    for part in ("MXP403", "why:", "bad:", "good:", "# noqa: MXP403"):
        assert part in printed
    assert main(["lint", "--explain", "all", "--json"]) == errors.EXIT_OK
    assert [r["code"] for r in json.loads(capsys.readouterr().out)] == list(RULES)


def test_columns_count_characters(capsys: pytest.CaptureFixture[str]) -> None:
    Path("greek.py").write_text(
        CLEAN + "\n\ndef g(δ: mx.array):\n    return 'αβγ', δ + δ\n", encoding="utf-8"
    )
    main(["lint", "greek.py"])
    assert "greek.py:9:19: MXP301 'δ + δ'" in capsys.readouterr().out


def test_nothing_is_run(project: Path) -> None:
    """Neither the code that is read, nor MLX or PyTorch, which need not even be there."""
    Path("trap.py").write_text(CLEAN + "open('sprung', 'w').close()\nraise SystemExit(7)\n")
    code = (
        "import sys\nfrom parity.cli import main\ncode = main(['lint', 'trap.py'])\n"
        "print(code, sorted({m.partition('.')[0] for m in sys.modules} & {'mlx', 'torch'}))"
    )
    root = str(Path(errors.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=project,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.stdout.splitlines()[-1] == "0 []"
    assert not Path("sprung").exists()


# -- configuration ------------------------------------------------------------------------------------------


def test_paths_of_the_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is read if nothing is named; also from a folder within."""
    configure(project, '[tool.parity.lint]\npaths = ["clean.py"]\n')
    assert main(["lint"]) == errors.EXIT_OK
    os.chdir("inner")
    assert main(["lint"]) == errors.EXIT_OK
    assert main(["lint", "."]) == errors.EXIT_MISMATCH
    capsys.readouterr()


def test_without_a_configuration_the_folder_is_read() -> None:
    assert main(["lint"]) == errors.EXIT_MISMATCH


def test_rules_of_the_project(project: Path) -> None:
    """An option replaces what the project says."""
    configure(project, '[tool.parity.lint]\nignore = ["MXP3", "MXP4"]\n')
    assert main(["lint"]) == errors.EXIT_OK
    assert main(["lint", "--ignore", "MXP3"]) == errors.EXIT_MISMATCH


def test_files_that_are_excepted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(
        project,
        """
        [tool.parity.lint.per-file-ignores]
        "inner/*" = { codes = ["MXP3", "MXP402"], reason = "code of a lecture" }
        """,
    )
    assert main(["lint", "--show-suppressed"]) == errors.EXIT_OK
    assert "inner/dirty.py:5: MXP301 accepted: code of a lecture" in capsys.readouterr().out


def test_an_exception_that_excepts_nothing_is_a_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(
        project,
        """
        [tool.parity.lint.per-file-ignores]
        "clean.py" = { codes = ["MXP3"], reason = "code of a lecture" }
        "other/*" = { codes = ["MXP3"], reason = "not read this time" }
        """,
    )
    assert main(["lint", "clean.py"]) == errors.EXIT_MISMATCH
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 finding in 1 file"
    assert "pyproject.toml:1:1: MXP002 per-file-ignores: 'clean.py' excepts nothing" in lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.parity.lint]\npath = ['a']\n", "unknown key 'path'; did you mean 'paths'"),
        ("[tool.parity.lint]\npaths = 'a'\n", "expected a list of texts"),
        ("[tool.parity.lint]\npaths = ['nowhere']\n", "there is no"),
        ("[tool.parity.lint]\nselect = ['E501']\n", "unknown rule 'E501'"),
        ("[tool.parity]\nlint = 3\n", "expected a table"),
        ("[tool.parity.lint]\nper-file-ignores = 3\n", "expected a table of patterns"),
        ("[tool.parity.lint.per-file-ignores]\n'a' = ['MXP3']\n", "reason"),
        ("[tool.parity.lint.per-file-ignores]\n'a' = {codes = ['MXP3'], reason = ' '}\n", "gives no reason"),
        ("[tool.parity.lint.per-file-ignores]\n'a' = {codes = [], reason = 'b'}\n", "names no code"),
        ("[tool.parity.lint.per-file-ignores]\n'a' = {codes = ['E5'], reason = 'b'}\n", "unknown rule 'E5'"),
        ("[tool.parity\n", "is not TOML"),
    ],
)
def test_mistakes_in_the_configuration(
    project: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(project, text)
    assert main(["lint", "clean.py"]) == errors.EXIT_USAGE
    assert message in capsys.readouterr().err
