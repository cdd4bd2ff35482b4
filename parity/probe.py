"""The probe: how precisely each side really computes, measured in about a second.

A GPU may multiply float32 with 10 mantissa bits (TF32), a library may flush subnormals, and two sides may
share one BLAS, in which case their agreement proves nothing. None of that is announced; all of it shows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import sides
from .dtypes import FLOAT32, AnyArray, Float64, WorkingDtype, cast
from .inputs import generator
from .record import Row
from .sides import Task
from .spec import OpSpec

_TORCH, _MLX = "parity.calibration.torch_ops:", "parity.calibration.mlx_ops:"


def _spec(name: str, **inputs: str) -> OpSpec:
    return OpSpec(
        f"probe_{name}",
        reference=_TORCH + name,
        port=_MLX + name,
        inputs=inputs,
        source="probe",
        register=False,
    )


@dataclass(frozen=True)
class Probe:
    """One operation to measure: its exact result, and the bits that rounding the result would leave."""

    spec: OpSpec
    shapes: tuple[tuple[int, ...], ...]
    exact: Callable[..., Float64]


def _convolve(u: Float64, k: Float64) -> Float64:
    n = 2 * u.shape[-1]
    return np.fft.irfft(np.fft.rfft(u, n=n) * np.fft.rfft(k, n=n), n=n)[..., : n // 2]


PROBES = {
    "matmul": Probe(_spec("matmul", a="m k", b="k n"), ((128, 256), (256, 128)), np.matmul),
    "convolution": Probe(_spec("fft_convolution", u="d l", k="d l"), ((8, 256), (8, 256)), _convolve),
    "sum": Probe(_spec("total", x="b l"), ((256, 256),), lambda x: x.sum(-1)),
    "exp": Probe(_spec("exp", x="b l"), ((64, 256),), np.exp),
    "sin": Probe(_spec("sin", x="b l"), ((64, 256),), np.sin),
}

LOST_BITS = 5
"""A result with this many bits fewer than its format has was computed in another one. Honest float32 sums
of 256 terms in sequence lose 3; TF32 products lose 13, bfloat16 ones 16."""


@dataclass(frozen=True)
class Measurement:
    """Effective significant bits of one operation on one side, and whether that is a finding."""

    side: str
    device: str
    dtype: str
    operation: str
    bits: float
    expected: int

    @property
    def finding(self) -> str | None:
        """What is wrong, if the operation is less precise than its format."""
        if self.bits >= self.expected - LOST_BITS:
            return None
        hint = ""
        if self.dtype == "float32" and self.operation == "matmul":
            hint = "; a fast mode such as TF32 (set MLX_ENABLE_TF32=0, or NVIDIA_TF32_OVERRIDE=0)"
        return (
            f"{self.operation} in {self.dtype} on {self.side}/{self.device} has {self.bits:.1f} "
            f"effective bits, the format has {self.expected}{hint}"
        )


@dataclass(frozen=True)
class ProbeResult:
    """Effective bits, which side and device flushes subnormals, and which shares PyTorch's products."""

    bits: list[Measurement]
    flush: dict[str, bool]
    shared: dict[tuple[str, str], bool]

    @property
    def findings(self) -> list[str]:
        """What is not as it should be, in sentences."""
        return [reason for row in rows(self) for reason in row.reasons]


def _run(probe: Probe, side: str, device: str, dtype: WorkingDtype, inputs: dict[str, AnyArray]) -> AnyArray:
    task = Task(spec=probe.spec, inputs=inputs, dtype=dtype, device=device)
    return sides.get(side).run(task).outputs["output"]


def _inputs(probe: Probe, dtype: WorkingDtype) -> dict[str, AnyArray]:
    return {
        name: cast(generator("probe", name).standard_normal(shape), dtype)
        for name, shape in zip(probe.spec.inputs, probe.shapes, strict=True)
    }


def measure(side: str, device: str, dtype: WorkingDtype) -> list[Measurement]:
    """The effective bits of each operation: −log₂ of the relative RMS error against float64."""
    found = []
    for operation, probe in PROBES.items():
        inputs = _inputs(probe, dtype)
        exact = probe.exact(*(x.astype(np.float64) for x in inputs.values()))
        error = _run(probe, side, device, dtype, inputs).astype(np.float64) - exact
        relative = float(np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(exact**2)))
        bits = 0.0  # a result that is not finite has none
        if relative == 0:
            bits = float(dtype.precision + 2)
        elif math.isfinite(relative):
            bits = -math.log2(relative)
        found.append(Measurement(side, device, dtype.name, operation, bits, dtype.precision))
    return found


def flushes_subnormals(side: str, device: str) -> bool:
    """Whether a float32 sum of one subnormal number comes out as zero."""
    tiny = np.full((1, 1), FLOAT32.smallest_normal / 4, dtype=np.float32)
    probe = PROBES["matmul"]
    one = np.ones((1, 1), dtype=np.float32)
    return bool(_run(probe, side, device, FLOAT32, {"a": tiny, "b": one})[0, 0] == 0)


def shared_products(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two sides' float32 products over 256 terms agree to the last bit: one library, not two."""
    probe = PROBES["matmul"]
    inputs = _inputs(probe, FLOAT32)
    results = [_run(probe, side, device, FLOAT32, inputs) for side, device in (one, other)]
    return bool(np.array_equal(results[0], results[1]))


def probe_all(pairs: list[tuple[str, str]], dtypes: list[WorkingDtype]) -> ProbeResult:
    """Every measurement of some sides on devices."""
    bits = [m for side, device in pairs for dtype in dtypes for m in measure(side, device, dtype)]
    flush = {f"{side}/{device}": flushes_subnormals(side, device) for side, device in pairs}
    reference = next((p for p in pairs if p[0] == "torch"), None)
    shared = {pair: shared_products(reference, pair) for pair in pairs if reference and pair[0] != "torch"}
    return ProbeResult(bits, flush, shared)


def rows(result: ProbeResult) -> list[Row]:
    """The probe's measurements as rows, findings as failures of their operation."""
    found = []
    for m in result.bits:
        side = f"{m.side}/{m.device}"
        flush = result.flush.get(side, False) and m.dtype == FLOAT32.name
        found.append(
            Row(
                kind="probe",
                id=f"probe-{m.operation}-{m.dtype}-{m.side}-{m.device}",
                status="fail" if m.finding else "pass",
                spec=m.operation,
                side=m.side,
                device=m.device,
                dtype=m.dtype,
                reasons=(m.finding,) if m.finding else (),
                n=1,
                seeds=1,
                figures={"bits": m.bits, "expected": m.expected},
                notes=(f"{side} flushes subnormal numbers to zero",) if flush else (),
                repeat="parity doctor",
            )
        )
    for (side, device), same in result.shared.items():
        reason = (
            f"products on torch/cpu and {side}/{device} are equal bit for bit: they share one BLAS, and "
            "their agreement is no evidence; load it after PyTorch's first product, or let MLX use its "
            "own (--blas own)"
        )
        found.append(
            Row(
                kind="probe",
                id=f"probe-independence-{side}-{device}",
                status="fail" if same else "pass",
                spec="independence",
                side=side,
                device=device,
                dtype=FLOAT32.name,
                reasons=(reason,) if same else (),
                n=1,
                seeds=1,
                repeat="parity doctor",
            )
        )
    return found
