"""``metal_kernel`` with the call contract of ``mx.fast.metal_kernel``, run on the CPU and checked."""

import dataclasses
import operator
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import mlx.core as mx

from . import arrays, execute, pretend, settings, transforms
from .errors import KernelFindingsError
from .execute import Call, KernelText, Outcome
from .signature import TemplateValue

TAG = "[metal_kernel]"
MAX_THREADS = 1024
_MATH_MODES = ("safe", "relaxed", "fast")


class KernelWarning(UserWarning):
    """Findings of a run that was told to warn."""


class MetalKernel:
    """A kernel. `last` is the outcome of its latest call, `text` what it was made of."""

    def __init__(self, text: KernelText, *, math_mode: str = "safe") -> None:
        self.text = text
        self.math_mode = math_mode
        self.last: Outcome | None = None

    def __call__(
        self,
        *,
        inputs: Sequence[Any],
        output_shapes: Sequence[Sequence[int]],
        output_dtypes: Sequence[Any],
        grid: Sequence[int],
        threadgroup: Sequence[int],
        template: Sequence[tuple[str, Any]] | None = None,
        init_value: float | None = None,
        verbose: bool = False,
        stream: Any = None,
    ) -> list[Any]:
        """Run the kernel; the list of output arrays.

        Arrays are evaluated at once, so a kernel cannot be called inside ``mx.compile``; nor inside
        ``mx.vmap``, for which MLX has no rule for its kernels either.

        Raises: ValueError and TypeError as MLX does; CompileError; KernelFindingsError.
        """
        call = self.prepare(
            inputs=inputs,
            output_shapes=output_shapes,
            output_dtypes=output_dtypes,
            grid=grid,
            threadgroup=threadgroup,
            template=template,
            init_value=init_value,
            stream=stream,
        )
        if verbose:
            text = execute.generated_text(self.text, call).text
            print(f"Generated source code for `{self.text.name}`:\n```\n{text}\n```")
        return transforms.without_gradient(inputs, self.launch(call))

    def prepare(
        self,
        *,
        inputs: Sequence[Any],
        output_shapes: Sequence[Sequence[int]],
        output_dtypes: Sequence[Any],
        grid: Sequence[int],
        threadgroup: Sequence[int],
        template: Sequence[tuple[str, Any]] | None = None,
        init_value: float | None = None,
        stream: Any = None,
    ) -> Call:
        """The call, checked as MLX checks it.

        Raises: ValueError, TypeError.
        """
        text = self.text
        _expect("inputs", len(inputs), len(text.input_names))
        _expect("output_shapes", len(output_shapes), len(text.output_names))
        _expect("output_dtypes", len(output_dtypes), len(text.output_names))
        if not pretend.kernels_may_run(stream):
            raise ValueError(f"{TAG} Only supports the GPU.")
        dtypes = tuple(_dtype(d) for d in output_dtypes)
        stored = tuple(_stored(a, contiguous=text.ensure_row_contiguous) for a in inputs)
        for dtype in (*dtypes, *(s.dtype for s in stored)):
            if dtype == "float64":
                raise ValueError("float64 is not supported on the GPU")
        g, t = _three("grid", grid), _three("threadgroup", threadgroup)
        if t[0] * t[1] * t[2] > MAX_THREADS:
            raise ValueError(
                f"Thread group size ({t[0] * t[1] * t[2]}) is greater than  the maximum allowed threads per "
                f"threadgroup ({MAX_THREADS})."
            )
        shapes = tuple(_shape(shape) for shape in output_shapes)
        return Call(
            stored,
            shapes,
            dtypes,
            g,
            t,
            _template(template),
            None if init_value is None else float(init_value),
        )

    def launch(self, call: Call) -> list[Any]:
        """Run a prepared call under the settings in force."""
        chosen = settings.current()
        if self.math_mode == "fast" and not chosen.fast_math:
            chosen = dataclasses.replace(chosen, fast_math=True)
        outcome = execute.run(self.text, call, chosen)
        self.last = outcome
        for observe in list(_observers):
            observe(self, call, outcome)
        if outcome.errors and chosen.on_findings == "raise":
            raise KernelFindingsError(self.text.name, outcome.errors, self.text.source)
        if outcome.errors and chosen.on_findings == "warn":
            shown = "\n".join(f.describe() for f in outcome.errors)
            warnings.warn(KernelWarning(f"kernel {self.text.name!r}: {shown}"), stacklevel=3)
        sides = zip(outcome.outputs, call.output_dtypes, call.output_shapes, strict=True)
        return [arrays.load(data, dtype, shape) for data, dtype, shape in sides]


_observers: list[Callable[[MetalKernel, Call, Outcome], None]] = []


@contextmanager
def observing(callback: Callable[[MetalKernel, Call, Outcome], None]) -> Iterator[None]:
    """Within the context `callback` is called with each kernel that runs, its call and its outcome."""
    _observers.append(callback)
    try:
        yield
    finally:
        _observers.remove(callback)


