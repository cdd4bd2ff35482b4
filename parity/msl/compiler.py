"""Which C++ compiler there is, and what it makes of a kernel."""

import functools
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import cache
from .errors import CompileError, CompilerMissingError
from .hints import hints
from .unit import Unit

HERE = Path(__file__).parent
REMEDY = (
    "install g++ or clang++, set CXX to a C++17 compiler, or pip install 'm2bert-parity[msl]' for ziglang"
)

PROBE = "_Float16 sum(_Float16 a, _Float16 b) { return a + b; }"
"""What a compiler has to take: half precision of its own, which clang++ has from version 16 on."""


PATIENCE = 300
"""Seconds for an answer: ziglang builds its own library when it is first asked to compile."""


@dataclass(frozen=True)
class Compiler:
    """A command, how it was found, and what it calls itself."""

    command: tuple[str, ...]
    found: str
    version: str

    @property
    def is_gcc(self) -> bool:
        return "clang" not in self.version.lower() and "zig" not in self.found


@dataclass(frozen=True)
class Options:
    """What a compiled kernel depends on besides its text."""

    contract: bool = False
    """May a product and a sum become one fused operation?"""
    fast_math: bool = False
    """Do functions without a namespace mean metal::fast?"""
    reassociate: bool = False
    """May sums be made in another order, and a division become a product?"""
    profile: bool = False
    """Count how often each block of the kernel is entered."""
    unset: str = ""
    """What a local variable holds until the kernel sets it: ``zero``, ``pattern``, or whatever there was."""
    optimise: str = "2"


def _candidates() -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    if cxx := os.environ.get("CXX"):
        found.append((tuple(shlex.split(cxx)), "CXX"))
    for name in ("clang++", "g++", "c++"):
        if path := shutil.which(name):
            found.append(((path,), name))
    if importlib.util.find_spec("ziglang") is not None:
        found.append(((sys.executable, "-m", "ziglang", "c++"), "ziglang"))
    return found


def _answer(command: list[str], text: str = "") -> tuple[str, str]:
    """What a command prints, and what is wrong with it if it fails."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, (done.stderr.strip() or "it failed") if done.returncode else ""


@functools.lru_cache
def _find(environment: tuple[str | None, str | None]) -> tuple[Compiler | None, tuple[str, ...]]:
    """The first compiler that takes our flags, and what is wrong with those before it."""
    passed_over: list[str] = []
    for command, how in _candidates():
        version, wrong = _answer([*command, "--version"])
        if not wrong:
            compiler = Compiler(command, how, version.splitlines()[0] if version else "")
            flags = _kernel_flags(compiler, Options())
            with TemporaryDirectory() as room:  # an object, for ziglang makes one of what it only checks too
                made = str(Path(room) / "probe.o")
                _, wrong = _answer([*command, *flags, "-x", "c++", "-", "-c", "-o", made], PROBE)
            if not wrong:
                return compiler, tuple(passed_over)
        passed_over.append(f"{how} ({' '.join(command)}): {wrong.splitlines()[0]}")
    return None, tuple(passed_over)


def _found() -> tuple[Compiler | None, tuple[str, ...]]:
    return _find((os.environ.get("CXX"), os.environ.get("PATH")))


def find() -> Compiler | None:
    """The compiler in use: ``CXX``, clang++, g++, c++, then the ziglang wheel; None if none can be used."""
    return _found()[0]


def why_not() -> str | None:
    """Why no kernel can be compiled here, or None."""
    compiler, passed_over = _found()
    if compiler:
        return None
    tried = f" ({'; '.join(passed_over)})" if passed_over else ""
    return f"no C++ compiler that can be used was found{tried}: {REMEDY}"


def describe() -> dict[str, Any]:
    """What ``parity doctor`` says of the executor."""
    compiler = find()
    if compiler is None:
        return {"unavailable": why_not()}
    return {
        "compiler": " ".join(compiler.command),
        "version": compiler.version,
        "found": compiler.found,
        "cache": str(cache.cache_dir()),
        **({"passed over": "; ".join(_found()[1])} if _found()[1] else {}),
    }


def _machine_flags() -> list[str]:
    if platform.machine() in ("x86_64", "AMD64"):
        return ["-mavx2", "-mfma", "-mf16c"]
    return []


def _place_flags(compiler: Compiler) -> list[str]:
    """Fixed addresses where they can be had: clang's instrumentation wants a program that can be moved."""
    return ["-fno-pie"] if compiler.is_gcc else ["-fPIE", "-DMSL_PIE"]


