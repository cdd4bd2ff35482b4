"""Commits and versions: the change is found, skipped ones are named, the user's tree is not touched."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from parity.drift.asked import BAD, GOOD, UNTESTABLE, Answers, answer
from parity.drift.predicate import Command, parse
from parity.drift.timeline import over_commits, over_versions
from parity.errors import ParityError, UsageError

MISSING = "the side raised AttributeError: module 'mlx.core' has no attribute 'astype'"
VERSIONS = ["0.28.0", "0.29.0", "0.29.1", "0.30.0", "0.30.1", "0.31.0", "0.32.0", "0.32.4", "0.33.0"]


def git(folder: Path, *words: str) -> str:
    """Run git."""
    own = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Twelve commits; from the eighth on the value is wrong, and the fifth does not run."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for i in range(12):
        body = "raise SystemExit(125)" if i == 4 else f"raise SystemExit({int(i >= 7)})"
        (root / "check.py").write_text(f"{body}  # {i}\n")
        git(root, "add", "check.py")
        git(root, "commit", "--quiet", "-m", f"change {i}")
    return root


def test_the_first_bad_commit(history: Path, tmp_path: Path) -> None:
    """Found in its own work tree, in few questions, and not asked again; the user's tree stays as it is."""
    (history / "check.py").write_text("not committed\n")
    before = git(history, "status", "--porcelain"), git(history, "rev-parse", "HEAD")
    question = Command(f"{sys.executable} check.py")
    said: list[str] = []

    def ask(tree: Path) -> str:
        return answer(question, [], tree, {})

    first = git(history, "rev-list", "--max-parents=0", "HEAD")
    change = over_commits(f"{first}..HEAD", history, Answers(tmp_path / "kept.jsonl", "it"), ask, said.append)
    assert git(history, "log", "-1", "--format=%s", change.bad) == "change 7"
    assert git(history, "log", "-1", "--format=%s", change.good) == "change 6"
    assert "change 7" in change.text
    assert change.asked <= 2 + 5
    assert any("at most" in line for line in said)
    assert (git(history, "status", "--porcelain"), git(history, "rev-parse", "HEAD")) == before
    assert git(history, "worktree", "list").count("\n") == 0
    again = over_commits(f"{first}..HEAD", history, Answers(tmp_path / "kept.jsonl", "it"), ask, said.append)
    assert (again.bad, again.asked) == (change.bad, 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [("HEAD", r"GOOD\.\.BAD"), ("nowhere..HEAD", "'nowhere'"), ("HEAD..HEAD~1", "HEAD is bad")],
)
def test_ranges_that_cannot_be(history: Path, tmp_path: Path, text: str, says: str) -> None:
    """No range, no such commit, good that is bad."""
    question = Command(f"{sys.executable} check.py")
    with pytest.raises(UsageError, match=says):
        over_commits(
            text,
            history,
            Answers(tmp_path / "kept.jsonl", "it"),
            lambda tree: answer(question, [], tree, {}),
            lambda _: None,
        )


