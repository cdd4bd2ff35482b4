"""Tests of others run with the executor in MLX's place, from their first conftest.py on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.parity_slow

CONFTEST = """
import mlx.core as mx
made = mx.fast.metal_kernel(
    name="doubled", input_names=["x"], output_names=["out"],
    source="uint i = thread_position_in_grid.x; out[i] = 2 * x[i];",
)
"""
TESTS = """
import mlx.core as mx
import pytest
from conftest import made

racy = mx.fast.metal_kernel(
    name="racy", input_names=["x"], output_names=["out"],
    source="uint i = thread_position_in_grid.x;\\nthreadgroup float a[32];\\na[i] = x[i];\\nout[i] = a[31 - i];",
)

def launch(kernel):
    x = mx.arange(32).astype(mx.float32)
    return kernel(
        inputs=[x], output_shapes=[x.shape], output_dtypes=[x.dtype], grid=(32, 1, 1), threadgroup=(32, 1, 1)
    )[0]

@pytest.mark.skipif(mx.default_device() != mx.gpu, reason="no GPU")
def test_right():
    assert launch(made)[3].item() == 6

def test_racy():
    launch(racy)
"""


def _pytest(folder: Path, *options: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_theirs.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "parity.msl.everywhere",
        "-p",
        "no:cacheprovider",
        *options,
    ]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)],
        cwd=root,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_a_mistake_raises_in_its_test_and_is_in_the_summary(tmp_path: Path) -> None:
    shown = _pytest(tmp_path)
    assert "1 failed, 1 passed" in shown
    assert "2 kernels in 2 launches, 1 with mistakes" in shown
    assert "racy:\ndata race: on a[" in shown
    assert "doubled:" not in shown


def test_findings_may_be_left_to_the_summary(tmp_path: Path) -> None:
    shown = _pytest(tmp_path, "--msl-findings", "ignore", "--msl-schedules", "1")
    assert "2 passed" in shown
    assert "racy:\ndata race: on a[" in shown


ELSEWHERE = """
import platform
import subprocess
import sys
import pytest
from test_theirs import launch, racy

@pytest.mark.skipif(platform.system() != "Darwin" or platform.machine() != "arm64", reason="not a Mac")
@pytest.mark.parametrize("kernel", ["made", "racy"])
def test_in_a_process_of_its_own(kernel):
    text = f"from test_theirs import *; from test_elsewhere import *; launch({kernel})"
    done = subprocess.run([sys.executable, "-c", text], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
"""


@pytest.mark.parametrize(("options", "outcome"), [
    ((), "1 failed, 1 passed, 2 skipped"), (("--msl-mac",), "3 failed, 1 passed"),
    (("--msl-mac", "--msl-children"), "2 failed, 2 passed"),
])  # fmt: skip
def test_processes_and_skips_that_ask_the_platform(
    options: tuple[str, ...], outcome: str, tmp_path: Path
) -> None:
    (tmp_path / "test_elsewhere.py").write_text(ELSEWHERE.replace("FOLDER", repr(str(tmp_path))))
    shown = _pytest(tmp_path, *options)
    assert outcome in shown, shown
    assert ("data race: on a[" in shown.partition("Metal kernels")[0].partition("test_racy")[0]) == (
        len(options) == 2
    )
