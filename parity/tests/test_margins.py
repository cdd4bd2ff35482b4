"""The ledger of margins: no known bug slips under a gate."""

import json
import math
from pathlib import Path

import pytest

from parity.errors import ParityError
from parity.margins import Margin, read, update
from parity.settings import Settings
from parity.spec import REGISTRY


def test_the_projects_gates_stop_every_known_bug() -> None:
    """The smallest bug of each spec is over its gate."""
    margins = read(Settings.load(Path(__file__).parents[2], {}).baseline.with_name("margins.json"))
    assert len(margins) > 25
    assert not {name: m for name, m in margins.items() if not m.effect > 1}
    assert set(margins) <= {s.name for s in REGISTRY}


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What a run does not speak of stays."""
    file = tmp_path / "margins.json"
    assert read(file) == {}
    update(file, {"gelu": (3.25, "tanh"), "sine": (math.inf, "nan")})
    update(file, {"gelu": (2.5, "five terms")})
    assert read(file) == {"gelu": Margin(2.5, "five terms"), "sine": Margin(math.inf, "nan")}


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}', '{"schema": 1, "specs": {"gelu": 3}}'])
def test_what_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    """With what to do."""
    file = tmp_path / "margins.json"
    file.write_text(text)
    with pytest.raises(ParityError, match="remove it"):
        read(file)
    file.write_text(json.dumps({"schema": 99}))
    with pytest.raises(ParityError, match="update-margins"):
        read(file)
