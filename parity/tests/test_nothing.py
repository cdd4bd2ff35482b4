"""No word ends the process, hangs, or answers otherwise than its twin where an axis has no elements."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="the reference needs PyTorch")


def test_every_word_on_nothing() -> None:
    """What was printed last is the case that a process ended in."""
    run = [sys.executable, "-m", "parity.tests.nothing"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]
    assert done.stdout.count(" = 0") >= 150
