"""The ledger: worse is red inside the gate, the same is not, elsewhere it is silent."""

from pathlib import Path
from typing import Any

import pytest

from parity import errors
from parity.errors import UsageError
from parity.ledger import Ledger, update
from parity.record import Row, read_rows


def _row(low: float, ratio: float, high: float, **fields: Any) -> Row:
    figures = {n: {"ratio": ratio, "low": low, "high": high, "limit": 2.0} for n in ("rms", "max")}
    given: dict[str, Any] = {"kind": "word", "id": "gelu-f32-mlx", "status": "pass", "environment": "here"}
    return Row(figures=figures, **(given | fields))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """One case at 0.5, between 0.4 and 0.6."""
    update(tmp_path / "baseline.json", [_row(0.4, 0.5, 0.6)], seed=0)
    found = Ledger.load(tmp_path / "baseline.json")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("row", "worse"),
    [
        (_row(0.4, 0.5, 0.6), False),
        (_row(0.55, 0.7, 0.9), False),
        (_row(0.7, 0.8, 0.9), True),
        (_row(0.1, 0.2, 0.3), False),
        (_row(0.7, 0.8, 0.9, environment="elsewhere"), False),
        (_row(0.7, 0.8, 0.9, id="another"), False),
        (_row(float("nan"), 0.8, 0.9), True),
    ],
)
def test_worse_means_an_interval_wholly_above(ledger: Ledger, row: Row, worse: bool) -> None:
    """Overlap is noise; a NaN is not."""
    assert (ledger.worse(row) is not None) == worse


def test_luck_is_not_recorded(ledger: Ledger) -> None:
    """A port without any error on the inputs of a run has no interval to be held against."""
    assert update(ledger.path, [_row(0, 0, 0, environment="elsewhere")], 0) == 0
    again = Ledger.load(ledger.path)
    assert again is not None
    assert not again.knows("elsewhere")


def test_an_update_keeps_other_environments(ledger: Ledger) -> None:
    """Of the same seed; with another one the ledger starts again."""
    count = update(
        ledger.path, [_row(0.7, 0.8, 0.9, environment="elsewhere"), _row(1, 1, 1, kind="property")], 0
    )
    assert count == 1
    again = Ledger.load(ledger.path)
    assert again is not None
    assert again.knows("here")
    assert again.knows("elsewhere")
    update(ledger.path, [_row(0.7, 0.8, 0.9, environment="elsewhere")], seed=1)
    again = Ledger.load(ledger.path)
    assert again is not None
    assert not again.knows("here")


def test_a_recorded_figure_is_not_in_its_own_way(tmp_path: Path) -> None:
    """Whatever its digits, and without any width."""
    for value in (0.28094999, 0.25, 1.0 / 3, 1e-3, 1.9999):
        row = _row(value, value, value)
        update(tmp_path / "baseline.json", [row], seed=0)
        found = Ledger.load(tmp_path / "baseline.json")
        assert found is not None
        assert found.worse(row) is None


def test_a_broken_ledger_is_a_usage_error(tmp_path: Path) -> None:
    """With its path and what to do; none at all is no error."""
    path = tmp_path / "baseline.json"
    assert Ledger.load(path) is None
    for text in ("{", "[]", '{"schema": 9, "seed": 0, "entries": {}}', '{"schema": 1}'):
        path.write_text(text)
        with pytest.raises(UsageError, match="baseline"):
            Ledger.load(path)


@pytest.mark.parity_live
@pytest.mark.usefixtures("frameworks")
def test_a_run_that_got_worse_is_red(pytester: pytest.Pytester) -> None:
    """A test that passes its gate and falls behind the ledger fails, and says by how much."""
    pytester.makepyfile(
        """
        import pytest
        from parity.case import Case
        from parity.judge import judge

        def test_linear(parity):
            case = Case.parse("linear;b=2;l=4;i=64;o=8")
            target = parity.session.targets()[0]
            judgement = judge(case, target.side, target.device, seeds=5)
            parity.conclude("word", "linear", judgement, case.dtype)
        """
    )
    run = pytester.runpytest_inprocess
    assert run("-p", "no:cacheprovider", "--update-baseline").ret == errors.EXIT_OK
    assert run("-p", "no:cacheprovider").ret == errors.EXIT_OK
    path = pytester.path / "reports" / "baseline.json"
    row = next(r for r in read_rows(pytester.path / "reports" / "rows.jsonl") if r.id == "linear")
    better = {n: {k: v * 1e-3 for k, v in row.figures[n].items()} for n in ("rms", "max")}
    update(
        path, [Row(kind="word", id="linear", status="pass", environment=row.environment, figures=better)], 0
    )
    result = run("-p", "no:cacheprovider")
    assert result.ret == errors.EXIT_MISMATCH
    result.stdout.fnmatch_lines(["*worse than the*--update-baseline*"])
