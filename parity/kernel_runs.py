"""Kernels of specs on the executor: the call of a launch, its check, and its profile against its bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from parity import msl
from parity.axes import shape_of
from parity.dtypes import parse_dtype
from parity.inputs import Array, draw
from parity.kernel_spec import Bars, KernelSpec, Launching
from parity.msl.fpmodes import MODES, Mode
from parity.sides.base import resolve_target
from parity.sides.mlx_side import to_mlx


@dataclass(frozen=True)
class Prepared:
    """A kernel, and the arguments of one call of it."""

    kernel: msl.MetalKernel
    call: dict[str, Any]
    least_bytes: int


def prepare(spec: KernelSpec, launching: Launching, dtype: str, seed: int = 0) -> Prepared:
    """The call that a launch makes, its inputs standard-normal."""
    declared = resolve_target(spec.target)
    arrays = []
    for name, axes in spec.inputs.items():
        if axes.startswith("="):
            sizes = [launching.sizes[axis] for axis in axes[1:].split()]
            arrays.append(mx.array(sizes, dtype=mx.int32))
            continue
        working = parse_dtype(spec.fixed.get(name, dtype))
        drawn = draw(name, Array(axes), launching.sizes, kind="normal", dtype=working, seed=seed)
        assert drawn.shape == shape_of(axes, launching.sizes)
        arrays.append(to_mlx(drawn, working))
    launch = declared.launch(*arrays, **launching.choices_in(dtype))
    header, body = declared.text()
    kernel = msl.metal_kernel(
        name=declared.name,
        input_names=declared.inputs,
        output_names=declared.outputs,
        source=body,
        header=header,
    )
    call = {
        "inputs": arrays,
        "template": list(launch.template),
        "grid": launch.grid,
        "threadgroup": launch.threadgroup,
        "output_shapes": list(launch.output_shapes),
        "output_dtypes": list(launch.output_dtypes),
    }
    return Prepared(kernel, call, launch.least_bytes)


def check(
    spec: KernelSpec,
    launching: Launching,
    dtype: str,
    *,
    schedules: int,
    modes: Sequence[Mode] = MODES,
    seed: int = 0,
) -> msl.CheckReport:
    """Every check of the executor on one launch."""
    prepared = prepare(spec, launching, dtype, seed)
    return msl.check(prepared.kernel, schedules=schedules, modes=modes, seed=seed, **prepared.call)


@dataclass(frozen=True)
class Cost:
    """A profile beside its bars; `problems` says which do not hold."""

    profile: msl.Profile
    least_bytes: int
    bars: Bars

    @property
    def bytes(self) -> float:
        """Device bytes moved over the least for the algorithm."""
        return (self.profile.read.moved + self.profile.written.moved) / self.least_bytes

    @property
    def bank_conflicts(self) -> float:
        """Of threadgroup memory, per access of a SIMD group."""
        p = self.profile
        made = p.threadgroup_read.instructions + p.threadgroup_written.instructions
        return p.bank_conflicts / made if made else 0.0

    @property
    def problems(self) -> list[str]:
        p, bars = self.profile, self.bars
        found = []
        if not self.bytes <= bars.bytes:
            found.append(f"moves {self.bytes:.3f} times the least bytes, the bar is {bars.bytes}")
        if not p.coalescing >= bars.coalescing:
            found.append(f"{p.coalescing:.1%} coalesced, the bar is {bars.coalescing:.0%}")
        if not self.bank_conflicts <= bars.bank_conflicts:
            found.append(
                f"{self.bank_conflicts:.3f} bank conflicts an access, the bar is {bars.bank_conflicts}"
            )
        if not p.threadgroup_bytes <= bars.threadgroup:
            found.append(f"{p.threadgroup_bytes} bytes of threadgroup memory, the bar is {bars.threadgroup}")
        return found


def cost(spec: KernelSpec, dtype: str) -> Cost:
    """The profile of a kernel's typical launch."""
    prepared = prepare(spec, spec.profiled, dtype)
    return Cost(msl.profile(prepared.kernel, **prepared.call), prepared.least_bytes, spec.bars)
