"""From a program counter to the kernel's own source line."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .compiler import Compiled

_TOOLS = ("addr2line", "llvm-addr2line", "eu-addr2line")


def resolve(compiled: Compiled, base: int, counters: Iterable[int]) -> dict[int, int]:
    """For each counter (relative to `base`) the line of the generated text, innermost of the kernel's file.

    Counters that no tool can resolve are left out: a finding then has no line, and says so.
    """
    wanted = sorted({c for c in counters if c})
    tool = next((t for t in _TOOLS if shutil.which(t)), None)
    if not wanted or tool is None:
        return {}
    found: dict[int, int] = {}
    for start in range(0, len(wanted), 512):
        part = wanted[start : start + 512]
        found.update(_ask(tool, compiled.path, base, part))
    return found


def _ask(tool: str, path: Path, base: int, counters: list[int]) -> dict[int, int]:
    addresses = [hex(base + c) for c in counters]
    done = subprocess.run(
        [tool, "-a", "-i", "-e", str(path), *addresses], capture_output=True, text=True, check=False
    )
    found: dict[int, int] = {}
    current = -1
    for line in done.stdout.splitlines():
        if re.match(r"0x[0-9a-f]+$", line):
            current = int(line, 16) - base
            continue
        file, _, number = line.split(" ")[0].rpartition(":")
        if file.rpartition("/")[2] == "kernel" and number.isdigit() and current not in found:
            found[current] = int(number)
    return found
