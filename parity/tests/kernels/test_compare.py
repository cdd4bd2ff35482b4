"""The canary and the comparison of executors, with the CPU's executor on both sides."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from parity import canary, errors, msl, sides
from parity.cli import main
from parity.kernel_compare import MOST, bound_of, canaries, compare, judged, on_executor
from parity.kernel_spec import KERNELS, KernelSpec, Launching
from parity.msl import compiler

pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]


@contextmanager
def loosely() -> Iterator[None]:
    """An executor that does all that Metal may do."""
    with msl.installed(contract=True, flush=True, fast_math=True, math="drawn"):
        yield


def test_what_may_differ_is_told_from_what_may_not() -> None:
    """Contraction, flushing and functions may; lanes, layouts and roundings are the same."""
    strict, loose = canaries(on_executor, loosely)
    found = {d.question: d for d in canary.differences(strict, loose)}
    assert {"contraction of v·v + c", "subnormal results", "exp"} <= set(found)
    assert all(d.allowed for d in found.values())
    assert canary.fingerprint(strict) != canary.fingerprint(loose)
    wrong = strict.copy()
    wrong[0] += 1
    (difference,) = canary.differences(strict, wrong)
    assert (difference.lanes, difference.allowed) == (32, False)


def test_answers_are_what_numpy_says() -> None:
    """Of the questions that IEEE arithmetic answers."""
    (answers,) = canaries(on_executor)
    by_name = {q.name: a for q, a in zip(canary.QUESTIONS, answers, strict=True)}
    v = np.float32(1) + np.arange(1, 33, dtype=np.float32) / np.float32(97)
    assert np.array_equal(by_name["division"], (v / np.float32(3)).view(np.uint32))
    assert np.array_equal(by_name["rounding to half"], v.astype(np.float16).view(np.uint16))
    lane = np.arange(32)
    integers = np.trunc((lane - 16) / 3).astype(int) * 100 + np.fmod(lane - 16, 3)
    assert np.array_equal(by_name["division of negative integers"].view(np.int32), integers)


def test_launches_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal executors differ by nothing, and what one cannot run is said."""
    few = {n: KERNELS[n] for n in ("depthwise_conv3",)}
    monkeypatch.setattr("parity.kernel_compare.KERNELS", few)
    found = list(compare(on_executor, on_executor))
    assert found
    assert all(c.spread == 0 and not c.problem for c in found)

    @contextmanager
    def broken() -> Iterator[None]:
        if KERNELS:
            raise RuntimeError("no such device")
        yield

    assert all("no such device" in c.problem for c in compare(on_executor, broken))


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an Apple GPU the reason is said, and is an error only if the side is required."""
    assert main(["kernels", "list", "fft*", "--json"]) == errors.EXIT_OK
    listed = json.loads(capsys.readouterr().out)
    assert {"fft_conv", "fft_product"} <= {k["name"] for k in listed}
    assert all(k["summary"] and k["launches"] for k in listed)
    assert main(["kernels", "list", "ftf_conv"]) == errors.EXIT_USAGE
    assert "fft_conv" in capsys.readouterr().err
    if sides.why_not("metal") is None:
        return
    assert main(["kernels", "compare", "--require-side", "metal"]) == errors.EXIT_SIDE_UNAVAILABLE
    assert "fingerprint of msl" in capsys.readouterr().out
    assert main(["kernels", "compare"]) == errors.EXIT_NOTHING_COMPARED
    assert "metal did not run" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_numbers_decide(dtype: str) -> None:
    """Roundings are none of a problem; an element that is wrong, missing or not finite is."""
    for spec in KERNELS.values():
        for launching in spec.launches:
            bound = bound_of(launching, dtype)
            assert 0 < bound <= MOST
            right = np.linspace(-1, 1, 33)

            def problem(
                change: float, spec: KernelSpec = spec, at: Launching = launching, right: Any = right
            ) -> str:
                other = right.copy()
                other[7] += change
                return judged(spec, at, dtype, [right], [other]).problem

            assert not problem(0.9 * bound)
            assert "more than" in problem(1.1 * bound)
            assert "more than" in problem(-0.5)
            assert "finite" in problem(np.nan)
            assert "finite" in problem(np.inf)


def test_what_metal_may_do_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contraction, flushing and inexact functions stay within the bound."""
    monkeypatch.setattr(
        "parity.kernel_compare.KERNELS", {n: KERNELS[n] for n in ("depthwise_conv3", "hyena_filter")}
    )
    assert all(not c.problem for c in compare(on_executor, loosely))
