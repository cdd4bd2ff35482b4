"""How many floating-point operations a kernel made: blocks entered × operations in a block's machine code."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_WIDTH = {"ss": 1, "sd": 1, "ps": 4, "pd": 2, "sh": 1, "ph": 8}
_X86 = re.compile(r"\bv?(add|sub|mul|div|sqrt|f(?:n?m)(?:add|sub)\d{3}|max|min)(ss|sd|ps|pd|sh|ph)\b(.*)")
_ARM = re.compile(r"\b(fadd|fsub|fmul|fdiv|fsqrt|fmadd|fmsub|fnmadd|fnmsub|fmla|fmls|fmax|fmin)\s+([svdh])")
_MATH = re.compile(r"\b(?:call|bl)\w*\s.*<(msl_math[12])")
_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(.*)$")
_BLOCK = "__sanitizer_cov_trace_pc"


def operations(instruction: str) -> tuple[int, int]:
    """Arithmetic operations of one line of a disassembly, and calls of math functions."""
    if _MATH.search(instruction):
        return 0, 1
    if m := _X86.search(instruction):
        kind, width, operands = m.groups()
        lanes = _WIDTH[width] * (2 if "ymm" in operands else 1)
        return lanes * (2 if kind.startswith("f") else 1), 0
    if m := _ARM.search(instruction):
        kind, register = m.groups()
        lanes = 4 if register == "v" else 1
        return lanes * (2 if kind in ("fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls") else 1), 0
    return 0, 0


def count(program: Path, base: int, blocks: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    """Operations and math calls of a run, or None if there is no ``objdump``.

    `blocks` are (program counter relative to `base`, times entered). A block reaches from the call that
    counts it to the next such call in the program. Maxima and minima are operations, conversions are not.
    """
    tool = shutil.which("objdump") or shutil.which("llvm-objdump")
    if tool is None:
        return None
    text = subprocess.run(
        [tool, "-d", "--no-show-raw-insn", str(program)], capture_output=True, text=True, check=False
    ).stdout
    times = dict(blocks)
    total = calls = 0
    weight = 0
    pending = False
    for line in text.splitlines():
        if line.endswith(">:"):
            weight, pending = 0, False
            continue
        m = _LINE.match(line)
        if not m:
            continue
        address, instruction = int(m.group(1), 16), m.group(2)
        if pending:  # the address after the call is what the call returned to
            weight = times.get(address - 1 - base, 0)
            pending = False
        if _BLOCK in instruction:
            pending = True
            continue
        if weight:
            n, called = operations(instruction)
            total += n * weight
            calls += called * weight
    return total, calls
