"""Every kernel: its file and its signature, clean under every check, and within its bars."""

import re
import zlib
from itertools import product

import mlx.core as mx
import pytest

import parity.specs
from mlx_impl.kernels import KERNELS as DECLARED
from mlx_impl.kernels.metal_kernel import MetalKernel, file_text
from parity.kernel_runs import check, cost, prepare
from parity.kernel_spec import KERNELS, KernelSpec, Launching
from parity.msl import compiler
from parity.msl.arrays import dtype_name
from parity.msl.fpmodes import MODES, STRICT
from parity.msl.signature import Array, generate
from parity.session import KEY
from parity.sides.base import resolve_target

assert parity.specs
SCHEDULES = 20
SPECS = list(KERNELS.values())
needs_compiler = pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not()))


def launches() -> list[tuple[KernelSpec, Launching, str]]:
    """Every launch in the first dtype, the last launch in the others."""
    found = []
    for spec in SPECS:
        found += [(spec, at, spec.dtypes[0]) for at in spec.launches]
        found += [(spec, spec.launches[-1], dtype) for dtype in spec.dtypes[1:]]
    return found


def label(of: tuple[KernelSpec, Launching, str]) -> str:
    return f"{of[0].name}-{of[1].label}-{of[2]}"


ONE_IN = 16
"""Of the launches beside each kernel's usual one, the default profile has one in so many: a launch is two
programs to compile, and the tests of each kernel run it around its edges, checked, in one schedule."""
FUNCTIONS = re.compile(r"\b(sin|cos|sincos|exp|exp2|log|log2|tanh|sqrt|rsqrt|pow)\(")
"""What the loosest mode makes inexact; without any, it is a matter of contraction alone."""


@pytest.fixture
def deep(request: pytest.FixtureRequest) -> bool:
    """Whether everything is asked for."""
    return request.config.stash[KEY].settings.profile == "deep"


@pytest.fixture
def in_turn(of: tuple[KernelSpec, Launching, str], deep: bool, request: pytest.FixtureRequest) -> None:
    """Leave out what the profile does: never the last launch in the first dtype."""
    spec, launching, dtype = of
    usual = launching is spec.launches[-1] and dtype == spec.dtypes[0]
    turn = request.config.stash[KEY].settings.seed % ONE_IN
    if not (deep or usual or zlib.crc32(label(of).encode()) % ONE_IN == turn):
        pytest.skip(f"one launch in {ONE_IN} beside the usual one: the deep profile runs them all")


def test_every_kernel_has_a_spec() -> None:
    """A kernel that nobody checks is none."""
    declared = {id(k): k.name for k in DECLARED}
    specced = {id(resolve_target(s.target)) for s in SPECS}
    assert [name for key, name in declared.items() if key not in specced] == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_the_file_is_what_is_compiled(spec: KernelSpec) -> None:
    """The signature in the Metal file is the one that MLX makes: the file is the kernel."""
    declared: MetalKernel = resolve_target(spec.target)
    prepared = prepare(spec, spec.profiled, spec.dtypes[0])
    header, body = declared.text()
    generated = generate(
        name=declared.name,
        source=body,
        header=header,
        input_names=declared.inputs,
        inputs=[Array(dtype_name(x.dtype), tuple(x.shape)) for x in prepared.call["inputs"]],
        output_names=declared.outputs,
        outputs=[dtype_name(d) for d in prepared.call["output_dtypes"]],
        template=[(n, dtype_name(v) if isinstance(v, mx.Dtype) else v) for n, v in prepared.call["template"]],
    ).text
    ours, theirs = _parameters(file_text(declared.name)), _parameters(generated)
    assert [(p[0], p[2]) for p in ours] == [(p[0], p[2]) for p in theirs]
    for (_, mine, _), (_, made, _) in zip(ours, theirs, strict=True):
        # The file names the template's types where MLX puts in the arrays'; a small array is constant.
        plain = re.sub(r" (float|\w+_t)\*", " *", made.replace("const constant ", "device "))
        assert (
            mine in (made, made.replace("const constant ", "device "))
            or re.sub(r" [GTU]\*", " *", mine) == plain
        )


def _parameters(text: str) -> list[tuple[str, str, str]]:
    """Name, type and attribute of each parameter of the kernel in a text."""
    listed = re.search(r"\[\[kernel\]\]\s+void\s+\w+\((.*?)\)\s*\{", text, re.DOTALL)
    assert listed is not None
    found = []
    for part in re.split(r",\s*(?![^\[]*\]\])", " ".join(listed[1].split())):
        match = re.fullmatch(r"(.*?)\s*(\w+) \[\[(.*?)\]\]", part.strip())
        assert match is not None, part
        kind = match[1].replace("const device", "device").replace("device const", "device")
        found.append((match[2], kind, match[3]))
    return found


@needs_compiler
@pytest.mark.parity_slow
@pytest.mark.parametrize("of", launches(), ids=label)
@pytest.mark.usefixtures("in_turn")
def test_clean(of: tuple[KernelSpec, Launching, str]) -> None:
    """No race, no access out of bounds, nothing unset, in any schedule."""
    spec, launching, dtype = of
    report = check(spec, launching, dtype, schedules=SCHEDULES, modes=[STRICT])
    assert not report.findings, report.describe()


@needs_compiler
@pytest.mark.parity_slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_clean_in_every_mode(spec: KernelSpec, deep: bool) -> None:
    """Nor in any mode of floating point.

    If not deep, only in the loosest, which has what the others have, and where the kernel has functions that
    it makes inexact: what is looked for is an index or a branch that follows from one.
    """
    code = re.sub(r"//.*", "", "".join(resolve_target(spec.target).text()))
    if not deep and not FUNCTIONS.search(code):
        pytest.skip("no function that a mode makes inexact: the deep profile runs it in every mode")
    modes = MODES if deep else (STRICT, MODES[-1])
    report = check(spec, spec.launches[-1], spec.dtypes[0], schedules=1, modes=modes)
    assert not report.findings, report.describe()


@needs_compiler
@pytest.mark.parity_slow
@pytest.mark.parametrize(
    ("spec", "dtype"),
    [(s, d) for s in SPECS for d in s.dtypes],
    ids=lambda x: x if isinstance(x, str) else x.name,
)
def test_within_its_bars(spec: KernelSpec, dtype: str, deep: bool) -> None:
    """Device bytes, coalescing, bank conflicts and threadgroup memory of the typical launch, in every dtype.

    What is counted are sizes: if not deep, bfloat16 stands for itself only where float16 does not for both.
    """
    if not deep and dtype == "bfloat16" and "float16" in spec.dtypes:
        pytest.skip("counted in float16, of the same size: the deep profile counts it too")
    found = cost(spec, dtype)
    assert not found.problems, "\n".join([*found.problems, found.profile.describe()])


def test_labels_are_apart() -> None:
    """No two launches have one name."""
    labels = [label(of) for of in launches()]
    assert len(set(labels)) == len(labels), [a for a, b in product(labels, labels) if a == b]
