"""From a kernel and its arguments to outputs and findings: compile, run in a child, find the words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import arrays, launch
from .compiler import Compiled, Options, compile_unit
from .findings import INTERRUPTED, Access, Finding, Geometry, merged, order
from .lines import resolve
from .phrases import Context, from_raw
from .refused import refused
from .settings import RunSettings
from .signature import Array, Generated, TemplateValue, generate
from .unit import Unit, assemble

THREADGROUP_MEMORY = 32 * 1024
"""Bytes that every Apple GPU gives a threadgroup (Metal feature set tables: 32 KB for all Apple families)."""

MAX_BUFFERS = 31
"""Buffers of a kernel (Metal feature set tables)."""


@dataclass(frozen=True)
class KernelText:
    """What ``mx.fast.metal_kernel`` is given."""

    name: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    source: str
    header: str = ""
    ensure_row_contiguous: bool = True
    atomic_outputs: bool = False


@dataclass(frozen=True)
class Call:
    """What the kernel is called with, arrays as they are stored."""

    inputs: tuple[arrays.Stored, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    output_dtypes: tuple[str, ...]
    grid: tuple[int, int, int]
    threadgroup: tuple[int, int, int]
    template: tuple[tuple[str, TemplateValue], ...] = ()
    init_value: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run gave: bytes of the outputs, findings (errors first), and counts."""

    outputs: tuple[launch.Bytes, ...]
    findings: tuple[Finding, ...]
    report: dict[str, Any] = field(repr=False)
    generated: Generated = field(repr=False)
    compiled: Compiled = field(repr=False)
    base: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "note")


def generated_text(kernel: KernelText, call: Call) -> Generated:
    """The Metal text for this call."""
    return generate(
        name=kernel.name,
        source=kernel.source,
        header=kernel.header,
        input_names=kernel.input_names,
        inputs=[Array(a.dtype, a.shape) for a in call.inputs],
        output_names=kernel.output_names,
        outputs=call.output_dtypes,
        template=call.template,
        atomic_outputs=kernel.atomic_outputs,
    )


def _buffers(generated: Generated, call: Call) -> list[launch.BufferSpec]:
    found = []
    for p in generated.parameters:
        if p.role == "output":
            dtype = call.output_dtypes[p.index]
            count = int(np.prod(call.output_shapes[p.index], dtype=np.int64))
            element = arrays.item_size(dtype)
            data = None if call.init_value is None else arrays.filled(call.init_value, dtype, count)
            element = 4 if dtype == "complex64" else element
            found.append(
                launch.BufferSpec(
                    "output", p.name, count * arrays.item_size(dtype), data, element, dtype in arrays.FLOATING
                )
            )
            continue
        a = call.inputs[p.index]
        if p.role == "input":
            size = arrays.item_size(a.dtype)
            found.append(
                launch.BufferSpec("input", p.name, a.data.size, a.data, size, False, a.origin, a.lead)
            )
            continue
        values = _of_shape(a, p.role)
        raw = values.view(np.uint8)
        found.append(launch.BufferSpec("constant", p.name, raw.size, raw, values.dtype.itemsize))
    return found


def _of_shape(a: arrays.Stored, role: str) -> npt.NDArray[Any]:
    if role == "shape":
        return np.array(a.shape, np.int32)
    return np.array(a.strides, np.int64) if role == "strides" else np.array([len(a.shape)], np.int32)


def run(
    kernel: KernelText,
    call: Call,
    settings: RunSettings,
    *,
    profile: bool = False,
    profile_groups: int = 1 << 30,
) -> Outcome:
    """Run the kernel once (for each schedule) and say what was found.

    Raises: CompileError, CompilerMissingError, LaunchError.
    """
    generated = generated_text(kernel, call)
    unit = assemble(generated, atomic_outputs=kernel.atomic_outputs, nan=settings.unset == "pattern")
    options = Options(settings.contract, settings.fast_math, settings.reassociate, profile, settings.unset)
    compiled = compile_unit(kernel.name, unit, options)
    answer = launch.run(
        kernel.name,
        compiled,
        _buffers(generated, call),
        call.grid,
        call.threadgroup,
        launch.Settings(
            check=settings.check,
            seed=settings.seed,
            schedules=settings.schedules,
            flush=settings.flush,
            draw_errors=settings.math == "drawn",
            math_seed=settings.math_seed,
            profile=profile,
            profile_groups=profile_groups,
            time_limit=settings.time_limit,
            memory_limit=settings.memory_limit,
        ),
    )
    base = answer.report["base"]
    counters = {f[side]["pc"] for f in answer.findings for side in ("now", "before") if side in f}
    counters |= {pc for f in answer.findings if f["kind"] in INTERRUPTED for pc in f["numbers"][1:]}
    lines = resolve(compiled, base, counters) if counters else {}
    text = generated.text.splitlines()
    context = Context(lines, unit.place, unit.source_line, text, Geometry(call.grid, call.threadgroup))
    found = merged([from_raw(f, context) for f in answer.findings])
    if settings.check:
        found += _of_compiler(compiled, text)
        found += _of_text(unit, generated.text, text)
        found += _of_memory(answer.report)
    return Outcome(answer.outputs, tuple(order(found)), answer.report, generated, compiled, base)


def _of_compiler(compiled: Compiled, text: Sequence[str]) -> list[Finding]:
    unit = compiled.unit
    found = []
    for line, message in compiled.warnings:
        code = text[line - 1].strip() if line <= len(text) else ""
        access = Access("read", unit.source_line(line), unit.place(line), code, None, None)
        name = message.split("'")[1] if "'" in message else message.split("‘")[-1].split("’")[0]
        remedy = "a local variable starts with arbitrary contents: set it first"
        found.append(
            Finding("uninitialised", "error", f"local variable {name}", remedy, name, None, (access,))
        )
    return found


def _of_text(unit: Unit, whole: str, text: Sequence[str]) -> list[Finding]:
    found = []
    for r in refused(whole):
        code = text[r.line - 1].strip()
        access = Access("stands", unit.source_line(r.line), unit.place(r.line), code, None, None)
        found.append(Finding("refused", "error", r.message, r.remedy, accesses=(access,)))
    return found


def _of_memory(report: dict[str, Any]) -> list[Finding]:
    used = report["threadgroup_bytes"]
    if used <= THREADGROUP_MEMORY:
        return []
    message = f"{used} bytes, and a threadgroup has {THREADGROUP_MEMORY}: Metal refuses the kernel"
    return [Finding("threadgroup-memory", "error", message, "use smaller tiles, or a 16-bit type for them")]
