"""The port obeys the rules, and every violation that can be planted into it is found, where it is."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import mlx_impl
from parity.lint import lint
from parity.lint.project import Project
from parity.lint.rules import RULES
from parity.session import KEY

from .plants import plants

PORT = Path(mlx_impl.__file__).parent
FILES = sorted(PORT.rglob("*.py"))
ONE_IN = 4
"""Of the violations of a rule in a file, the default profile plants one in so many; the deep one all."""


@cache
def port() -> Project:
    """The whole port, read once."""
    project = Project()
    lint(FILES, project=project)
    return project


def test_the_port_is_clean() -> None:
    """What is suppressed has a reason; without suppressions there would be findings."""
    outcome = lint(FILES, project=port())
    assert [str(f) for f in outcome.findings] == []
    assert outcome.files == len(FILES) > 50
    assert outcome.suppressed
    assert all(len(s.reason) > 5 for s in outcome.suppressed)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PORT).as_posix())
def test_every_planted_violation_is_found(path: Path, request: pytest.FixtureRequest) -> None:
    accepted = {
        (s.finding.line, s.finding.code) for s in lint([path], project=Project(base=port())).suppressed
    }
    every = request.config.stash[KEY].settings.profile == "deep"
    missed, met = [], Counter[str]()
    for plant in plants(path.read_text(encoding="utf-8"), every=every):
        met[plant.code] += 1
        if not every and met[plant.code] % ONE_IN != 1:
            continue
        if (plant.before, plant.code) in accepted:
            continue  # it is broken there already, with a reason
        outcome = lint([path], project=Project({path: plant.text}, port()))
        if not any(f.code == plant.code and f.line == plant.line for f in outcome.findings):
            line = plant.text.splitlines()[plant.line - 1].strip()
            missed.append(f"{plant.kind}: {plant.code} in line {plant.line}: {line}")
    assert not missed, "\n".join(missed)


def test_every_rule_has_a_place_in_the_port_where_it_can_be_broken() -> None:
    planted = Counter(plant.code for path in FILES for plant in plants(path.read_text(encoding="utf-8")))
    # The first four are about files and suppressions.
    assert set(planted) == {code for code in RULES if code > "MXP003"}
    assert sum(planted.values()) > 3000
