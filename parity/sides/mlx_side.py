"""The `mlx` side: the port on MLX's own operations, on the CPU or a GPU."""

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import metadata
from typing import Any

import ml_dtypes
import mlx.core as mx
import numpy as np
from mlx import nn
from mlx.utils import tree_flatten

from parity import numerics, swap
from parity.dtypes import AnyArray, WorkingDtype, cast, is_floating, of_array
from parity.kernel_spec import POLICIES
from parity.spec import LayerSpec

from .base import (
    Outcome,
    Task,
    call_arguments,
    call_word,
    calls_of,
    name_call,
    name_outputs,
    resolve_target,
    vocabulary,
)
from .live import Live
from .points import Agent, Around, composed, plainly, tapping

_DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}


def to_mlx(x: AnyArray, dtype: WorkingDtype) -> mx.array:
    """An array of the same values; floats in `dtype`, integers as int32, booleans as they are."""
    if not is_floating(x):
        return mx.array(x if x.dtype == np.bool_ else x.astype(np.int32))
    x = np.ascontiguousarray(cast(x, dtype))
    if x.dtype == ml_dtypes.bfloat16:  # MLX cannot read NumPy's: hand over the bits
        return mx.array(x.view(np.uint16)).view(mx.bfloat16)
    return mx.array(x)


def to_numpy(x: mx.array) -> AnyArray:
    """The same values in the same format, bit for bit."""
    if x.dtype == mx.bfloat16:
        bits: AnyArray = np.array(x.view(mx.uint16), copy=True)
        return bits.view(ml_dtypes.bfloat16)
    return np.array(x, copy=True)


def lay_out(x: mx.array, layout: str) -> mx.array:
    """A view with the same values that lies in memory as `layout` says."""
    if x.ndim == 0 or layout == "contiguous":
        return x
    if layout == "strided":
        pairs = mx.stack([x, mx.full(x.shape, float("nan"), dtype=x.dtype)], axis=-1)
        room = mx.reshape(pairs, (*x.shape[:-1], 2 * x.shape[-1]))
        mx.eval(room)
        return room[..., ::2]
    if layout == "transposed":
        axes = tuple(reversed(range(x.ndim)))
        room = mx.contiguous(mx.transpose(x, axes))
        mx.eval(room)
        return mx.transpose(room, axes)
    return mx.broadcast_to(mx.contiguous(x[:1]), x.shape)


def load(module: nn.Module, parameters: Mapping[str, mx.array], load_target: str | None) -> None:
    """Fill a module, through the port's own loader if it has one."""
    if load_target is not None:
        resolve_target(load_target)(module, parameters)
    else:
        module.load_weights(list(parameters.items()), strict=True)


def fill(module: nn.Module, values: Mapping[str, mx.array]) -> None:
    """Put values in the place of parameters by name.

    MLX's own loader takes a part that is a number for the place in a list; ours may be a name.
    """
    for name, value in values.items():
        *path, leaf = name.split(".")
        owner: Any = module
        for part in path:
            owner = owner[int(part)] if isinstance(owner, list) else owner[part]
        owner[leaf] = value


def swap_weights(module: nn.Module, initial: Mapping[str, mx.array]) -> None:
    """Change a module's parameters as the swaps in force say; one that they drop is left at `initial`.

    Raises: UsageError if a swap makes a parameter that the module does not have.
    """
    for transform in swap.of_weights():
        before = dict(tree_flatten(module.parameters()))
        after = transform(before)
        changed = {n: after.get(n, initial[n]) for n in before if after.get(n) is not before[n]}
        fill(module, changed)


