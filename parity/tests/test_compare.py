"""A comparison notices everything, NaN above all."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from parity.compare import Comparison, Expected, compare, overflowed
from parity.dtypes import BFLOAT16, FLOAT16, FLOAT32, AnyArray, WorkingDtype, cast
from parity.floor import Floor
from parity.rules import Exact, Ratio, Rule, Ulp
from parity.verdict import decide

FLOOR = Floor(rms=1e-7, max=4e-7, shift=1e-8, shrink=1e-8, grid=1e-7)
RULES: list[Rule] = [Exact(), Ulp(4, "a test"), Ratio()]


def _expected(oracle: np.ndarray, **fields: Any) -> Expected:
    given: dict[str, Any] = {"dtype": FLOAT32, "reference": oracle.astype(np.float32), "floor": FLOOR}
    return Expected(oracle=oracle, **(given | fields))


@pytest.fixture
def oracle() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_never_passes(oracle: np.ndarray, rule: Rule, bad: float) -> None:
    """One element is enough, whatever the rule."""
    actual = oracle.astype(np.float32)
    assert decide([compare(_expected(oracle), actual)], rule).status == "pass"
    actual[3, 4] = bad
    assert decide([compare(_expected(oracle), actual)], rule).status == "fail"


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("there", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("here", [np.nan, np.inf, -np.inf, 1.0])
def test_each_kind_for_its_kind(oracle: np.ndarray, rule: Rule, there: float, here: float) -> None:
    """NaN for NaN, infinity for infinity of the same sign."""
    oracle[1, 2] = there
    actual = oracle.astype(np.float32)
    actual[1, 2] = here
    same = (np.isnan(there) and np.isnan(here)) or there == here
    status = decide([compare(_expected(oracle), actual)], rule).status
    assert (status == "pass") == same


def test_a_nan_of_the_reference_excuses_only_a_nan(oracle: np.ndarray) -> None:
    """Where the reference itself overflows in the working dtype, the port may; it need not."""
    reference = oracle.astype(np.float32)
    reference[0, 0] = np.inf
    expected = _expected(oracle, reference=reference)
    for value, status in ((np.inf, "pass"), (-np.inf, "fail"), (np.nan, "fail"), (oracle[0, 0], "pass")):
        actual = oracle.astype(np.float32)
        actual[0, 0] = value
        assert decide([compare(expected, actual)], Ratio()).status == status


def test_an_overflow_of_the_reference_excuses_no_other_number(oracle: np.ndarray) -> None:
    """Where the reference overflows and the port does not, the port's number has to be right."""
    reference = np.full(oracle.shape, np.inf, dtype=np.float32)
    right, wrong = oracle.astype(np.float32), np.zeros(oracle.shape, dtype=np.float32)
    expected = _expected(oracle, reference=reference)
    for rule in (Ratio(), Ulp(0, "a test")):
        assert decide([compare(expected, right)], rule).status == "pass"
        assert decide([compare(expected, wrong)], rule).status == "fail"


def test_an_overflow_of_the_reference_leaves_nothing_to_measure_by(oracle: np.ndarray) -> None:
    """There a word of half precision may be off by what its precision costs if nothing overflows, and a
    layer, whose norms make numbers of overflows, by all; one of single precision is judged by its floor."""
    near, wrong = oracle.copy(), oracle.copy()
    near[0] *= 1.1
    wrong[0] *= -1

    def expected(dtype: WorkingDtype) -> Expected:
        reference = cast(oracle, dtype)
        reference[0] = np.inf
        return replace(_expected(oracle, reference=reference), dtype=dtype)

    half = expected(FLOAT16)
    assert decide([compare(half, cast(near, FLOAT16))], Ratio()).status == "fail"
    off = float(np.abs(near[0] - oracle[0]).max())
    half = replace(half, unbounded=(off / 1.9, off / 3.9))
    assert decide([compare(half, cast(near, FLOAT16))], Ratio()).status == "pass"
    verdict = decide([compare(half, cast(wrong, FLOAT16))], Ratio())
    assert verdict.status == "fail"
    assert "where the reference overflows" in verdict.reasons[0]
    sample = compare(half, cast(wrong, FLOAT16), composed=True)
    assert decide([sample], Ratio()).status == "pass"
    assert sample.n == oracle[1:].size
    assert any("overflow in the reference alone" in note for note in sample.notes)
    assert decide([compare(expected(FLOAT32), cast(near, FLOAT32))], Ratio()).status == "fail"


