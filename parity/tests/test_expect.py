"""What the reference says a result should be where it has no number for it itself."""

import numpy as np
import pytest

from parity.case import Case
from parity.compare import lost_in
from parity.dtypes import BFLOAT16, FLOAT16
from parity.floor import norms
from parity.judge import expectation

pytestmark = pytest.mark.parity_live

OVERFLOWS = "blockdiag_glu;b=2;l=257;k=1;q=16;p=1;dtype=f16;kind=cancel;seed=0;vjp"


def test_where_the_reference_overflows_its_precision_is_measured() -> None:
    """Some units in the last place, and far less than the result: the same for results that are whole."""
    results = expectation(Case.parse(OVERFLOWS), 0).results
    lost = {}
    for name, expected in results.items():
        assert expected.reference is not None
        lost[name] = lost_in(FLOAT16, expected.oracle, expected.reference)
    assert any(at.any() for at in lost.values())
    for name, at in lost.items():
        measured = results[name].unbounded
        assert (measured is not None) == bool(at.any()), name
        if measured is not None:
            rms, largest = norms(results[name].oracle[at])
            assert FLOAT16.unit_roundoff / 4 < measured[0] / rms < 0.05
            assert measured[0] < measured[1] < largest
    calm = expectation(Case.parse("blockdiag_glu;dtype=f16;vjp"), 0).results
    assert all(e.unbounded is None for e in calm.values())


@pytest.mark.parametrize("dtype", [FLOAT16, BFLOAT16])
def test_rounding_to_fewer_bits(dtype: object) -> None:
    """Up or down to a neighbour, right on average, and as large as float64 goes."""
    torch = pytest.importorskip("torch")
    from parity.sides.reorder import ROUNDED_TO, OtherRoundings

    assert dtype in (FLOAT16, BFLOAT16)
    precision = 11 if dtype is FLOAT16 else 8
    x = torch.full((10_000,), 1 / 3, dtype=ROUNDED_TO) * 2.0**200
    with OtherRoundings(1, precision=precision, dtype=ROUNDED_TO):
        y = torch.mul(x, torch.ones_like(x))
    values = np.unique(y.numpy()) / 2.0**200
    unit = 2.0 ** (-1 - precision)  # 1/3 lies between 1/4 and 1/2
    np.testing.assert_allclose(values, [np.floor(1 / 3 / unit) * unit, np.ceil(1 / 3 / unit) * unit])
    assert abs(float(y.mean()) / 2.0**200 * 3 - 1) < unit / 10