def _division_flags(compiler: Compiler) -> list[str]:
    """A division by zero is told before it is made.

    On arm64 it gives zero, on x86-64 a signal, and one by a constant 0 what a compiler likes.
    """
    flags = ["-fsanitize=integer-divide-by-zero", "-fsanitize-recover=integer-divide-by-zero"]
    return flags if compiler.is_gcc else [part for flag in flags for part in ("-Xclang", flag)]


def _link_flags(compiler: Compiler) -> list[str]:
    if compiler.is_gcc:
        return ["-no-pie", "-lm"]
    return ["-lm"] if sys.platform == "darwin" else ["-pie", "-lm"]


def _dialect_flags(compiler: Compiler, options: Options) -> list[str]:
    """What makes C++ compute as Metal does: half rounded each time, literals of single precision."""
    if compiler.is_gcc:
        flags = ["-fexcess-precision=16", "-fsingle-precision-constant"]
        flags += ["--param", "tsan-distinguish-volatile=0", "--param", "tsan-instrument-func-entry-exit=0"]
        return [*flags, "-Wno-attributes", "-Wno-literal-suffix", "-Wno-narrowing", "-Wuninitialized"]
    # The same as without it on the machines that we know, and refused beside a reassociation.
    flags = [] if options.reassociate else ["-ffp-eval-method=source"]
    flags += ["-Xclang", "-ffloat16-excess-precision=none", "-fno-finite-loops"]
    flags += ["-Xclang", "-cl-single-precision-constant", "-fno-sanitize-trap=all"]
    for check in ("-fsanitize=alignment,array-bounds", "-fsanitize-recover=alignment,array-bounds"):
        flags += ["-Xclang", check]  # not to a driver, which may take them out
    # Vectors that a pass makes of scalars may have a size that is not instrumented, and so not be checked.
    flags += ["-fno-slp-vectorize", "-mllvm", "-disable-vector-combine"]
    flags += [
        "-mllvm",
        "-tsan-instrument-func-entry-exit=0",
        "-mllvm",
        "-tsan-instrument-read-before-write=1",
    ]
    return [*flags, "-Wno-everything", "-Wuninitialized"]


def _kernel_flags(compiler: Compiler, options: Options, standard: str = "c++17") -> list[str]:
    flags = [
        f"-std={standard}",
        f"-O{options.optimise}",
        "-g1",
        "-gdwarf-4",  # the tools that read version 5 name a wrong file where a section of code starts
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-strict-aliasing",
    ]
    flags += [
        "-fwrapv",
        "-fsigned-char",  # as Metal's and Apple's is; on Linux on arm64 it is not
        "-fno-tree-vectorize",
        "-fno-threadsafe-statics",
        "-fno-optimize-sibling-calls",
        "-fno-delete-null-pointer-checks",
    ]
    flags += [
        f"-ffp-contract={'fast' if options.contract else 'off'}",
        *_machine_flags(),
        *_place_flags(compiler),
    ]
    flags += ["-fsanitize=thread,alignment,bounds", "-fsanitize-recover=all"]
    flags += [*_division_flags(compiler), *_dialect_flags(compiler, options)]
    if options.fast_math:
        flags += ["-DMSL_FAST_MATH", "-D__FAST_MATH__=1"]
    if options.reassociate:
        flags += [
            "-fassociative-math",
            "-freciprocal-math",
            "-fno-signed-zeros",
            "-fno-trapping-math",
        ]
    if options.profile:
        flags.append("-fsanitize-coverage=trace-pc" + ("" if compiler.is_gcc else ",no-prune"))
    if options.unset:
        flags.append(f"-ftrivial-auto-var-init={options.unset}")
        if compiler.is_gcc:  # its value numbering takes what is set on some ways only as always set
            flags += ["-fno-tree-fre", "-fno-tree-pre", "-fno-code-hoisting"]
    return flags


@functools.lru_cache
def _library_text() -> str:
    files = sorted((HERE / "include").rglob("*")) + sorted((HERE / "runtime").rglob("*"))
    return "".join(f"{p.name}\0{p.read_text()}\0" for p in files if p.is_file())