class MlxSide:
    """The port on MLX's own operations."""

    name = "mlx"

    def unavailable(self, device: str | None = None) -> str | None:
        if device is not None and device not in self.devices():
            return f"MLX has no device {device!r} here, only {', '.join(self.devices())}"
        return None

    def devices(self) -> list[str]:
        found = ["gpu"] if mx.is_available(mx.gpu) else []
        return [*found, "cpu"]

    def describe(self) -> dict[str, Any]:
        default = str(mx.default_device())
        return {
            "version": metadata.version("mlx"),
            "devices": self.devices(),
            "default_device": default,
            "metal": mx.metal.is_available(),
        }

    @contextmanager
    def executing(self, device: str) -> Iterator[None]:
        """Within the context operations run on a device, and words on MLX's own operations."""
        with mx.stream(mx.gpu if device == "gpu" else mx.cpu), kernels("off"):
            yield

    def run(self, task: Task, *, module: nn.Module | None = None) -> Outcome:
        """Run a task to the end, on a module of its own or on one that is there."""
        with numerics.in_force(task.spec), self.executing(task.device):
            return self.run_module(task, module)

    def call_raw(self, task: Task) -> Any:
        with numerics.in_force(task.spec), self.executing(task.device):
            own = {n: of_array(x) or task.dtype for n, x in task.inputs.items()}
            inputs = {n: to_mlx(x, own[n]) for n, x in task.inputs.items()}
            result = self._forward(task, inputs, None)
            mx.eval(result)
            return result

    def open(self, task: Task) -> Live:
        """The model of a task, loaded, to be run and called at will."""
        from .mlx_live import MlxLive

        return MlxLive(self, task)

    def prepared(
        self, task: Task, module: nn.Module | None
    ) -> tuple[dict[str, mx.array], Callable[[Mapping[str, mx.array]], dict[str, mx.array]]]:
        """The inputs that gradients are asked of, and the outputs as a function of them."""
        fixed: dict[str, mx.array] = {}
        leaves: dict[str, mx.array] = {}
        for name, array in task.inputs.items():
            x = to_mlx(array, task.dtype)
            wanted = task.cotangents is not None and name in task.spec.grads
            (leaves if wanted and is_floating(array) else fixed)[name] = x

        def forward(given: Mapping[str, mx.array]) -> dict[str, mx.array]:
            laid = {
                n: lay_out(x, task.layout) if mx.issubdtype(x.dtype, mx.floating) else x
                for n, x in (fixed | dict(given)).items()
            }
            # The order of the declaration: layers take their inputs by position.
            return self._forward(task, {n: laid[n] for n in task.inputs}, module)

        return leaves, forward

    def run_module(self, task: Task, module: nn.Module | None = None) -> Outcome:
        if module is None and isinstance(task.spec, LayerSpec):
            module = self.load(task.spec, task)
        leaves, forward = self.prepared(task, module)
        trainable = {} if module is None else dict(tree_flatten(module.trainable_parameters()))
        if task.cotangents is None or not (leaves or trainable):
            outputs = forward(leaves)
            mx.eval(outputs)
            return Outcome({n: to_numpy(x) for n, x in outputs.items()})
        return self._with_gradients(task, forward, leaves, module)

    def _with_gradients(
        self,
        task: Task,
        forward: Callable[[Mapping[str, mx.array]], dict[str, mx.array]],
        leaves: dict[str, mx.array],
        module: nn.Module | None,
    ) -> Outcome:
        def loss(given: Any) -> tuple[mx.array, dict[str, mx.array]]:
            if module is not None:
                module.update(given["parameters"])
            outputs = forward(given["inputs"])
            return objective(task, outputs), outputs

        given: dict[str, Any] = {"inputs": leaves}
        if module is not None:
            given["parameters"] = module.trainable_parameters()
        (_, outputs), found = mx.value_and_grad(loss)(given)
        gradients = dict(found["inputs"])
        if module is not None:
            module.update(given["parameters"])
            gradients |= {f"param.{n}": g for n, g in dict(tree_flatten(found["parameters"])).items()}
        mx.eval(outputs, gradients)
        return Outcome(
            {n: to_numpy(x) for n, x in outputs.items()},
            {n: to_numpy(g) for n, g in gradients.items()},
        )

    def load(self, spec: LayerSpec, task: Task) -> nn.Module:
        cls = resolve_target(spec.port)
        if spec.config is not None:
            module: nn.Module = cls(resolve_target(spec.config[1]).from_dict(task.arguments))
        else:
            module = cls(**task.arguments)
        if task.parameters is not None:
            parameters = {n: to_mlx(x, task.dtype) for n, x in task.parameters.items()}
            initial = dict(tree_flatten(module.parameters()))
            load(module, parameters, spec.load)
            swap_weights(module, initial)
        else:
            module.set_dtype(_DTYPES[task.dtype.name])
        module.eval()
        return module

    def _forward(
        self, task: Task, inputs: Mapping[str, mx.array], module: nn.Module | None
    ) -> dict[str, mx.array]:
        spec = task.spec
        if not isinstance(spec, LayerSpec):
            extra = dict(task.options)
            if spec.dtype_argument:
                extra[spec.dtype_argument] = _DTYPES[task.dtype.name]
            function = resolve_target(spec.port)
            return dict(name_outputs(spec, call_word(function, spec, inputs, extra)))
        if module is None:
            module = self.load(spec, task)
        with self._listening(task, module):
            outputs: dict[str, mx.array] = {}
            for output, call in calls_of(task).items():
                args, kwargs = call_arguments(call.takes, inputs, task)
                result = getattr(module, call.method)(*args, **kwargs)
                outputs |= name_call(spec, output, result)
        return outputs

    @contextmanager
    def _listening(self, task: Task, module: nn.Module) -> Iterator[None]:
        """Hand every call of a module and a word to the task's around and tap, and to swaps at paths.

        Words that the port would say as one are said one by one then: paths and words mean what they did.
        """
        around, swaps = around_of(task), swap.at_paths()
        if around is None and not swaps:
            yield
            return
        with (
            numerics.apart(task.spec),
            Agent(around or plainly, vocabulary(task.spec, 1), swaps) as agent,
            hooked(module, agent),
        ):
            yield


