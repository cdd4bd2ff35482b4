"""The `torch` side: the reference in PyTorch, in any dtype. In float64 on the CPU it is the oracle."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor, nn

from parity.dtypes import FLOAT64, AnyArray, WorkingDtype, cast, is_floating, of_array
from parity.inputs import generator
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
from .points import Agent, Around, composed, tapping
from .reorder import OtherRoundings

_DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def to_torch(x: AnyArray, dtype: WorkingDtype, device: str = "cpu") -> Tensor:
    """A tensor of the same values; floats in `dtype`, integers as int64 (what PyTorch indexes with)."""
    if not is_floating(x):
        return torch.from_numpy(np.ascontiguousarray(x).astype(np.int64)).to(device)
    x = np.ascontiguousarray(cast(x, dtype) if dtype.name != "float64" else x.astype(np.float64))
    return from_numpy(x.copy()).to(device)


def from_numpy(x: AnyArray) -> Tensor:
    """A tensor of the same values in the same format, in the same memory."""
    if x.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(x)


def to_numpy(x: Tensor) -> AnyArray:
    """The same values in the same format, bit for bit."""
    x = x.detach().cpu().contiguous()
    if x.dtype is torch.bfloat16:
        bits: AnyArray = x.view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    array: AnyArray = x.numpy()
    return array


def lay_out(x: Tensor, layout: str) -> Tensor:
    """A view with the same values that lies in memory as `layout` says."""
    if x.ndim == 0 or layout == "contiguous":
        return x
    if layout == "strided":
        room = torch.empty(*x.shape[:-1], 2 * x.shape[-1], dtype=x.dtype, device=x.device)
        room.fill_(float("nan") if x.is_floating_point() else 0)
        room[..., ::2] = x
        return room[..., ::2]
    if layout == "transposed":
        axes = tuple(reversed(range(x.ndim)))
        return x.permute(axes).contiguous().permute(axes)
    return x[:1].clone().expand(x.shape)  # broadcast


class TorchSide:
    """The reference: `torch` in a working dtype, `oracle` in float64."""

    name = "torch"

    def unavailable(self, device: str | None = None) -> str | None:
        if device is not None and device not in self.devices():
            return f"PyTorch has no device {device!r} here, only {', '.join(self.devices())}"
        return None

    def devices(self) -> list[str]:
        found = ["cpu"]
        if torch.backends.mps.is_available():
            found.append("mps")
        if torch.cuda.is_available():
            found.append("cuda")
        return found

    def describe(self) -> dict[str, Any]:
        return {
            "version": torch.__version__,
            "devices": self.devices(),
            "threads": torch.get_num_threads(),
            "blas": "mkl" if torch.backends.mkl.is_available() else "other",
            "matmul_precision": torch.get_float32_matmul_precision(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
        }

    # -- parameters ---------------------------------------------------------------------------------

    def parameters(self, spec: LayerSpec, arguments: Mapping[str, Any], seed: int) -> dict[str, AnyArray]:
        """Seeded float32 parameters and buffers under every canonical name, none at a neutral value.

        They are the reference's own initial values, made telling: those that start constant
        (normalization weights, biases, frequencies) are perturbed, so that a port cannot pass by leaving
        them out, and matrices that start tiny are scaled to keep the size of what they multiply, so that
        every function after them is used where it is curved.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self._build(spec, arguments)
        rng = generator("parameters", spec.name, seed)
        done: dict[int, AnyArray] = {}
        values = {}
        for name, tensor in module.state_dict().items():
            key = tensor.data_ptr()
            if key not in done or done[key].shape != tuple(tensor.shape):
                array = to_numpy(tensor)
                if is_floating(array):
                    array = array.astype(np.float64)
                    if array.size > 1 and np.ptp(array) == 0:
                        size = abs(float(array.flat[0])) or 1.0
                        array = array + 0.1 * size * rng.standard_normal(array.shape)
                    array = (array * _gain(array)).astype(np.float32)
                done[key] = array
            values[name] = done[key]
        return values

    def _build(self, spec: LayerSpec, arguments: Mapping[str, Any]) -> nn.Module:
        cls = resolve_target(spec.reference)
        if spec.config is not None:
            config = resolve_target(spec.config[0]).from_dict(arguments)
            module: nn.Module = cls(config)
        else:
            module = cls(**arguments)
        return module.eval()

    # -- running ------------------------------------------------------------------------------------

    def run(
        self,
        task: Task,
        *,
        module: nn.Module | None = None,
        reorder: bool = False,
        rounding_seed: int | None = None,
        away: bool = False,
        precision: int | None = None,
        flush: bool = False,
    ) -> Outcome:
        """Run a task; with `reorder`, with sums in sequence and, given a seed or `away`, other roundings,
        or given a seed and a `precision`, each result rounded to so many bits.

        With `flush`, subnormal results are zero, where the processor can. A `module` that is `loaded` for the
        task serves several runs.
        """
        dtype = torch.float64 if task.dtype == FLOAT64 else torch.float32
        other = OtherRoundings(rounding_seed, away=away, precision=precision, dtype=dtype)
        with other if reorder else nullcontext():
            if not flush:
                return self.run_module(task, module)
            torch.set_flush_denormal(True)
            try:
                return self.run_module(task, module)
            finally:
                torch.set_flush_denormal(False)

    def call_raw(self, task: Task) -> Any:
        own = {n: of_array(x) or task.dtype for n, x in task.inputs.items()}
        inputs = {n: to_torch(x, own[n], task.device) for n, x in task.inputs.items()}
        return self._forward(task, inputs, None)

    def open(self, task: Task) -> Live:
        """The model of a task, loaded, to be run and called at will."""
        from .torch_live import TorchLive

        return TorchLive(self, task)

    def run_module(
        self, task: Task, module: nn.Module | None = None, *, anchor: Tensor | None = None
    ) -> Outcome:
        """Run a task on a module of its own or on one that is there.

        With an `anchor`, which gradients reach as they reach a parameter, those of parameters are left out
        that nothing reaches.
        """
        wants_gradients = task.cotangents is not None
        inputs = {}
        leaves = {}
        for name, array in task.inputs.items():
            x = to_torch(array, task.dtype, task.device)
            if x.is_floating_point():
                if wants_gradients and name in task.spec.grads:
                    x.requires_grad_(True)
                    leaves[name] = x
                x = lay_out(x, task.layout)
            inputs[name] = x
        if isinstance(task.spec, LayerSpec):
            module = module or self.load(task.spec, task)
            module.requires_grad_(wants_gradients)
            if wants_gradients:
                leaves |= {f"param.{n}": p for n, p in module.named_parameters()}
        anchors = [] if anchor is None else [anchor]
        with torch.enable_grad() if wants_gradients else torch.no_grad():
            outputs = self._forward(task, inputs, module)
            gradients = self._gradients(task, outputs, leaves, anchors) if wants_gradients else {}
        return Outcome({n: to_numpy(x) for n, x in outputs.items()}, gradients)

    def loaded(self, task: Task) -> nn.Module | None:
        """A layer's module with a task's parameters; None for a word."""
        return self.load(task.spec, task) if isinstance(task.spec, LayerSpec) else None

    def load(self, spec: LayerSpec, task: Task) -> nn.Module:
        module = self._build(spec, task.arguments)
        if task.parameters is not None:
            state = {n: to_torch(x, task.dtype) for n, x in task.parameters.items()}
            module.to(_DTYPES[task.dtype.name]).load_state_dict(state, strict=True)
        return module.to(device=task.device, dtype=_DTYPES[task.dtype.name])

    def _forward(
        self, task: Task, inputs: Mapping[str, Tensor], module: nn.Module | None
    ) -> dict[str, Tensor]:
        spec = task.spec
        if not isinstance(spec, LayerSpec):
            extra = dict(task.options)
            if spec.dtype_argument:
                extra[spec.dtype_argument] = _DTYPES[task.dtype.name]
            function = resolve_target(spec.reference)
            return dict(name_outputs(spec, call_word(function, spec, inputs, extra)))
        if module is None:
            module = self.load(spec, task)
        with self._listening(task, module):
            outputs: dict[str, Tensor] = {}
            for output, call in calls_of(task).items():
                args, kwargs = call_arguments(call.takes, inputs, task)
                method = module if call.method == "__call__" else getattr(module, call.method)
                result = method(*args, **kwargs)
                outputs |= name_call(spec, output, result)
        return outputs

    def _gradients(
        self, task: Task, outputs: Mapping[str, Tensor], leaves: Mapping[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, AnyArray]:
        assert task.cotangents is not None
        terms = [
            (outputs[n] * to_torch(g, task.dtype, task.device)).sum()
            for n, g in task.cotangents.items()
            if n in outputs and outputs[n].requires_grad
        ]
        if not terms or not (leaves or anchors):
            return {}
        total = torch.stack([t.reshape(()) for t in terms]).sum()
        found: Sequence[Tensor | None] = torch.autograd.grad(
            total, [*leaves.values(), *anchors], allow_unused=True
        )
        return {
            name: to_numpy(torch.zeros_like(leaf) if g is None else g)
            for (name, leaf), g in zip(leaves.items(), found, strict=False)
            if g is not None or not (anchors and name.startswith("param."))
        }

    @contextmanager
    def _listening(self, task: Task, module: nn.Module) -> Iterator[None]:
        """Hand every call of a module and a word to the task's around and tap."""
        around = around_of(task)
        if around is None:
            yield
            return
        with Agent(around, vocabulary(task.spec, 0)) as agent, hooked(module, agent):
            yield


def around_of(task: Task) -> Around | None:
    """What stands around the calls of a task: its own around, its tap, or both."""
    if task.tap is None:
        return task.around
    tap = task.tap

    def heard(address: str, value: Any) -> None:
        if isinstance(value, Tensor) and (value.is_floating_point() or "/" not in address):
            tap(address, to_numpy(value))

    listening = tapping(heard, words=task.words)
    return listening if task.around is None else composed(listening, task.around)


def _gain(weight: AnyArray) -> float:
    """What makes a matrix keep the size of its input, if it shrinks it by half or more."""
    if weight.ndim < 2 or 0 in weight.shape:
        return 1.0
    size = float(np.std(weight)) * float(np.sqrt(weight.shape[-1]))
    return 1.0 / size if 0 < size < 0.5 else 1.0


@contextmanager
def hooked(module: nn.Module, agent: Agent, only: Container[str] | None = None) -> Iterator[None]:
    """Within the context, calls of every module of a tree, or of those at some paths, go through `agent`."""
    with ExitStack() as stack:
        for path, child in module.named_modules():
            if only is None or path in only:
                stack.enter_context(_hooked(path, child, agent))
        yield


_HOOK = "parity_hook"


def is_hook(forward: Any) -> bool:
    """Whether a module's own `forward` is there for a run only."""
    return hasattr(forward, _HOOK)


@contextmanager
def _hooked(path: str, module: nn.Module, agent: Agent) -> Iterator[None]:
    # PyTorch looks `forward` up on the module, where an attribute goes before the class's own.
    own = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return agent.module(path, module, own, args, kwargs)

    setattr(forward, _HOOK, True)
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
