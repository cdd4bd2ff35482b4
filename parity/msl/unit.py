"""The C++ file that is compiled for a kernel: its rewritten text, and a function that calls it."""

import functools
from dataclasses import dataclass

from .loops import loops
from .rewrite import rewrite
from .signature import ATTRIBUTES, Generated
from .tokens import tokens
from .unset import with_nan

PREFIX = '#include "msl/kernel.h"\n#line 1 "kernel"\n'
UNIONS = "#define MSL_UNIONS\n"
"""Vectors may be members of a union, which C++ copies only if they are plain bytes."""
TENSORS = "#define MSL_TENSORS\n"
"""Tensors take a descriptor as a template's argument, and several indices: C++ has that since 2023."""


_OF_TENSORS = {"matmul2d", "tensor_ops", "tensor_inline", "cooperative_tensor", "dextents"}


@dataclass(frozen=True)
class Unit:
    """C++ text, and how its lines are told to the kernel's author."""

    text: str
    header_lines: int
    body_line: int
    lines: tuple[str, ...]
    """The Metal text, line by line."""
    standard: str = "c++17"
    """The C++ that it takes."""

    def place(self, line: int) -> str:
        """A line of the generated text as the author knows it: of the source, the header or the signature."""
        if line >= self.body_line:
            return f"line {line - self.body_line + 1}"
        if line <= self.header_lines:
            return f"header line {line}"
        return "the signature"

    def source_line(self, line: int) -> int | None:
        """The line of the source, from one, or None if it is not of the source."""
        return line - self.body_line + 1 if line >= self.body_line else None


def _argument(generated: Generated, index: int) -> str:
    p = generated.parameters[index]
    const = "" if p.role == "output" else "const "
    type_ = p.type
    if p.reference:
        return f"*({const}{type_}*)buffers[{index}]"
    return f"({const}{type_}*)buffers[{index}]"


@functools.lru_cache(maxsize=64)
def assemble(generated: Generated, *, atomic_outputs: bool, nan: bool = False) -> Unit:
    """The unit for a generated text. Its lines are those of the text, in a file called ``kernel``.

    With `nan`, local variables of floating point are NaN until they are set.
    """
    body = generated.text[: generated.definition_end]
    arguments = []
    for i, p in enumerate(generated.parameters):
        if p.role == "output" and atomic_outputs:
            arguments.append(f"(metal::atomic<{p.type}>*)buffers[{i}]")
        else:
            arguments.append(_argument(generated, i))
    for a in generated.attributes:
        arguments.append(f"msl_uint3(a->{a})" if ATTRIBUTES[a] == "uint3" else f"a->{a}")
    call = f"{generated.function}{generated.template}({', '.join(arguments)});"
    found = loops(body)
    table = ", ".join(f"{{{first}, {last}}}" for first, last in found) or "{0, 0}"
    entry = (
        '\n#line 1 "launch"\n'
        f'extern "C" {{ extern const uint msl_loops[][2] = {{{table}}}; '
        f"extern const uint msl_loop_count = {len(found)}; }}\n"
        'extern "C" void msl_entry(void** buffers, const MslAttributes* a) {\n'
        f"  (void)buffers; (void)a;\n  {call}\n}}\n"
    )
    words = {t.text for t in tokens(body)}
    tensors = not words.isdisjoint(_OF_TENSORS)
    prefix = UNIONS * ("union" in words) + TENSORS * tensors + PREFIX
    return Unit(
        prefix + rewrite(with_nan(body) if nan else body) + entry,
        generated.header_lines,
        generated.body_line,
        tuple(body.splitlines()),
        "c++2b" if tensors else "c++17",
    )