def test_where_an_overflow_spreads_in_a_layer(oracle: np.ndarray) -> None:
    """A NaN is forgiven in a float16 layer if the reference overflows in another of its results."""

    def measured(reference: float | None, dtype: WorkingDtype, spread: bool = False) -> Comparison:
        given = oracle if reference is None else np.full(oracle.shape, reference)
        expected = _expected(oracle, dtype=dtype, reference=cast(given, dtype))
        assert overflowed(expected) == (reference is not None)
        port = oracle.copy()
        port[0] = np.nan
        return compare(expected, cast(port, dtype), spread=spread)

    assert measured(None, FLOAT16).problems
    assert measured(None, FLOAT32, spread=True).problems
    assert measured(np.inf, BFLOAT16).problems
    assert measured(np.inf, BFLOAT16, spread=True).problems
    forgiven = measured(None, FLOAT16, spread=True)
    assert not forgiven.problems
    assert any("overflows too" in note for note in forgiven.notes)


def test_the_luck_of_the_reference(oracle: np.ndarray) -> None:
    """A reference that is right by chance does not make an honest error a wrong one."""
    port = (oracle + 1e-3).astype(np.float32)
    lucky = _expected(oracle, reference=oracle.astype(np.float32))
    assert decide([compare(lucky, port)], Ratio()).status == "fail"
    typical = replace(lucky, nearby=(1e-3, 2e-3))
    assert decide([compare(typical, port)], Ratio()).status == "pass"


def test_what_is_excused_is_not_counted(oracle: np.ndarray) -> None:
    """Elements that overflow on both sides are no comparison."""
    both = np.full(oracle.shape, np.inf, dtype=np.float32)
    sample = compare(_expected(oracle, reference=both), both)
    assert (sample.n, sample.finite) == (0, 0)
    assert sample.notes


@pytest.mark.parametrize("change", ["axes", "new axis", "float16", "float64", "int32", "empty"])
def test_structure_comes_first(oracle: np.ndarray, change: str) -> None:
    """Another shape or dtype is a problem, whatever the numbers."""
    actual = oracle.astype(np.float32)
    changed: dict[str, AnyArray] = {
        "axes": actual.T[:, :4],
        "new axis": actual[None],
        "float16": actual.astype(np.float16),
        "float64": actual.astype(np.float64),
        "int32": actual.astype(np.int32),
        "empty": actual[:0],
    }
    sample = compare(_expected(oracle), changed[change])
    assert sample.problems
    assert decide([sample], Ratio()).status == "fail"


def test_exact_sees_the_sign_of_zero(oracle: np.ndarray) -> None:
    """Bit for bit includes it; units in the last place do not."""
    oracle[0, 0] = 0.0
    actual = oracle.astype(np.float32)
    actual[0, 0] = -0.0
    assert decide([compare(_expected(oracle), actual)], Exact()).status == "fail"
    assert decide([compare(_expected(oracle), actual)], Ulp(0, "a test")).status == "pass"


def test_integers_are_counted(oracle: np.ndarray) -> None:
    """One wrong index is a failure, and is named."""
    ids = np.arange(12).reshape(3, 4)
    wrong = ids.astype(np.int32)
    wrong[2, 1] += 1
    sample = compare(Expected(oracle=ids, dtype=None), wrong)
    verdict = decide([sample], Exact())
    assert verdict.status == "fail"
    assert "[2, 1] is 10, expected 9" in verdict.reasons[0]


def test_subnormals_may_be_flushed_where_hardware_does() -> None:
    """In float32 and bfloat16 an error below the smallest normal is underflow; in float16 it is not."""
    for dtype, status in ((FLOAT32, "pass"), (BFLOAT16, "pass"), (FLOAT16, "fail")):
        oracle = np.full(8, dtype.smallest_normal / 2)
        floor = Floor(0.0, 0.0, 0.0, 0.0, 0.0)
        expected = Expected(oracle, dtype, reference=cast(oracle, dtype), floor=floor)
        sample = compare(expected, np.zeros(8, dtype=dtype.numpy))
        assert decide([sample], Ratio()).status == status


def test_flushing_is_not_an_excuse_for_normal_numbers() -> None:
    """Zero for the smallest normal number is wrong by one smallest normal: twice that is not forgiven."""
    oracle = np.full(8, 2 * FLOAT32.smallest_normal)
    floor = Floor(0.0, 0.0, 0.0, 0.0, 0.0)
    sample = compare(
        Expected(oracle, FLOAT32, reference=oracle.astype(np.float32), floor=floor),
        np.zeros(8, dtype=np.float32),
    )
    assert decide([sample], Ratio()).status == "fail"


def test_an_empty_result_is_compared_to_nothing() -> None:
    """No elements is no comparison: n says so."""
    empty = np.zeros((0, 3))
    assert compare(_expected(empty), empty.astype(np.float32)) == Comparison(n=0, notes=("empty",))


def test_the_bound_gates_by_itself(oracle: np.ndarray) -> None:
    """An error over theory's bound fails, whatever the ratio says."""
    huge = Floor(1.0, 1.0, 1.0, 1.0, 1.0)
    expected = _expected(oracle, floor=huge, bound=np.full(oracle.shape, 1e-6))
    actual = (oracle + 2e-6).astype(np.float32)
    verdict = decide([compare(expected, actual)], Ratio())
    assert verdict.status == "fail"
    assert "bound" in verdict.reasons[0]
