"""Rows on disk: every one as soon as it is known, none lost, none misread."""

import json
import math
from pathlib import Path

import pytest

from parity.errors import ParityError
from parity.record import SCHEMA, Row, RowWriter, read_rows


def _row(i: int, **fields: object) -> Row:
    given = {"kind": "word", "id": f"gelu-{i}", "status": "pass", "n": 3} | fields
    return Row(**given)  # type: ignore[arg-type]


def test_rows_come_back(tmp_path: Path) -> None:
    """With figures that JSON has no number for."""
    writer = RowWriter(tmp_path / "deep" / "rows.jsonl")
    rows = [_row(0), _row(1, figures={"gate": math.inf, "x": [1, 2]}, reasons=("a", "b"))]
    writer.write_all(rows)
    again = list(read_rows(writer.path))
    assert [r.id for r in again] == ["gelu-0", "gelu-1"]
    assert again[1].ratio == math.inf
    assert again[1].reasons == ("a", "b")


def test_a_crash_loses_at_most_the_line_it_cut(tmp_path: Path) -> None:
    """What was flushed before is read; a broken line elsewhere is an error with its number."""
    path = tmp_path / "rows.jsonl"
    text = "\n".join(_row(i).to_json() for i in range(3))
    path.write_text(text[:-20])
    assert [r.id for r in read_rows(path)] == ["gelu-0", "gelu-1"]
    path.write_text("{nonsense\n" + text)
    with pytest.raises(ParityError, match=":1 is not JSON"):
        list(read_rows(path))


def test_another_schema_is_refused() -> None:
    """By name and number."""
    data = json.loads(_row(0).to_json()) | {"schema": SCHEMA + 1}
    with pytest.raises(ParityError, match=f"schema {SCHEMA + 1}"):
        Row.from_dict(data)


def test_a_row_knows_its_words() -> None:
    """Unknown kinds and statuses are errors."""
    with pytest.raises(ParityError, match="'word'"):
        _row(0, kind="wrd")
    with pytest.raises(ParityError, match="'pass'"):
        _row(0, status="passed")


def test_a_new_run_replaces_the_old_rows(tmp_path: Path) -> None:
    """The first row of a run starts the file again."""
    for n in (3, 1):
        RowWriter(tmp_path / "rows.jsonl").write_all(_row(i) for i in range(n))
    # A generator writes one by one; the second run has one row.
    assert len(list(read_rows(tmp_path / "rows.jsonl"))) == 1
