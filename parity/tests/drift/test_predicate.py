"""Questions of one's own."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity.drift.predicate import Column, Command, judged_by, parse
from parity.errors import UsageError
from parity.record import Row

ROW = Row(
    kind="bisect",
    id="x",
    status="pass",
    result="output",
    n=4,
    figures={"gate": 0.5, "port": {"rms": 2e-5}, "max_abs": 1e-3},
)


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("port.rms > 1e-5", True),
        ("port.rms>1e-4", False),
        ("max_abs <= 1e-3", True),
        ("gate >= 1", False),
        ("status != pass", False),
        ("result == output", True),
    ],
)
def test_a_column_of_the_row(text: str, bad: bool) -> None:
    """Figures by their own name or dotted; text compares as text."""
    question = parse(text)
    assert isinstance(question, Column)
    score = judged_by(question)(ROW, {})
    assert score.bad is bad
    assert question.name in score.reason


def test_an_unknown_column_names_the_nearest() -> None:
    """Rather than to be false for ever."""
    with pytest.raises(UsageError, match=r"'port\.rms'"):
        judged_by(parse("port.rsm > 1"))(ROW, {})
    with pytest.raises(UsageError, match="empty"):
        parse(" ")


def test_a_command_sees_the_results(tmp_path: Path) -> None:
    """As safetensors; what does not end with 0 is bad."""
    script = tmp_path / "look.py"
    script.write_text(
        "import sys, json\nfrom safetensors.numpy import load_file\n"
        "x = load_file(sys.argv[1])['output']\n"
        f"open({str(tmp_path / 'seen.json')!r}, 'w').write(json.dumps(x.tolist()))\n"
        "sys.exit(bool((x > 2).any()))\n"
    )
    question = parse(f"{sys.executable} {script} {{outputs}}")
    assert isinstance(question, Command)
    results: dict[str, Any] = {"output": np.array([1.0, 3.0], np.float32)}
    assert judged_by(question)(ROW, results).bad
    assert json.loads((tmp_path / "seen.json").read_text()) == [1.0, 3.0]
    assert not judged_by(question)(ROW, {"output": np.array([1.0], np.float32)}).bad


def test_a_command_that_does_not_exist() -> None:
    """Is a mistake, not an answer."""
    with pytest.raises(UsageError, match="nowhere"):
        judged_by(parse("/nowhere/at-all {outputs}"))(ROW, {"output": np.zeros(1, np.float32)})