def versions(bad_from: str, untestable: Sequence[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Answers of every version."""
    start = VERSIONS.index(bad_from)
    table = {v: BAD if i >= start else GOOD for i, v in enumerate(VERSIONS)}
    return VERSIONS, table | dict.fromkeys(untestable, UNTESTABLE)


@pytest.mark.parametrize("bad_from", VERSIONS[2:8])
def test_the_version_that_changed_it(bad_from: str, tmp_path: Path) -> None:
    """Every place; both ends are asked first, then halves; 0.32 means all of 0.32."""
    available, table = versions(bad_from)
    answers = Answers(tmp_path / "kept.jsonl", "it")
    change = over_versions("0.29..0.32", answers, table.__getitem__, lambda _: None, available)
    assert change.bad == bad_from
    assert change.good == VERSIONS[VERSIONS.index(bad_from) - 1]
    assert not change.between
    assert change.asked <= 5


def test_versions_that_cannot_be_tested_are_named(tmp_path: Path) -> None:
    """The change is somewhere among them."""
    available, table = versions("0.30.1", untestable=["0.30.1", "0.31.0"])
    answers = Answers(tmp_path / "kept.jsonl", "it")
    change = over_versions("0.29..0.32", answers, table.__getitem__, lambda _: None, available)
    assert (change.good, change.bad) == ("0.30.0", "0.32.0")
    assert change.between == ("0.30.1", "0.31.0")
    assert "cannot be tested" in change.text


def test_versions_that_cannot_be_tested_at_the_ends(tmp_path: Path) -> None:
    """The port may not run on an old version at all: what is left is searched, and the question not lost."""
    available, table = versions("0.31.0", untestable=["0.29.0", "0.29.1"])
    said: list[str] = []

    def ask(version: str) -> str:
        if version == "0.32.4":
            raise ParityError("mlx 0.32.4 cannot be installed: no network")
        return table[version]

    answers = Answers(tmp_path / "kept.jsonl", "it")
    change = over_versions("0.29..0.32", answers, ask, said.append, available)
    assert (change.good, change.bad) == ("0.30.1", "0.31.0")
    assert any("no network" in line for line in said)
    assert "0.32.4" not in (tmp_path / "kept.jsonl").read_text()  # it may be there tomorrow
    with pytest.raises(UsageError, match=r"only 0\.30\.0 \(good\) can be tested"):
        over_versions("0.29..0.30.0", answers, ask, said.append, available)


@pytest.mark.parametrize(
    ("question", "rows", "code", "expected", "says"),
    [
        (None, [{"status": "pass", "n": 4}], 0, GOOD, None),
        (None, [{"status": "fail", "n": 4, "reasons": ["too far"]}], 1, BAD, "too far"),
        (None, [{"status": "fail", "n": 0, "reasons": [MISSING]}], 1, UNTESTABLE, "no attribute"),
        (None, None, 4, UNTESTABLE, "no such case"),
        ("max_abs > 1", [{"status": "pass", "n": 4, "figures": {"max_abs": 2}}], 0, BAD, "max_abs is 2"),
        ("max_abs > 1", [{"status": "fail", "n": 4, "figures": {"max_abs": 1}}], 1, GOOD, "max_abs is 1"),
        ("max_abs > 1", [{"status": "fail", "n": 0, "reasons": ["it raised"]}], 1, UNTESTABLE, "it raised"),
    ],
)
def test_answers_of_another_version(
    tmp_path: Path, question: str | None, rows: object, code: int, expected: str, says: str | None
) -> None:
    """Numbers are good or bad; that there are none is no answer, and why is said."""
    kept = None if rows is None else {"rows": [{"kind": "word", **row} for row in rows]}  # type: ignore[attr-defined]
    lines = ["import sys", "print('no such case', file=sys.stderr)"]
    lines += [] if kept is None else [f"print({json.dumps(json.dumps(kept))})"]
    (tmp_path / "ask.py").write_text("\n".join([*lines, f"sys.exit({code})"]))
    said: list[str] = []
    asked = None if question is None else parse(question)
    assert answer(asked, [sys.executable, "ask.py"], tmp_path, {}, said.append) == expected
    assert [line for line in said if says is None or says not in line] == []
    assert bool(said) == (says is not None)


def test_a_command_asks_the_version(tmp_path: Path) -> None:
    """It is given the interpreter, and another content of its file is another question."""
    question = Command("{python} check.py")
    (tmp_path / "check.py").write_text("import sys; sys.exit(sys.executable == '')")
    digest = question.digest(tmp_path)
    assert answer(question, [], tmp_path, {"PARITY_PYTHON": sys.executable}) == GOOD
    (tmp_path / "check.py").write_text("raise SystemExit(3)")
    assert answer(question, [], tmp_path, {"PARITY_PYTHON": sys.executable}) == BAD
    assert question.digest(tmp_path) != digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.29", "two versions"),
        ("a..b", "two versions"),
        ("0.32.1..0.32.2", "only"),
        ("0.28..0.29", "nothing"),
    ],
)
def test_versions_that_cannot_be(text: str, says: str, tmp_path: Path) -> None:
    """No range, no versions in it, the same answer at both ends."""
    available, table = versions("0.30.0")
    with pytest.raises(UsageError, match=says):
        over_versions(text, Answers(tmp_path / "k", "it"), table.__getitem__, lambda _: None, available)