def metal_kernel(
    name: str,
    input_names: Sequence[str],
    output_names: Sequence[str],
    source: str,
    header: str = "",
    ensure_row_contiguous: bool = True,
    atomic_outputs: bool = False,
    compile_options: dict[str, Any] | None = None,
) -> MetalKernel:
    """A kernel from the body of a Metal function, as ``mx.fast.metal_kernel`` makes it.

    Raises: ValueError if there is no output or an option is unknown.
    """
    if not output_names:
        raise ValueError(f"{TAG} Must specify at least one output.")
    text = KernelText(
        name, tuple(input_names), tuple(output_names), source, header, ensure_row_contiguous, atomic_outputs
    )
    return MetalKernel(text, math_mode=_math_mode(compile_options))


@contextmanager
def installed(*, available: bool = True, **changes: Any) -> Iterator[None]:
    """Within the context ``mx.fast.metal_kernel`` is this executor's, with these settings.

    A kernel that was made before is not affected: it is MLX's own. With `available`, MLX says that it has
    Metal, and that the GPU is the default device until told otherwise, so that code which asks before it
    uses a kernel does use it. Compiled functions run uncompiled: a kernel needs its inputs' values.
    """
    made = mx.fast.metal_kernel
    mx.fast.metal_kernel = metal_kernel  # type: ignore[assignment]
    mx.disable_compile()
    try:
        with settings.configured(**changes), pretend.a_gpu() if available else nullcontext():
            yield
    finally:
        mx.fast.metal_kernel = made
        if "MLX_DISABLE_COMPILE" not in os.environ:
            mx.enable_compile()


def _math_mode(options: dict[str, Any] | None) -> str:
    for key, value in (options or {}).items():
        if key != "math_mode":
            raise ValueError(f"{TAG} Unknown compile option {key!r}; there is 'math_mode'.")
        if value not in _MATH_MODES:
            raise ValueError(f"{TAG} Invalid math_mode {value!r}: {', '.join(map(repr, _MATH_MODES))}.")
    return str((options or {}).get("math_mode", "safe"))


def _expect(what: str, got: int, wanted: int) -> None:
    if got != wanted:
        raise ValueError(f"{TAG} Expected `{what}` to have size {wanted} but got size {got}.\n")


def _whole(value: Any) -> int | None:
    """An integer of 32 bits, Python's or NumPy's, as MLX takes it; None for anything else."""
    try:
        n = operator.index(value)
    except TypeError:
        return None
    return n if -(2**31) <= n < 2**31 else None


def _three(what: str, value: Sequence[int]) -> tuple[int, int, int]:
    found = [n for n in map(_whole, value) if n is not None]
    if len(value) != 3 or len(found) != 3:
        raise TypeError(f"{TAG} {what} must be a tuple of three integers below 2**31, not {value!r}")
    if min(found) < 0 or (what == "threadgroup" and min(found) == 0):
        raise ValueError(f"{TAG} {what} must not have {min(found)}: {tuple(found)}")
    return found[0], found[1], found[2]


def _shape(value: Sequence[int]) -> tuple[int, ...]:
    found = tuple(n for n in map(_whole, value) if n is not None and n >= 0)
    if len(found) != len(value):
        raise TypeError(f"{TAG} output_shapes must be tuples of lengths, not {value!r}")
    return found


def _dtype(value: Any) -> str:
    if not isinstance(value, mx.Dtype):
        raise TypeError(f"{TAG} output_dtypes must be mlx.core.Dtype, not {type(value).__name__}: {value!r}")
    return arrays.dtype_name(value)


def _stored(value: Any, *, contiguous: bool) -> arrays.Stored:
    if isinstance(value, list | tuple):
        raise ValueError(f"Invalid type {type(value).__name__} received in array initialization.")  # noqa: TRY004
    array = value if isinstance(value, mx.array) else mx.array(value)
    if transforms.traced(array):
        raise RuntimeError(
            f"{TAG} The executor needs the values of a kernel's inputs, which have none inside mx.compile, "
            "mx.export_function or mx.vmap: call mx.disable_compile(), or loop instead of mx.vmap, which MLX "
            "does not have for its kernels either (nor inside an mx.custom_function with a vmap)."
        )
    return arrays.store(array, contiguous=contiguous)


def _template(template: Sequence[tuple[str, Any]] | None) -> tuple[tuple[str, TemplateValue], ...]:
    found: list[tuple[str, TemplateValue]] = []
    if isinstance(template, Mapping):
        raise TypeError(f"{TAG} template must be a list of pairs of a name and a value, not {template!r}")
    for name, value in template or ():
        if isinstance(value, bool | int) and _whole(value) is not None:
            found.append((name, value))
        elif isinstance(value, mx.Dtype):
            found.append((name, arrays.dtype_name(value)))
        else:
            # As MLX has it, and not the TypeError that it could be.
            raise ValueError(f"{TAG} Invalid template argument. Must be `mlx.core.Dtype`, `int` or `bool`.")
    return tuple(found)
