"""The compiler: which one, what it says of a wrong kernel, and that nothing is compiled twice."""

import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parity import msl
from parity.cli import main
from parity.errors import EXIT_SIDE_UNAVAILABLE
from parity.msl import cache, compiler

from .helpers import make, run

pytestmark = pytest.mark.parity_slow


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    return tmp_path / "msl"


def test_a_wrong_kernel_is_told_by_its_own_lines() -> None:
    with pytest.raises(msl.CompileError) as caught:
        run("uint i = thread_position_in_grid.x;\nfloat v = nothing;\nout[i] = v;")
    text = str(caught.value)
    assert text.startswith("kernel 'k': it does not compile")
    assert "line 2, column 11: error:" in text
    assert "\n    float v = nothing;" in text


def test_a_wrong_header_is_told_by_its_own_lines() -> None:
    with pytest.raises(msl.CompileError, match=r"header line 2, column \d+: error"):
        run("out[0] = 1;", header="int a;\nint b = c;\n")


@pytest.mark.parametrize(
    "wrong",
    [
        "bfloat16_t b = 1.5f; out[0] = b;",  # a float does not narrow by itself
        "out[0] = as_type<half>(1.0f);",
        "float4 v = float3(1, 2, 3); out[0] = v.x;",
        "out[0] = simd_sum();",
    ],
)
def test_what_metal_refuses_is_refused(wrong: str) -> None:
    with pytest.raises(msl.CompileError):
        run(wrong)


@pytest.mark.parametrize(
    ("source", "words", "name"),
    [
        ("texture2d<float> t; out[0] = 1;", "passes arrays alone, no textures", "k"),
        ('printf("x"); out[0] = 1;', "Metal has no printf", "k"),
        ("out[0] = out_shape[0];", "of an input that is not 0-dimensional, and of no output", "k"),
        ("simdgroup_event e; out[0] = 1;", "copy in a loop, then a barrier", "k"),
        ("tensor<device uint4b_format, dextents<int, 2>, tensor_inline> t;", "unpack them into int8_t", "k"),
        ("out[0] = std::max(1, 2);", "not Metal but C++ or CUDA", "k"),
        ("out[0] = 1;", "MLX makes the name 'lr_0.1' a part of the function's", "lr_0.1"),
    ],
)
def test_the_remedy_is_named(source: str, words: str, name: str) -> None:
    with pytest.raises(msl.CompileError) as caught:
        run(source, name=name)
    assert words in str(caught.value)
    assert "did you forget" not in str(caught.value)


def test_warnings_are_not_shown_with_errors() -> None:
    with pytest.raises(msl.CompileError) as caught:
        run("float u; out[0] = u; out[1] = nothing;", header="#pragma once\n")
    assert "warning" not in str(caught.value)


def test_describe() -> None:
    found = compiler.describe()
    assert {"compiler", "version", "found", "cache"} <= set(found)


def test_cxx_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = compiler.find()
    assert chosen is not None
    monkeypatch.setenv("CXX", shlex.join([*chosen.command, "-DSOMETHING"]))
    again = compiler.find()
    assert again is not None
    assert again.found == "CXX"
    assert again.command == (*chosen.command, "-DSOMETHING")


def test_without_a_compiler_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_candidates", list)
    monkeypatch.setenv("PATH", "/nowhere")
    assert "g++" in (compiler.why_not() or "")
    assert compiler.describe() == {"unavailable": compiler.why_not()}
    with pytest.raises(msl.CompilerMissingError) as caught:
        run("out[0] = 12345;")
    assert caught.value.exit_code == EXIT_SIDE_UNAVAILABLE


def test_a_broken_cxx_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    found = compiler.find()
    assert found is not None
    assert found.found != "CXX"


def test_a_compiler_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers to ``--version``, but does not take the flags: said where the compiler is described."""
    old = tmp_path / "old"
    old.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo clang 3; else echo unknown argument >&2; exit 1; fi\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("CXX", str(old))
    found = compiler.find()
    assert found is not None
    assert found.found != "CXX"
    assert compiler.describe()["passed over"] == f"CXX ({old}): unknown argument"
    monkeypatch.setattr(compiler, "_candidates", lambda: [((str(old),), "CXX")])
    monkeypatch.setenv("PATH", "/nowhere/at/all")
    assert f"CXX ({old}): unknown argument" in (compiler.why_not() or "")


def test_nothing_is_compiled_twice(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("out[0] = 1; // once", shape=(1,))
    programs = sorted(own_cache.glob("*/*"))
    assert len(programs) == 2  # the kernel, and the runtime that all kernels share
    monkeypatch.setattr(compiler, "_run", None)
    run("out[0] = 1; // once", shape=(1,))
    assert sorted(own_cache.glob("*/*")) == programs


def test_another_text_or_option_is_another_program(own_cache: Path) -> None:
    run("out[0] = 1; // once", shape=(1,))
    run("out[0] = 1; // twice", shape=(1,))
    with msl.configured(contract=True):
        run("out[0] = 1; // once", shape=(1,))
    assert len(list(own_cache.glob("*/*"))) == 4


def test_a_failed_compilation_leaves_nothing(own_cache: Path) -> None:
    with pytest.raises(msl.CompileError):
        run("nothing")
    assert [p for p in own_cache.glob("*/*") if p.name.startswith(".")] == []


def test_many_threads_may_make_one_file(own_cache: Path) -> None:
    made = []

    def make_file(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"x" * 1000)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.get("ab" + "0" * 38, make_file), range(16)))
    assert len(set(found)) == 1
    assert found[0].read_bytes() == b"x" * 1000
    assert len(set(made)) == len(made)
    assert len(list(own_cache.glob("*/*"))) == 1


def test_the_least_recently_used_go(own_cache: Path) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"x" * 100)

    import os

    for i in range(5):
        path = cache.get(f"{i:02d}" + "0" * 38, write, limit=10**6)
        os.utime(path, (i, i))
    cache.get("00" + "0" * 38, write)  # used again
    assert cache.prune(250) == 3
    assert sorted(p.name[:2] for p in own_cache.glob("*/*")) == ["00", "04"]


@pytest.mark.parity_slow
def test_processes_may_share_a_cache(own_cache: Path) -> None:
    code = (
        "import mlx.core as mx; from parity.tests.msl.helpers import run; "
        "print(run('out[thread_position_in_grid.x] = 41 + 1;', shape=(32,)).sum().item())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [p.communicate()[0].strip() for p in running] == ["1344.0"] * 3


def test_doctor_names_the_compiler(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["metal_kernels"]["compiler"]


def test_the_headers_are_in_the_package() -> None:
    from importlib import resources

    files = resources.files("parity.msl")
    assert (files / "include" / "msl" / "kernel.h").is_file()
    assert (files / "runtime" / "main.cpp").is_file()


def test_the_runtime_has_no_warnings(tmp_path: Path) -> None:
    found = compiler.find()
    assert found is not None
    source = compiler.HERE / "runtime" / "main.cpp"
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti"]
    flags += [
        "-c",
        "-o",
        str(tmp_path / "runtime.o"),
    ]  # ziglang's driver makes an object of what it only checks too
    done = subprocess.run([*found.command, *flags, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


def test_kernels_keep_their_name_in_errors() -> None:
    with pytest.raises(msl.CompileError, match="kernel 'mine'"):
        make("nothing", name="mine")(
            inputs=[], output_shapes=[(1,)], output_dtypes=[__import__("mlx.core").core.float32], grid=(1, 1, 1),
            threadgroup=(1, 1, 1),
        )  # fmt: skip
