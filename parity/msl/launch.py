"""One launch in a process of its own: what it is given, what it answers.

A kernel under test may write anywhere, loop or crash. It does so in a child that shares nothing but one file.
"""

import errno
import json
import os
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .compiler import Compiled
from .errors import LaunchError

MAGIC = 0x314C534D59544950
_KINDS = {"input": 0, "output": 1, "constant": 2}
_REQUEST = struct.Struct("<2Q3Q3Q5Q4Q")
_BUFFER = struct.Struct("<9Q64s")
_FLAG_CHECK, _FLAG_FLUSH, _FLAG_PROFILE = 1, 2, 4

_FIXED = 1 << 30
"""Bytes of address space of every launch: stacks, threadgroup memory and its shadow, the log of a profile."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class BufferSpec:
    """A buffer of the launch: its bytes (what an output starts with, or None), and what an element is."""

    kind: str
    name: str
    size: int
    data: Bytes | None
    element: int
    floating: bool = False
    origin: int = 0
    """Where in the bytes the kernel's pointer points: not 0 for a view with negative strides."""
    lead: int = 0
    """The address of the first byte modulo 16: not 0 for a view into an array."""


@dataclass(frozen=True)
class Settings:
    """How a launch is carried out."""

    check: bool = True
    seed: int = 0
    schedules: int = 1
    flush: bool = False
    draw_errors: bool = False
    math_seed: int = 0
    profile: bool = False
    profile_groups: int = 1 << 30
    time_limit: float = 60.0
    """Seconds of processor time."""
    memory_limit: int = 16 << 30
    """Bytes of address space that a launch may need, arrays and their shadow included."""
    max_findings: int = 64


@dataclass(frozen=True)
class Answer:
    """What the process found, and the outputs in the order of the buffers."""

    report: dict[str, Any]
    outputs: tuple[Bytes, ...]
    findings: tuple[dict[str, Any], ...] = field(default=())


def _scratch() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _align(n: int) -> int:
    return (n + 63) // 64 * 64


def _write_request(
    file: Any,
    buffers: Sequence[BufferSpec],
    grid: Sequence[int],
    threadgroup: Sequence[int],
    settings: Settings,
) -> list[int]:
    """Write the request; the offset of each buffer's bytes."""
    offset = _align(_REQUEST.size + _BUFFER.size * len(buffers))
    offsets = []
    for b in buffers:
        offsets.append(offset)
        offset += _align(b.size)
    flags = _FLAG_CHECK * settings.check | _FLAG_FLUSH * settings.flush | _FLAG_PROFILE * settings.profile
    file.truncate(max(offset, 64))
    file.write(
        _REQUEST.pack(
            MAGIC, len(buffers), *grid, *threadgroup,
            settings.seed % 2**64, settings.schedules, flags,
            int(settings.draw_errors), settings.math_seed % 2**64,
            int(settings.time_limit * 1000), settings.max_findings, settings.profile_groups,
            settings.memory_limit + _FIXED,
        )
    )  # fmt: skip
    for b, at in zip(buffers, offsets, strict=True):
        initialised = b.data is not None
        granule = min(4, b.element)
        file.write(
            _BUFFER.pack(
                _KINDS[b.kind],
                b.size,
                at,
                b.origin,
                granule,
                initialised,
                b.element,
                b.floating,
                b.lead,
                b.name.encode()[:63],
            )
        )
    for b, at in zip(buffers, offsets, strict=True):
        if b.data is not None and b.size:
            file.seek(at)
            file.write(b.data.tobytes())
    file.flush()
    return offsets


def _need(buffers: Sequence[BufferSpec], settings: Settings) -> int:
    """Address space of a launch: arrays, their file, a first result, and 16 bytes of shadow a granule."""
    need = _FIXED
    for b in buffers:
        need += 2 * b.size
        if b.kind == "output":
            need += 16 * b.size // min(4, b.element) + b.size * (settings.schedules > 1)
    return need


def _spawn(path: Path, file: str, settings: Settings) -> subprocess.CompletedProcess[str]:
    for attempt in range(20):
        try:
            return subprocess.run(
                [str(path), file],
                capture_output=True,
                text=True,
                timeout=settings.time_limit * 4 + 30,
                check=False,
            )
        except OSError as error:
            # Another process was forked while this program was being written, and still holds it open.
            if error.errno != errno.ETXTBSY or attempt == 19:
                raise
            time.sleep(0.05)
    raise AssertionError


def run(
    kernel: str,
    compiled: Compiled,
    buffers: Sequence[BufferSpec],
    grid: Sequence[int],
    threadgroup: Sequence[int],
    settings: Settings,
) -> Answer:
    """Run the kernel in a child process.

    Raises: LaunchError if it needs too much memory or the child gives no answer.
    """
    need = _need(buffers, settings)
    if need > settings.memory_limit:
        raise LaunchError(
            kernel,
            f"its arrays and their shadow need {need >> 20} MiB, and memory_limit is "
            f"{settings.memory_limit >> 20} MiB: "
            "use smaller arrays, check=False, or a larger memory_limit",
        )
    with tempfile.NamedTemporaryFile(prefix="parity-msl-", dir=_scratch()) as file:
        offsets = _write_request(file, buffers, grid, threadgroup, settings)
        try:
            done = _spawn(compiled.path, file.name, settings)
        except subprocess.TimeoutExpired:
            raise LaunchError(
                kernel,
                f"no answer after {settings.time_limit * 4 + 30:.0f} s: is the machine overloaded?",
            ) from None
        report = _parse(kernel, done)
        outputs = []
        for b, at in zip(buffers, offsets, strict=True):
            if b.kind == "output":
                file.seek(at)
                outputs.append(np.frombuffer(file.read(b.size), dtype=np.uint8))
    return Answer(report, tuple(outputs), tuple(report["findings"]))


def _parse(kernel: str, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise LaunchError(
            kernel, f"its process was ended by {name}: the time limit, or the system was out of memory"
        )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise LaunchError(
            kernel,
            f"its process ended with code {done.returncode} and said "
            f"{done.stdout[-300:]!r} {done.stderr[-300:]!r}",
        ) from None
    if "failed" in report:
        raise LaunchError(kernel, report["failed"])
    return report
