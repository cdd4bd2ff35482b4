"""Correct variants pass: what rounds differently is no bug."""

import json
import math
from pathlib import Path

import pytest

from parity import sides
from parity.alarms.corpus import Variant, variants
from parity.alarms.rates import PLAIN, THREADED, Rates, measured, write
from parity.case import Case, named
from parity.dtypes import FLOAT32, WORKING
from parity.errors import ParityError
from parity.judge import judge
from parity.margins import read_rates
from parity.mutants import load
from parity.nodes import Target
from parity.settings import Settings
from parity.spec import REGISTRY
from parity.swap import swapped

live = pytest.mark.parity_live

LEAST = 25
VARIANTS = variants()


def test_the_corpus_is_large_and_says_why() -> None:
    """Every variant has a reason of its own."""
    assert len(VARIANTS) >= LEAST
    assert len({v.name for v in VARIANTS}) == len(VARIANTS)
    assert len({v.why for v in VARIANTS}) == len(VARIANTS)


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_a_correct_variant_passes(variant: Variant, request: pytest.FixtureRequest) -> None:
    """Its word's first named case with gradients in float32; every case and dtype in the deep profile."""
    spec = REGISTRY.get(variant.word)
    device = sides.get("mlx").devices()[0]
    deep = request.config.getoption("parity_profile", None) == "deep"
    with swapped([variant.swap]):
        for dtype in WORKING.values() if deep else [FLOAT32]:
            for name in spec.cases if deep else spec.cases[:1]:
                case = named(spec, name, dtype, vjp=bool(spec.grads))
                judgement = judge(case, "mlx", device, seeds=3)
                assert judgement.status == "pass", (str(case), judgement.worst)


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize("name", ["BertForMaskedLM", "SequenceClassification"])
def test_a_model_of_correct_variants_passes(name: str) -> None:
    """One variant of every word at once."""
    chosen = {v.word: v for v in VARIANTS}
    device = sides.get("mlx").devices()[0]
    with swapped([v.swap for v in chosen.values()]):
        judgement = judge(named(REGISTRY.get(name), "", WORKING["float32"], vjp=True), "mlx", device, seeds=3)
    assert judgement.status == "pass", judgement.worst


@live
@pytest.mark.parity_slow
def test_processes_find_what_one_finds() -> None:
    """The same figures in the same order; a variant, PyTorch on two threads and a bug."""
    case = Case.parse("BertMLP;l=8;d=8")
    target = Target("mlx", sides.get("mlx").devices()[0], "mlx")
    settings = Settings.load(Path(__file__).parents[2], {})
    chosen = [v for v in VARIANTS if v.name in ("linear_backwards", "layer_norm_by_halves")]
    bugs = [b for b in load() if b.name == "gelu-tanh"]
    alone, together = (
        measured(case, target, chosen, bugs, seeds=3, settings=settings, jobs=n, bug_seeds=2) for n in (1, 2)
    )
    assert alone == together
    assert list(alone.correct) == [PLAIN, *(v.name for v in chosen), THREADED]
    assert all(len(values) == 3 for values in alone.correct.values())
    assert alone.alarms() == 0
    assert [len(v) for v in alone.bugs.values()] == [2]
    assert alone.kills() == 1


def _rates() -> Rates:
    return Rates(
        "case",
        seeds=4,
        correct={"plain": [0.1, 0.2, 0.3, 0.2], "other": [0.2, 0.4, 1.5, 0.1]},
        bugs={"large": [9.0, 20.0, 11.0], "raises": [math.inf] * 3, "small": [0.2, 0.3, 5.0]},
    )


def test_rates_count_what_is_over_a_gate() -> None:
    """Alarms by figure, kills by a bug's median, the interval by input."""
    rates = _rates()
    assert rates.alarms() == 1 / 8
    assert rates.alarms(2.0) == 0
    assert rates.kills() == 2 / 3
    assert rates.kills(10.0) == 2 / 3
    assert rates.kills(12.0) == 1 / 3
    assert rates.upper == pytest.approx(1 / 4 + 1.96 / 4)
    assert Rates("case", 1000, {"plain": [0.1] * 1000}).upper == 3 / 1000
    assert rates.worst()[0] == ("other", 1.5)


def test_a_figure_that_is_no_number_alarms() -> None:
    """NaN is over every gate."""
    assert Rates("case", 1, {"plain": [math.nan]}).alarms(1e9) == 1


def test_the_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And what is none is an error with a remedy."""
    file = tmp_path / "alarms.json"
    assert read_rates(file) is None
    write(file, _rates(), "here")
    data = read_rates(file)
    assert data is not None
    assert data["inputs"] == 4
    assert data["not_killed"] == ["small"]
    file.write_text(json.dumps({"schema": 99}))
    with pytest.raises(ParityError, match="parity alarms"):
        read_rates(file)
    file.write_text("{")
    with pytest.raises(ParityError, match="remove it"):
        read_rates(file)


def test_the_projects_ledger_has_no_alarm() -> None:
    """The figures that the report shows: a thousand inputs, none of a correct port over its gate."""
    data = read_rates(Settings.load(Path(__file__).parents[2], {}).baseline.with_name("alarms.json"))
    assert data is not None
    assert data["inputs"] >= 1000
    assert data["alarm_rate"] == 0
    assert data["kill_rate"] > 0.95