def objective(task: Task, outputs: Mapping[str, mx.array]) -> mx.array:
    """Σ output·cotangent."""
    cotangents = task.cotangents or {}
    terms = [mx.sum(mx.multiply(outputs[n], to_mlx(g, task.dtype))) for n, g in cotangents.items()]
    if not terms:
        return mx.zeros((), dtype=mx.float32)
    total = terms[0]
    for term in terms[1:]:
        total = mx.add(total, term)
    return total


@contextmanager
def kernels(policy: str) -> Iterator[None]:
    """Within the context the ports that declare how are told to run kernels, ``on`` or ``off``."""
    with ExitStack() as stack:
        for target in POLICIES:
            stack.enter_context(resolve_target(target)(policy))
        yield


def around_of(task: Task) -> Around | None:
    """What stands around the calls of a task: its own around, its tap, or both."""
    if task.tap is None:
        return task.around
    tap = task.tap

    def heard(address: str, value: Any) -> None:
        if isinstance(value, mx.array) and (mx.issubdtype(value.dtype, mx.floating) or "/" not in address):
            tap(address, to_numpy(value))

    listening = tapping(heard, words=task.words)
    return listening if task.around is None else composed(listening, task.around)


def named_modules(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Every module of a tree with its path, parents first and in the order of their attributes."""
    yield path, module
    for name, child in module.children().items():
        base = f"{path}.{name}" if path else name
        members = enumerate(child) if isinstance(child, list) else [(None, child)]
        for index, member in members:
            if isinstance(member, nn.Module):
                yield from named_modules(member, base if index is None else f"{base}.{index}")


@contextmanager
def hooked(
    module: nn.Module, agent: Agent, at: str = "", only: Container[str] | None = None
) -> Iterator[None]:
    """Within the context, calls of every module of a tree, itself at a path, go through `agent`; or of those
    at some paths."""
    with ExitStack() as stack:
        seen: set[int] = set()
        for path, child in named_modules(module, at):
            if id(child) not in seen and (only is None or path in only):
                seen.add(id(child))
                stack.enter_context(_hooked(path, child, agent))
        yield


@contextmanager
def _hooked(path: str, module: nn.Module, agent: Agent) -> Iterator[None]:
    """MLX has no hooks: for a while the module is of a subclass whose call goes through the agent."""
    plain = type(module)

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return agent.module(path, self, partial(plain.__call__, self), args, kwargs)

    module.__class__ = type(plain.__name__, (plain,), {"__call__": call})
    try:
        yield
    finally:
        module.__class__ = plain
