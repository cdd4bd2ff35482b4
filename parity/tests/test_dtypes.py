"""Grids of formats against the formats' own conversions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.dtypes import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    WORKING,
    WorkingDtype,
    next_after,
    parse_dtype,
    round_to,
    ulp,
    ulp_distance,
)
from parity.errors import UsageError

formats = st.sampled_from(list(WORKING.values()))
floats = st.floats(width=64, allow_nan=False)


@given(st.lists(floats, min_size=1, max_size=8), formats)
def test_rounding_is_the_formats_own(values: list[float], dtype: WorkingDtype) -> None:
    """To nearest, ties to even, infinite past the largest."""
    x = np.array(values)
    with np.errstate(over="ignore"):
        if dtype is BFLOAT16:
            # ml_dtypes rounds float64 by way of float32; where that rounds twice it is one step off.
            direct = round_to(x, dtype)
            twice = x.astype(np.float32).astype(dtype.numpy).astype(np.float64)
            near = np.isfinite(twice) & np.isfinite(direct)
            step = ulp(direct[near], dtype)
            assert (np.abs(direct[near] - twice[near]) <= step).all()
        else:
            np.testing.assert_array_equal(round_to(x, dtype), x.astype(dtype.numpy).astype(np.float64))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT16, BFLOAT16])
def test_ulp_is_the_distance_to_the_next_number(dtype: WorkingDtype) -> None:
    """At powers of two, between them, at zero and among the subnormals."""
    tiny = dtype.smallest_normal
    for value in (1.0, 1.5, 2.0, 0.75, tiny, tiny / 2, 0.0):
        x = np.array([value]).astype(dtype.numpy)
        above = next_after(x, np.array([True])).astype(np.float64)
        assert above[0] - value == ulp(np.array([value]), dtype)[0]


@given(st.integers(0, 15_000), formats)
def test_steps_are_counted(steps: int, dtype: WorkingDtype) -> None:
    """Adjacent numbers are one apart, the zeros together, signs in order."""
    width = f"u{dtype.numpy.itemsize}"
    one = np.array([1.0]).astype(dtype.numpy)
    other = (one.view(width) - np.array([steps], dtype=width)).view(dtype.numpy)
    assert ulp_distance(one, other)[0] == steps
    zeros = np.array([0.0, -0.0]).astype(dtype.numpy)
    assert ulp_distance(zeros[:1], zeros[1:])[0] == 0


def test_unknown_dtype_names_the_nearest() -> None:
    """Misspelt names are errors."""
    with pytest.raises(UsageError, match="bfloat16"):
        parse_dtype("bfloat61")
