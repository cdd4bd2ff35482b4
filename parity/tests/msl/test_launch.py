"""A kernel may crash, loop, recurse or ask for too much: this process goes on, and says what happened."""

import time
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl
from parity.errors import UsageError
from parity.msl import arrays, launch

from .helpers import found, kinds, make, run

pytestmark = pytest.mark.parity_slow


@pytest.mark.parametrize(
    "body",
    [
        "*(device int*)0x1234 = 1; out[0] = 1;",
        "device int* p = (device int*)0x7f0000000000; out[0] = *p;",
        "out[1 << 28] = 1;",
        "out[-(1 << 28)] = 1;",
        "__builtin_trap();",
    ],
)
def test_crashes_are_findings(body: str) -> None:
    assert kinds(body, shape=(4,)) & {"out-of-bounds", "crash"}
    assert run("out[thread_position_in_grid.x] = 1;").sum().item() == 32


def test_a_loop_ends_at_the_time_limit() -> None:
    start = time.monotonic()
    seen = found("while (true) { out[0] = 1; }", time_limit=0.2, shape=(1,))
    assert time.monotonic() - start < 20
    (loop,) = [f for f in seen if f.kind == "runaway"]
    assert loop.line == 1
    assert "0.2 s" in loop.describe()


def test_a_loop_without_any_access_ends_too() -> None:
    body = "uint n = 1; while (n != 0) { n = n * 5 + 1; n |= 1; } out[0] = n;"
    assert "runaway" in kinds(body, time_limit=0.2, shape=(1,))


def test_too_much_threadgroup_memory_is_said() -> None:
    with pytest.raises(msl.LaunchError, match="threadgroup memory"):
        run("threadgroup float a[2000000]; a[thread_position_in_grid.x] = 1; out[0] = a[0];")


def test_a_memory_limit_is_said() -> None:
    with msl.configured(memory_limit=2 << 30), pytest.raises(msl.LaunchError, match="need 4096 MiB"):
        run("out[thread_position_in_grid.x] = 1;", shape=(1 << 27,))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def scratch() -> str:
        asked.append(tmp_path)
        return str(tmp_path)

    monkeypatch.setattr(launch, "_scratch", scratch)
    kinds("*(device int*)0 = 1;")
    run("out[thread_position_in_grid.x] = 1;")
    assert asked
    assert not list(tmp_path.iterdir())


def test_output_that_is_no_answer() -> None:
    import subprocess

    with pytest.raises(msl.LaunchError, match="code 7"):
        launch._parse("k", subprocess.CompletedProcess([], 7, "nonsense", "why"))
    with pytest.raises(msl.LaunchError, match="SIGKILL"):
        launch._parse("k", subprocess.CompletedProcess([], -9, "", ""))


def test_large_arrays() -> None:
    n = 1 << 22
    x = mx.arange(n).astype(mx.int32)
    out = run("uint i = thread_position_in_grid.x; out[i] = x[i] + 1;", inputs={"x": x}, shape=(n,), dtype=mx.int32,
              grid=(n, 1, 1), threadgroup=(1024, 1, 1))  # fmt: skip
    assert mx.array_equal(out, x + 1)


def test_many_threadgroups_and_barriers() -> None:
    source = """
        threadgroup uint a[64];
        uint t = thread_position_in_threadgroup.x, s = 0;
        for (uint k = 0; k < 50; ++k) {
            a[t] = k + t;
            threadgroup_barrier(mem_flags::mem_threadgroup);
            s += a[63 - t];
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
        out[thread_position_in_grid.x] = s;
    """
    out = run(source, shape=(64 * 200,), dtype=mx.uint32, grid=(64 * 200, 1, 1), threadgroup=(64, 1, 1))
    expected = np.tile([sum(k + 63 - t for k in range(50)) for t in range(64)], 200)
    assert np.array_equal(out, expected)


def test_without_checks_only_the_result_counts() -> None:
    racy = "threadgroup float a[32]; uint t = thread_position_in_grid.x; a[t] = t; out[t] = a[t ^ 1];"
    with msl.configured(check=False):
        kernel = make(racy)
        call: dict[str, Any] = {
            "output_shapes": [(32,)],
            "output_dtypes": [mx.float32],
            "grid": (32, 1, 1),
            "threadgroup": (32, 1, 1),
        }
        kernel(inputs=[], **call)
    assert kernel.last is not None
    assert kernel.last.findings == ()


@pytest.mark.parametrize(
    "changes", [{"schedules": 0}, {"on_findings": "shout"}, {"math": "sloppy"}, {"shedules": 2}], ids=str
)
def test_wrong_settings(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError), msl.configured(**changes):
        pass


def test_settings_are_restored() -> None:
    with pytest.raises(RuntimeError), msl.configured(schedules=7):
        raise RuntimeError
    from parity.msl import settings

    assert settings.current().schedules == 1


@pytest.mark.parametrize("dtype", sorted(set(arrays.DTYPES) - {"float64"}))
def test_arrays_come_back_as_they_went(dtype: str) -> None:
    x = (mx.arange(24).reshape(2, 3, 4) % 7).astype(arrays.DTYPES[dtype])
    stored = arrays.store(x, contiguous=True)
    assert stored.strides == (12, 4, 1)
    back = arrays.load(stored.data, dtype, (2, 3, 4))
    assert back.dtype == x.dtype
    assert mx.array_equal(back, x)