def _run(command: list[str], kernel: str, unit: Unit | None, text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileError(kernel, _explain(done.stderr, unit, kernel))
    return done.stderr


def _runtime(compiler: Compiler) -> Path:
    flags = ["-std=c++17", "-O2", "-g0", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing"]
    flags += [*_machine_flags(), *_place_flags(compiler)]
    key = cache.digest("runtime", _library_text(), compiler.version, *compiler.command, *flags) + ".o"
    source = HERE / "runtime" / "main.cpp"

    def make(path: Path) -> None:
        _run([*compiler.command, *flags, "-c", str(source), "-o", str(path)], "runtime", None, "")

    return cache.get(key, make)


@dataclass(frozen=True)
class Compiled:
    """A program that runs one kernel, and the compiler's warnings about reads of unset variables."""

    path: Path
    unit: Unit
    warnings: tuple[tuple[int, str], ...]


def compile_unit(kernel: str, unit: Unit, options: Options) -> Compiled:
    """The program for a unit, from the cache if it has been compiled before.

    Raises: CompilerMissingError; CompileError with the compiler's message against the kernel's lines.
    """
    compiler = find()
    if compiler is None:
        raise CompilerMissingError(kernel, why_not() or "")
    flags = _kernel_flags(compiler, options, unit.standard)
    key = cache.digest("kernel", unit.text, _library_text(), compiler.version, *compiler.command, *flags)

    def make(path: Path) -> None:
        objects = path.with_suffix(".o")
        try:
            command = [
                *compiler.command,
                *flags,
                f"-I{HERE / 'include'}",
                "-x",
                "c++",
                "-",
                "-c",
                "-o",
                str(objects),
            ]
            messages = _run(command, kernel, unit, unit.text)
            link = [
                *compiler.command,
                str(objects),
                str(_runtime(compiler)),
                *_link_flags(compiler),
                "-o",
                str(path),
            ]
            _run(link, kernel, unit, "")
            path.chmod(0o755)
            with path.open("ab") as program:  # beside the program, in the same file: nothing to keep in step
                program.write(b"\nMSLWARNINGS" + "\n".join(_uninitialised(messages)).encode())
        finally:
            objects.unlink(missing_ok=True)

    path = cache.get(key, make)
    return Compiled(path, unit, _stored_warnings(path))


def _uninitialised(messages: str) -> list[str]:
    found = re.findall(
        r"^kernel:(\d+):\d+: warning: (.*is (?:used uninitialized|uninitialized when used).*)$",
        messages,
        re.MULTILINE,
    )
    return [f"{line}\t{text}" for line, text in dict.fromkeys(found)]


def _stored_warnings(path: Path) -> tuple[tuple[int, str], ...]:
    with path.open("rb") as program:
        program.seek(max(0, path.stat().st_size - 65536))
        tail = program.read().rpartition(b"\nMSLWARNINGS")[2].decode()
    pairs = [line.split("\t", 1) for line in tail.splitlines() if "\t" in line]
    return tuple((int(number), text) for number, text in pairs)


def _explain(messages: str, unit: Unit | None, kernel: str) -> str:
    """The compiler's messages with the kernel's own lines in the place of ours."""
    if unit is None:
        return messages

    lines: list[str] = []
    warning = False
    for line in messages.splitlines():
        if ": warning:" in line or ": error:" in line:
            warning = ": warning:" in line
        quoted = re.match(r"\s*\d* \|", line)  # what a compiler quotes is the rewritten text
        if "did you forget to" in line:  # include a header of the host's library
            continue
        if warning or quoted or str(HERE) in line or re.match(r"In file included|\s+from ", line):
            continue
        own = re.match(r"kernel:(\d+):(\d+): (error|note|fatal error): (.*)", line)
        if own is None:
            lines.append(re.sub(r"\bkernel:(\d+):\d+:", lambda m: f"{unit.place(int(m.group(1)))}:", line))
            continue
        number = int(own.group(1))
        lines.append(f"{unit.place(number)}, column {own.group(2)}: {own.group(3)}: {own.group(4)}")
        if number <= len(unit.lines) and own.group(3) != "note":
            lines.append(f"    {unit.lines[number - 1].strip()}")
    return "\n".join(["it does not compile", *lines[:40], *hints(kernel, messages)])
