"""A question to another commit or another version, and its answer, which is kept."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.expect import Say, silent
from parity.settings import NUMERICS

from .predicate import Column, Command

GOOD, BAD, UNTESTABLE = "good", "bad", "cannot be tested"

Ask = Callable[[str], str]
"""Answers `GOOD`, `BAD` or `UNTESTABLE` for a commit or a version."""

_MISSING = re.compile(r"raised (AttributeError: module 'mlx[\w.]*' has no|ImportError|ModuleNotFoundError)")
"""What a port says that is written for another version: no numbers, good or bad."""


class Answers:
    """Answers kept on disk under what they depend on, so that an interrupted search goes on."""

    def __init__(self, path: Path, about: str) -> None:
        self._path = path
        self._about = about
        self._known: dict[str, str] = {}
        self.asked = 0
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    one = json.loads(line)
                except json.JSONDecodeError:
                    break  # the interruption cut it short
                if one.get("about") == about:
                    self._known[one["name"]] = one["answer"]

    def ask(self, name: str, ask: Ask) -> str:
        """The answer for a name, asked at most once."""
        if name not in self._known:
            self.asked += 1
            self._known[name] = ask(name)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                line = {"about": self._about, "name": name, "answer": self._known[name]}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return self._known[name]


def command_of(
    question: Column | Command | None,
    case: str,
    python: str,
    swaps: Sequence[str],
    numerics: str = NUMERICS[0],
) -> list[str]:
    """The command whose exit code (or row) answers the question."""
    if isinstance(question, Command):
        return []
    words = [python, "-m", "parity", "run", "--json", "--case", case]
    if numerics != NUMERICS[0]:  # a commit from before there were profiles cannot answer
        words += ["--numerics", numerics]
    return words + [w for s in swaps for w in ("--swap", s)]


def answer(
    question: Column | Command | None,
    words: Sequence[str],
    folder: Path,
    env: dict[str, str],
    say: Say = silent,
) -> str:
    """Run the question in a folder with an environment; why it is not `GOOD` is said."""
    if isinstance(question, Command):
        code = question.run(folder, env=env)
        return UNTESTABLE if code == 125 else GOOD if code == 0 else BAD
    with tempfile.TemporaryDirectory(prefix="parity-") as out:
        done = subprocess.run(
            [*words, "--out", out],
            cwd=folder,
            env=os.environ | env,
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        rows = [
            r for r in json.loads(done.stdout)["rows"] if r["kind"] != "probe" and r["status"] != "not run"
        ]
    except (json.JSONDecodeError, KeyError):
        say((done.stderr.strip().splitlines() or ["it printed no rows"])[-1])
        return UNTESTABLE
    reasons = [str(reason) for r in rows for reason in r.get("reasons", ())]
    missing = [reason for reason in reasons if _MISSING.search(reason)]
    if missing:
        say(missing[0])
        return UNTESTABLE
    if not isinstance(question, Column):
        for reason in reasons[:1]:
            say(reason)
        return {0: GOOD, 1: BAD}.get(done.returncode, UNTESTABLE)
    if not any(r.get("n") for r in rows):
        say(reasons[0] if reasons else "nothing was compared")
        return UNTESTABLE
    return _column(question, rows, say)


def _column(question: Column, rows: Sequence[Mapping[str, Any]], say: Say) -> str:
    bad = [r for r in rows if question.bad(r)]
    say(f"{question.name} is {question.value_in((bad or rows)[0])}")
    return BAD if bad else GOOD
