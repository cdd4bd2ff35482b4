"""The Metal text that ``mx.fast.metal_kernel`` would compile, character for character.

Source: MLX 0.32, checked against what MLX itself prints while it exports a function (test_signature.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

CONSTANT_BELOW = 8
"""Inputs of fewer elements are in the constant address space."""

ATTRIBUTES = {
    "dispatch_quadgroups_per_threadgroup": "uint",
    "dispatch_simdgroups_per_threadgroup": "uint",
    "dispatch_threads_per_threadgroup": "uint3",
    "grid_origin": "uint3",
    "grid_size": "uint3",
    "quadgroup_index_in_threadgroup": "uint",
    "quadgroups_per_threadgroup": "uint",
    "simdgroup_index_in_threadgroup": "uint",
    "simdgroups_per_threadgroup": "uint",
    "thread_execution_width": "uint",
    "thread_index_in_quadgroup": "uint",
    "thread_index_in_simdgroup": "uint",
    "thread_index_in_threadgroup": "uint",
    "thread_position_in_grid": "uint3",
    "thread_position_in_threadgroup": "uint3",
    "threadgroup_position_in_grid": "uint3",
    "threadgroups_per_grid": "uint3",
    "threads_per_grid": "uint3",
    "threads_per_simdgroup": "uint",
    "threads_per_threadgroup": "uint3",
}
"""Thread attributes that become parameters if the body has their name anywhere, in the order they come in."""

METAL_TYPES = {
    "bool": "bool",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float16": "float16_t",
    "bfloat16": "bfloat16_t",
    "float32": "float",
    "float64": "double",
    "complex64": "complex64_t",
}
"""Names of dtypes, as NumPy and MLX say them, and what MLX calls them in Metal."""

TemplateValue = bool | int | str
"""A template argument: a truth value, a number, or a dtype by its name."""


@dataclass(frozen=True)
class Parameter:
    """A buffer that the kernel receives: an input, what is known of its shape, or an output."""

    role: str
    """``input``, ``shape``, ``strides``, ``ndim`` or ``output``."""
    index: int
    """Which input or output it belongs to."""
    name: str
    type: str
    reference: bool


@dataclass(frozen=True)
class Array:
    """What the signature depends on of an array."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size


@dataclass(frozen=True)
class Generated:
    """The text, the function's name, its buffers in order, its attributes, and where its parts lie."""

    text: str
    function: str
    parameters: tuple[Parameter, ...]
    attributes: tuple[str, ...]
    template: str
    """The template arguments as ``<float, 3>``, or nothing."""
    header_lines: int
    """Lines of the caller's header at the start of the text (the last may run into the signature)."""
    body_line: int
    """The line of the text, from one, that the body starts in."""
    definition_end: int
    """Characters up to the explicit instantiation."""


def _template_text(value: TemplateValue) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return METAL_TYPES[value] if isinstance(value, str) else str(value)


def _template_kind(value: TemplateValue) -> str:
    if isinstance(value, bool):
        return "bool"
    return "typename" if isinstance(value, str) else "int"


def used_attributes(source: str) -> tuple[str, ...]:
    """The thread attributes whose name is somewhere in the body, also as part of a longer word."""
    return tuple(name for name in ATTRIBUTES if name in source)


def parameters(
    source: str,
    input_names: Sequence[str],
    inputs: Sequence[Array],
    output_names: Sequence[str],
    outputs: Sequence[str],
) -> tuple[Parameter, ...]:
    """The buffers of the kernel in order; a shape, strides or ndim comes where the body has its name."""
    found: list[Parameter] = []
    for i, (name, array) in enumerate(zip(input_names, inputs, strict=True)):
        found.append(Parameter("input", i, name, METAL_TYPES[array.dtype], array.shape == ()))
        if array.shape != ():
            if f"{name}_shape" in source:
                found.append(Parameter("shape", i, f"{name}_shape", "int", False))
            if f"{name}_strides" in source:
                found.append(Parameter("strides", i, f"{name}_strides", "int64_t", False))
            if f"{name}_ndim" in source:
                found.append(Parameter("ndim", i, f"{name}_ndim", "int", True))
    for i, (name, dtype) in enumerate(zip(output_names, outputs, strict=True)):
        found.append(Parameter("output", i, name, METAL_TYPES[dtype], False))
    return tuple(found)


def function_name(
    name: str, inputs: Sequence[Array], outputs: Sequence[str], template: Sequence[tuple[str, TemplateValue]]
) -> str:
    """The name that MLX gives the function: of template arguments, dtypes, and how each input is passed."""
    full = f"custom_kernel_{name}"
    if template:
        arguments = "<" + ", ".join(_template_text(v) for _, v in template) + ">"
        full += "_" + re.sub(r"<|>|, |-", "_", arguments)[:-1]
    for array in inputs:
        full += "_" + METAL_TYPES[array.dtype]
        if array.shape == ():
            full += "s"
        elif array.size < CONSTANT_BELOW:
            full += "c"
    return full + "".join("_" + METAL_TYPES[dtype] for dtype in outputs)


def generate(
    *,
    name: str,
    source: str,
    header: str,
    input_names: Sequence[str],
    inputs: Sequence[Array],
    output_names: Sequence[str],
    outputs: Sequence[str],
    template: Sequence[tuple[str, TemplateValue]] = (),
    atomic_outputs: bool = False,
) -> Generated:
    """What MLX would compile. `outputs` are dtypes.

    The end of an output's line is as MLX writes it: it counts buffers against arrays, so that with several
    outputs, a shape, and no attribute the list is closed too early, here as there.
    """
    function = function_name(name, inputs, outputs, template)
    attributes = used_attributes(source)
    buffers = parameters(source, input_names, inputs, output_names, outputs)
    text = header
    if template:
        text += "template <" + ", ".join(f"{_template_kind(v)} {n}" for n, v in template) + ">\n"
    text += f"[[kernel]] void {function}(\n"
    arrays = len(inputs) + len(outputs)
    for index, p in enumerate(buffers):
        mark = "&" if p.reference else "*"
        if p.role == "output":
            of = f"atomic<{p.type}>" if atomic_outputs else p.type
            more = index < arrays - 1 or attributes
            text += f"  device {of}* {p.name} [[buffer({index})]]" + (",\n" if more else ") {\n")
        elif p.role == "input":
            space = "constant" if inputs[p.index].size < CONSTANT_BELOW else "device"
            text += f"  const {space} {p.type}{mark} {p.name} [[buffer({index})]],\n"
        else:
            text += f"  const constant {p.type}{mark} {p.name} [[buffer({index})]],\n"
    text += ",\n".join(f"  {ATTRIBUTES[a]} {a} [[{a}]]" for a in attributes)
    text += ") {\n" if attributes else ""
    body_line = text.count("\n") + 1
    text += source + "\n}\n"
    end = len(text)
    arguments = "<" + ", ".join(_template_text(v) for _, v in template) + ">" if template else ""
    if template:
        full = function + arguments
        text += f'\ntemplate [[host_name("{function}")]] [[kernel]] decltype({full}) {full};\n'
    return Generated(
        text, function, buffers, attributes, arguments, header.count("\n"), body_line, definition_end=end
    )
