"""A kernel as data: its file, its includes, its call."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import mlx.core as mx
import pytest

from mlx_impl.kernels import KERNELS, metal_kernel
from mlx_impl.kernels.metal_kernel import (
    Launch,
    MetalKernel,
    file_text,
    nbytes,
    parts,
    round_up,
    size,
    threads,
)
from parity import msl

from .running import needs_compiler

TWICE = """#include "twice.h"

template <typename T>
[[kernel]] void twice(
    const device T* x [[buffer(0)]],
    device T* y [[buffer(1)]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  const uint i = thread_position_in_grid.x;
  y[i] = doubled(x[i]);
}
"""
HEADER = "template <typename T>\nT doubled(T x) {\n  return x + x;\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Metal files are looked for, with one in it."""
    (tmp_path / "twice.metal").write_text(TWICE)
    (tmp_path / "twice.h").write_text(HEADER)
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    for remembered in (file_text, parts, metal_kernel.built):
        remembered.cache_clear()
    yield tmp_path
    for remembered in (file_text, parts, metal_kernel.built):
        remembered.cache_clear()


def _launch(x: metal_kernel.Shaped) -> Launch:
    return Launch((x.shape[0], 1, 1), (32, 1, 1), (x.shape,), (x.dtype,), (("T", x.dtype),))


def test_a_file_is_header_and_body(folder: Path) -> None:
    """What stands before the function, its template left out, and what stands in it."""
    header, body = parts("twice")
    assert header == HEADER + "\n"
    assert body == "  const uint i = thread_position_in_grid.x;\n  y[i] = doubled(x[i]);\n"


def test_includes_are_put_in_once(folder: Path) -> None:
    """Through other includes too, in the order in which they are first met."""
    (folder / "a.metal").write_text('#include "b.h"\n#include "c.h"\nlast\n')
    (folder / "b.h").write_text('#include "c.h"\nb\n')
    (folder / "c.h").write_text("c\n")
    assert file_text("a") == "c\nb\nlast\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            TWICE + TWICE.partition("\n\n")[2],
            r"twice\.metal must have one kernel, twice; it has twice, twice",
        ),
        (TWICE.replace("void twice(", "void double_it("), "must have one kernel, twice; it has double_it"),
        ("// nothing\n", "must have one kernel, twice; it has none"),
    ],
    ids=["two", "another name", "none"],
)
def test_a_file_has_one_kernel_of_its_name(folder: Path, text: str, says: str) -> None:
    """Which of two would be called?"""
    (folder / "twice.metal").write_text(text)
    with pytest.raises(ValueError, match=says):
        parts("twice")


@pytest.mark.parity_slow
@needs_compiler
def test_a_call_is_a_launch(folder: Path) -> None:
    """Geometry and template follow from the arrays; whoever executes kernels at the time is asked."""
    twice = MetalKernel("twice", ("x",), ("y",), _launch, "x + x")
    x = mx.arange(40, dtype=mx.float32)
    with msl.installed():
        (y,) = twice(x)
    assert y.tolist() == [2 * i for i in range(40)]


def test_another_number_of_arrays_is_an_error() -> None:
    """With the names of those that there should be."""
    twice = MetalKernel("twice", ("x", "bias"), ("y",), _launch, "x + x")
    with pytest.raises(ValueError, match=r"kernel twice takes 2 inputs \(x, bias\), not 1"):
        twice(mx.zeros((3,)))


def test_kernels_are_told_apart_by_their_names() -> None:
    """A name is a file, and an executor's cache may go by it."""
    assert len({k.name for k in KERNELS}) == len(KERNELS)
    for kernel in KERNELS:
        assert kernel.summary
        assert parts(kernel.name)[1]


def test_small_sums() -> None:
    """Whole SIMD groups, least multiples, bytes and elements."""
    assert [threads(n) for n in (1, 32, 33, 256, 1000)] == [32, 32, 64, 256, 256]
    assert [round_up(n, 4) for n in (0, 1, 4, 5)] == [0, 4, 4, 8]
    assert nbytes(mx.zeros((2, 3)), mx.zeros((5,), dtype=mx.float16)) == 34
    assert (size(()), size((2, 0)), size((2, 3))) == (1, 0, 6)
