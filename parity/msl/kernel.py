"""``metal_kernel`` with the call contract of ``mx.fast.metal_kernel``, run on the CPU and checked."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mlx.core as mx

from . import arrays, execute, settings
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

    def __init__(self, text: KernelText, *, fast_math: bool = False) -> None:
        self.text = text
        self.fast_math = fast_math
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

        Arrays are evaluated at once, so a kernel cannot be called inside ``mx.compile`` or ``mx.vmap``.

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
        return _without_gradient(inputs, self.launch(call))

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
        device = getattr(stream, "device", stream)
        if device is not None and not _is_gpu(device):
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
        shapes = tuple(tuple(int(n) for n in shape) for shape in output_shapes)
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
        if self.fast_math and not chosen.fast_math:
            import dataclasses

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


def _without_gradient(inputs: Sequence[Any], outputs: list[Any]) -> list[Any]:
    """The outputs as results of the inputs, which MLX refuses to differentiate: a kernel has no gradient."""
    given = [x for x in inputs if isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating)]
    if not given:
        return outputs

    @mx.custom_function
    def launched(*_: mx.array) -> list[Any]:
        return outputs

    @launched.vjp
    def launched_vjp(*_: Any) -> Any:
        raise ValueError("[Primitive::vjp] Not implemented for CustomKernel.")

    made: Any = launched(*given)
    return list(made)


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
    return MetalKernel(text, fast_math=_fast(compile_options))


@contextmanager
def installed(*, available: bool = True, **changes: Any) -> Iterator[None]:
    """Within the context ``mx.fast.metal_kernel`` is this executor's, with these settings.

    A kernel that was made before is not affected: it is MLX's own. With `available`, MLX says that it has
    Metal and a GPU, so that code which asks before it uses a kernel does use it. Compiled functions run
    uncompiled: a kernel needs its inputs' values.
    """
    replaced: dict[tuple[Any, str], Any] = {(mx.fast, "metal_kernel"): metal_kernel}
    if available:
        replaced[mx.metal, "is_available"] = lambda: True
        replaced[mx, "is_available"] = _always(mx.is_available)
    originals = {(module, name): getattr(module, name) for module, name in replaced}
    for (module, name), function in replaced.items():
        setattr(module, name, function)
    mx.disable_compile()
    try:
        with settings.configured(**changes):
            yield
    finally:
        for (module, name), function in originals.items():
            setattr(module, name, function)
        if "MLX_DISABLE_COMPILE" not in os.environ:
            mx.enable_compile()


def _always(asked: Any) -> Any:
    """``mx.is_available`` that has a GPU."""
    return lambda device: _is_gpu(device) or asked(device)


def _is_gpu(device: Any) -> bool:
    return bool((device.type if isinstance(device, mx.Device) else device) == mx.gpu)


def _fast(options: dict[str, Any] | None) -> bool:
    for key, value in (options or {}).items():
        if key != "math_mode":
            raise ValueError(f"{TAG} Unknown compile option {key!r}; there is 'math_mode'.")
        if value not in _MATH_MODES:
            raise ValueError(f"{TAG} Invalid math_mode {value!r}: {', '.join(map(repr, _MATH_MODES))}.")
    return bool((options or {}).get("math_mode", "safe") == "fast")


def _expect(what: str, got: int, wanted: int) -> None:
    if got != wanted:
        raise ValueError(f"{TAG} Expected `{what}` to have size {wanted} but got size {got}.\n")


def _three(what: str, value: Sequence[int]) -> tuple[int, int, int]:
    if len(value) != 3 or not all(isinstance(n, int) for n in value):
        raise TypeError(f"{TAG} {what} must be a tuple of three integers, not {value!r}")
    if min(value) < 0 or (what == "threadgroup" and min(value) == 0):
        raise ValueError(f"{TAG} {what} must not have {min(value)}: {tuple(value)}")
    return value[0], value[1], value[2]


def _dtype(value: Any) -> str:
    if not isinstance(value, mx.Dtype):
        raise TypeError(f"{TAG} output_dtypes must be mlx.core.Dtype, not {type(value).__name__}: {value!r}")
    return arrays.dtype_name(value)


def _stored(value: Any, *, contiguous: bool) -> arrays.Stored:
    array = value if isinstance(value, mx.array) else mx.array(value)
    try:
        mx.eval(array)
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"{TAG} The executor needs the values of a kernel's inputs, which have none inside mx.compile or "
            "mx.vmap: call mx.disable_compile(), or loop instead of mx.vmap."
        ) from error
    return arrays.store(array, contiguous=contiguous)


def _template(template: Sequence[tuple[str, Any]] | None) -> tuple[tuple[str, TemplateValue], ...]:
    found: list[tuple[str, TemplateValue]] = []
    for name, value in template or ():
        if isinstance(value, bool | int):
            found.append((name, value))
        elif isinstance(value, mx.Dtype):
            found.append((name, arrays.dtype_name(value)))
        else:
            # As MLX has it, and not the TypeError that it could be.
            raise ValueError(  # noqa: TRY004
                f"{TAG} Invalid template argument. Must be `mlx.core.Dtype`, `int` or `bool`."
            )
    return tuple(found)
