"""Intervals, undecided verdicts, and the bias that magnitude hides."""

import math
from dataclasses import replace

import numpy as np
import pytest

from parity.compare import Comparison, Expected, compare
from parity.dtypes import FLOAT32
from parity.errors import SpecError
from parity.floor import Floor
from parity.rules import Exact, Ratio, Ulp
from parity.verdict import BIAS_SEEDS, decide, interval, overall


def _samples(n: int, error: float, *, lean: float = 0.0, spread: float = 0.0) -> list[Comparison]:
    """Comparisons of a port whose error is `error` times the reference's, with a constant lean."""
    found = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        oracle = rng.standard_normal(4096)
        noise = 1e-7 * rng.standard_normal(4096)
        size = error * math.exp(spread * rng.standard_normal())
        port = (oracle + size * 1e-7 * rng.standard_normal(4096) + lean * 1e-7).astype(np.float64)
        floor = Floor(rms=1e-7, max=4e-7, shift=1e-10, shrink=1e-10, grid=1e-10)
        expected = Expected(oracle, FLOAT32, reference=oracle + noise, floor=floor)
        # Unrounded results keep the test about statistics; their dtype is set right for the structure.
        sample = compare(
            Expected(oracle, expected.dtype, reference=expected.reference, floor=floor),
            port.astype(np.float32),
        )
        found.append(sample)
    return found


def test_the_gate_is_at_two() -> None:
    """Errors well within twice the reference's pass, well above fail."""
    assert decide(_samples(5, 1.0), Ratio()).status == "pass"
    assert decide(_samples(5, 1.7), Ratio()).status == "pass"
    assert decide(_samples(5, 2.5), Ratio()).status == "fail"


def test_too_few_inputs_are_said() -> None:
    """A ratio that varies around the limit is undecided, with what to do."""
    verdict = decide(_samples(3, 1.9, spread=1.0), Ratio())
    assert verdict.status == "undecided"
    assert "--seeds" in verdict.reasons[0]


def test_a_lean_below_the_noise_is_found() -> None:
    """A constant shift of a fifth of the error does not show in its size, and fails."""
    samples = _samples(BIAS_SEEDS, 1.0, lean=0.2)
    verdict = decide(samples, Ratio())
    assert verdict.rms is not None
    assert verdict.rms.mean < 1.1
    assert verdict.status == "fail"
    assert "leans" in verdict.reasons[0]


def test_few_inputs_do_not_prove_a_lean() -> None:
    """With more to come it is undecided, else a note."""
    samples = _samples(3, 1.0, lean=0.2)
    assert decide(samples, Ratio(), more=True).status == "undecided"
    verdict = decide(samples, Ratio())
    assert verdict.status == "pass"
    assert any("leans" in note for note in verdict.notes)


def test_a_lean_at_its_limit_is_no_bias() -> None:
    """An effect whose interval holds 1 is a note, however many inputs there are."""
    samples = _samples(BIAS_SEEDS, 1.0, lean=0.2)
    for i, s in enumerate(samples):
        assert s.floor is not None
        assert s.error is not None
        room = abs(s.error.shift) / 2 * (0.6 if i % 2 else 1.5)
        samples[i] = replace(s, floor=replace(s.floor, shift=room, shrink=room))
    verdict = decide(samples, Ratio())
    assert verdict.status == "pass"
    assert any("leans" in note for note in verdict.notes)


def test_honest_noise_has_no_lean() -> None:
    """No false alarm in a hundred runs of as many inputs as it takes."""
    for start in range(100):
        samples = []
        for seed in range(BIAS_SEEDS):
            rng = np.random.default_rng([start, seed])
            oracle = rng.standard_normal(256)
            floor = Floor(rms=1e-7, max=4e-7, shift=1e-10, shrink=1e-10, grid=1e-10)
            reference = oracle + 1e-7 * rng.standard_normal(256)
            port = (oracle + 1e-7 * rng.standard_normal(256)).astype(np.float32)
            samples.append(compare(Expected(oracle, FLOAT32, reference, floor), port))
        assert decide(samples, Ratio()).status == "pass"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_interval_of_nonsense_fails(bad: float) -> None:
    """A NaN is never under a limit."""
    assert interval([1.0, bad], 2.0).state == "fail"


def test_one_bad_input_is_not_averaged_away() -> None:
    """Nineteen good inputs do not excuse one that is wrong by a hundred times."""
    samples = _samples(19, 1.0) + _samples(1, 200.0)
    verdict = decide(samples, Ratio())
    assert verdict.rms is not None
    assert verdict.rms.mean < 2
    assert verdict.status == "fail"
    assert "one of 20 inputs" in verdict.reasons[0]


def test_one_input_is_a_point() -> None:
    """Its interval has no width."""
    assert interval([1.5], 2.0).state == "pass"
    assert interval([2.5], 2.0).state == "fail"


def test_loosening_needs_a_reason() -> None:
    """Limits above the usual ones and counts without a source are errors of the declaration."""
    with pytest.raises(SpecError, match="reason"):
        Ratio(rms=3.0)
    with pytest.raises(SpecError, match="source"):
        Ulp(3, "")
    assert Ratio(rms=3.0, reason="measured").rms == 3.0


def test_any_failure_fails_the_whole() -> None:
    """Failure, then undecided, then pass."""
    assert overall(["pass", "undecided", "fail"]) == "fail"
    assert overall(["pass", "undecided"]) == "undecided"
    assert overall([]) == "pass"


def test_a_failure_is_never_under_the_gate() -> None:
    """What fails for another reason than size sorts above everything that passes."""
    problem = Comparison(n=0, problems=("shape",))
    assert decide([problem], Ratio()).ratio == math.inf
    assert decide([problem], Exact()).ratio == math.inf
