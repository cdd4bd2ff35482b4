"""What Metal may do with floating-point numbers: fused operations, flushed subnormals, errors of functions."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl
from parity.msl.fpmodes import MODES, Mode

from .helpers import make, run

pytestmark = pytest.mark.parity_slow

N = 2000
BODY = "uint i = thread_position_in_grid.x; out[i] = {};"


def _map(expression: str, x: Any, **settings: Any) -> Any:
    with msl.configured(**settings):
        out = run(
            BODY.format(expression), inputs={"x": x}, shape=(N,), grid=(N, 1, 1), threadgroup=(256, 1, 1)
        )
    return np.asarray(out)


def test_contraction() -> None:
    """x² - y²-like cancellation shows whether the product was rounded."""
    x = mx.random.normal(shape=(N,), key=mx.random.key(1))
    body = "x[i] * x[i] - float(x[i] * x[i])"
    separate, fused = _map(body, x), _map("x[i] * x[i] + x[(i + 1) % 2000] * 3.0f", x, contract=True)
    assert not separate.any()
    n = np.asarray(x)
    product = n * n
    assert np.array_equal(
        _map("x[i] * x[i] + x[(i + 1) % 2000] * 3.0f", x), product + np.roll(n, -1) * np.float32(3)
    )
    assert not np.array_equal(fused, product + np.roll(n, -1) * np.float32(3))
    assert np.allclose(fused, product + np.roll(n, -1) * 3, atol=1e-5)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_flushing(dtype: Any) -> None:
    x = mx.array(np.full(N, 1e-39, np.float32)).astype(dtype)
    assert _map("float(x[i]) * 1e20f", x).all()
    assert not _map("float(x[i]) * 1e20f", x, flush=True).any()


def test_half_keeps_its_subnormals_when_flushing() -> None:
    x = mx.array(np.full(N, 1e-6, np.float16))
    assert _map("float(x[i] * half(0.5)) * 1e5f", x, flush=True).all()


PRECISE = {
    "exp": 4, "log": 4, "sin": 4, "cos": 4, "tan": 6, "tanh": 5, "sqrt": 0, "rsqrt": 0, "exp2": 4, "log2": 4,
    "atan": 5, "sinh": 4,
}  # fmt: skip


def _ulps(got: Any, exact: Any) -> float:
    return float(
        np.max(np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(np.float32)))
    )


@pytest.mark.parametrize("name", PRECISE)
def test_drawn_errors_stay_within_the_table_and_reach_for_it(name: str) -> None:
    """Table 8.1 of the Metal Shading Language Specification 4.1."""
    x = mx.random.uniform(0.1, 1.5, shape=(N,), key=mx.random.key(2))
    wide = np.asarray(x).astype(np.float64)
    exact = 1 / np.sqrt(wide) if name == "rsqrt" else getattr(np, {"atan": "arctan"}.get(name, name))(wide)
    bound = max(PRECISE[name], 0.51)
    for seed in range(3):
        got = _map(f"precise::{name}(x[i])", x, math="drawn", math_seed=seed)
        assert _ulps(got, exact) <= bound + 0.01
    if PRECISE[name]:
        assert _ulps(got, exact) > 0.6 * bound
    assert _ulps(_map(f"precise::{name}(x[i])", x), exact) <= 0.501


def test_fast_functions_err_more() -> None:
    """Table 8.2: exp by 3 + ⌊|2x|⌋ units, sine by 2⁻¹³."""
    x = mx.random.uniform(5, 6, shape=(N,), key=mx.random.key(2))
    wide = np.asarray(x).astype(np.float64)
    fast = _map("fast::exp(x[i])", x, math="drawn")
    assert 6 < _ulps(fast, np.exp(wide)) <= 15.01
    y = mx.random.uniform(-3, 3, shape=(N,), key=mx.random.key(3))
    off = np.abs(_map("fast::sin(x[i])", y, math="drawn") - np.sin(np.asarray(y).astype(np.float64))).max()
    assert 2**-14 < off <= 2**-13 * 1.01


def test_fast_math_is_for_names_without_a_namespace() -> None:
    x = mx.random.uniform(5, 6, shape=(N,), key=mx.random.key(2))
    exact = np.exp(np.asarray(x).astype(np.float64))
    assert _ulps(_map("exp(x[i])", x, math="drawn"), exact) <= 4.01
    assert _ulps(_map("exp(x[i])", x, math="drawn", fast_math=True), exact) > 6
    assert _ulps(_map("precise::exp(x[i])", x, math="drawn", fast_math=True), exact) <= 4.01


def test_errors_are_drawn_by_seed() -> None:
    x = mx.random.uniform(0.1, 1, shape=(N,), key=mx.random.key(2))
    a, b, c = (_map("exp(x[i])", x, math="drawn", math_seed=s) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_special_values_are_not_disturbed() -> None:
    x = mx.array([0.0, float("inf"), -float("inf"), float("nan"), 1.0])
    source = "uint i = thread_position_in_grid.x; out[i] = exp(x[i]); out[5 + i] = tanh(x[i]); out[10 + i] = log(x[i]);"
    with msl.configured(math="drawn"):
        out = np.asarray(run(source, inputs={"x": x}, shape=(15,), grid=(5, 1, 1)))
    assert np.isinf(out[1])
    assert out[2] == 0
    assert np.isnan(out[[3, 8, 12, 13]]).all()
    assert (out[5], out[6], out[7]) == (0, 1, -1)
    assert np.isneginf(out[10])
    assert out[14] == 0


def test_check_runs_every_mode_and_measures_the_spread() -> None:
    x = mx.random.normal(shape=(64,))
    report = msl.check(
        make("uint i = thread_position_in_grid.x; out[i] = exp(x[i]) * x[i] + 1;", ["x"]),
        inputs=[x], output_shapes=[(64,)], output_dtypes=[mx.float32], grid=(64, 1, 1), threadgroup=(32, 1, 1),
        seeds_per_mode=2,
    )  # fmt: skip
    assert report.ok
    assert [m.mode for m in report.modes] == [
        "strict",
        "contracted",
        "flushed",
        "precise",
        "precise",
        "fast",
        "fast",
    ]
    assert report.modes[0].spread == 0
    assert 0 < report.modes[3].spread < 1e-5
    assert "clean in 5 schedules and 7 modes" in report.describe()


def test_check_sees_a_result_that_is_not_finite_in_one_mode() -> None:
    x = mx.full((32,), 1e-39)
    report = msl.check(
        make("uint i = thread_position_in_grid.x; out[i] = 1e-30f / x[i];", ["x"]),
        inputs=[x], output_shapes=[(32,)], output_dtypes=[mx.float32], grid=(32, 1, 1), threadgroup=(32, 1, 1),
        modes=[m for m in MODES if m.name in ("strict", "flushed")],
    )  # fmt: skip
    assert report.modes[1].spread == float("inf")


@pytest.mark.parametrize(("start", "clean"), [("1.0f", True), ("", False)])
def test_check_sees_unset_local_variables_behind_a_condition(start: str, clean: bool) -> None:
    source = f"""
        uint i = thread_position_in_grid.x;
        float a[4]{" = {1, 1, 1, 1}" if start else ""};
        for (uint k = 0; k < uint(x[0]); ++k) a[k] = 1;
        out[i] = a[i % 4] + a[3];
    """
    report = msl.check(
        make(source, ["x"]), inputs=[mx.array([2, 0])], output_shapes=[(32,)], output_dtypes=[mx.float32],
        grid=(32, 1, 1), threadgroup=(32, 1, 1),
    )  # fmt: skip
    assert report.ok == clean
    if not clean:
        assert "32 of 32 elements of out, the first at 0, depend on a local variable" in report.describe()


def test_check_sees_a_variable_that_is_set_on_some_ways() -> None:
    """Not left to the compiler, which may take the one value that is set as set always."""
    source = """
        uint i = thread_position_in_grid.x;
        float a;
        if (x[i] > 0) a = 1;
        out[i] = a;
    """
    report = msl.check(
        make(source, ["x"]), inputs=[mx.arange(32) - 3], output_shapes=[(32,)], output_dtypes=[mx.float32],
        grid=(32, 1, 1), threadgroup=(32, 1, 1), modes=[msl.fpmodes.STRICT],
    )  # fmt: skip
    assert "4 of 32 elements of out, the first at 0, depend on a local variable" in report.describe()


def test_check_sees_an_unset_sum_that_is_multiplied_by_zero() -> None:
    """As an online softmax does in its first turn: only what is not finite shows."""
    source = """
        uint i = thread_position_in_grid.x;
        float4 sum[2];
        float m = -INFINITY;
        for (uint k = 0; k < 4; ++k) {
            float best = max(m, x[i * 4 + k]);
            sum[k % 2].x = sum[k % 2].x * exp(m - best) + 1;
            if (k > 0) m = best;
        }
        out[i] = sum[1].x;
    """
    report = msl.check(
        make(source, ["x"]), inputs=[mx.arange(128.0)], output_shapes=[(32,)], output_dtypes=[mx.float32],
        grid=(32, 1, 1), threadgroup=(32, 1, 1), modes=[msl.fpmodes.STRICT],
    )  # fmt: skip
    assert "32 of 32 elements of out, the first at 0, depend on a local variable" in report.describe()


def test_sums_may_change_their_order_where_the_kernel_says_so() -> None:
    """MLX compiles with ``math_mode`` ``safe``, in which they may not."""
    source = "uint i = thread_position_in_grid.x; out[i] = (x[i] + 1e8f) - 1e8f;"
    call: dict[str, Any] = {
        "inputs": [mx.arange(32).astype(mx.float32) / 32], "output_shapes": [(32,)],
        "output_dtypes": [mx.float32], "grid": (32, 1, 1), "threadgroup": (32, 1, 1), "schedules": 1,
    }  # fmt: skip
    safe, relaxed = (
        msl.check(make(source, ["x"], compile_options={"math_mode": mode}), **call)
        for mode in ("safe", "relaxed")
    )
    assert [m.mode for m in relaxed.modes] == [*(m.mode for m in safe.modes), "reassociated"]
    assert all(m.spread == 0 for m in safe.modes)
    assert mx.array_equal(relaxed.modes[-1].outputs[0], call["inputs"][0])


def test_fast_math_is_told_to_the_kernel() -> None:
    source = """
        #if defined(__FAST_MATH__) && __FAST_MATH__
        out[thread_position_in_grid.x] = 1;
        #else
        out[thread_position_in_grid.x] = 0;
        #endif
    """
    for mode, told in (("safe", 0), ("fast", 1)):
        assert run(source, compile_options={"math_mode": mode}).tolist() == [told] * 32


def test_modes_are_data() -> None:
    from parity.msl.settings import RunSettings

    chosen = Mode("x", contract=True, math="drawn").apply(RunSettings(schedules=3), 9)
    assert (chosen.contract, chosen.math, chosen.math_seed, chosen.schedules) == (True, "drawn", 9, 3)
