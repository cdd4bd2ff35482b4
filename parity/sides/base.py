"""What a side is: something that runs a target on given numbers and hands back numbers.

Running is not comparing: a side knows nothing of oracles, errors or verdicts.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from parity.dtypes import AnyArray, WorkingDtype
from parity.errors import SpecError, unknown
from parity.spec import Call, LayerSpec, OpSpec

from .points import Around, primary

if TYPE_CHECKING:
    from .live import Live

Tap = Callable[[str, AnyArray], None]
"""Called with a path and a value each time a module or word returns one."""


@dataclass(frozen=True)
class Task:
    """One run: a spec, the numbers, and what is wanted back.

    `cotangents` asks for the gradients of Σ output·cotangent, by argument (`spec.grads`) and by
    parameter. `tap` hears every module's result under its path and, with `words`, every word's under
    ``path/word#i``; `around` stands around every call of both, on the framework's own values. `layout`
    says how floating arguments lie in memory.
    """

    spec: OpSpec
    inputs: Mapping[str, AnyArray]
    dtype: WorkingDtype
    device: str = "cpu"
    options: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    layout: str = "contiguous"
    parameters: Mapping[str, AnyArray] | None = None
    cotangents: Mapping[str, AnyArray] | None = None
    tap: Tap | None = None
    words: bool = False
    around: Around | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run gave: outputs and gradients by name (``x`` for an argument, ``param.x`` for a parameter).

    `notes` say what stands beside the numbers in a report, such as words that ran on no kernel.
    """

    outputs: Mapping[str, AnyArray]
    gradients: Mapping[str, AnyArray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Side(Protocol):
    """One way to run a spec."""

    name: str

    def unavailable(self, device: str | None = None) -> str | None:
        """Why the side cannot run here (on `device`), or None if it can."""

    def devices(self) -> list[str]:
        """The devices it can run on, the default first."""

    def run(self, task: Task) -> Outcome:
        """Run a task to the end."""

    def call_raw(self, task: Task) -> Any:
        """Make the call with the given arguments as they are, for what it raises."""

    def open(self, task: Task) -> "Live":
        """The layer or model of a task, loaded, to be run and called at will."""

    def describe(self) -> dict[str, Any]:
        """Versions, devices and modes, for the report."""


def resolve_target(target: str) -> Any:
    """The object that ``"package.module:name"`` names, looked up anew, so that a swap is seen.

    Raises: SpecError if the module or the name does not exist.
    """
    module_name, _, name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and not module_name.startswith(error.name):
            raise  # something that the module needs is missing: not the spec's fault
        raise SpecError(f"target {target!r}: there is no module {module_name!r}") from None
    if not hasattr(module, name):
        public = [n for n in dir(module) if not n.startswith("_")]
        raise SpecError(f"target {target!r}: " + unknown("name", name, public))
    return getattr(module, name)


def vocabulary(spec: OpSpec, index: int) -> ModuleType | None:
    """The namespace in which the layers of a spec say words: 0 the reference's, 1 the port's."""
    if not isinstance(spec, LayerSpec) or spec.words is None:
        return None
    return importlib.import_module(spec.words[index])


def calls_of(task: Task) -> Mapping[str, Call]:
    """The calls of a layer: those declared that its arguments allow, or one that takes every input."""
    spec = task.spec
    if isinstance(spec, LayerSpec) and spec.calls:
        return {
            output: call
            for output, call in spec.calls.items()
            if call.when is None or task.arguments.get(call.when)
        }
    return {spec.outputs[0]: Call(takes=tuple(f"{n}:{n}" for n in task.inputs))}


def call_arguments(
    takes: tuple[str, ...], inputs: Mapping[str, Any], task: Task
) -> tuple[list[Any], dict[str, Any]]:
    """The positional and keyword arguments of one call: ``x``, ``x:x`` by keyword, ``=l`` a size."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for item in takes:
        if item.startswith("="):
            args.append(task.sizes[item[1:]])
        elif ":" in item:
            keyword, _, name = item.partition(":")
            if name in inputs:
                kwargs[keyword] = inputs[name]
        else:
            args.append(inputs[item])
    return args, kwargs


def call_word(
    function: Callable[..., Any], spec: OpSpec, inputs: Mapping[str, Any], extra: Mapping[str, Any]
) -> Any:
    """Call a word by keyword, or arrays by position where the function does not know their names.

    Functions of a framework often take arrays by position only, or call them something else.
    """
    try:
        known = set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # built-in functions may have no signature
        known = set()
    if known.issuperset(inputs):
        return function(**inputs, **extra)
    return function(*inputs.values(), **extra)


def name_outputs(spec: OpSpec, result: Any) -> dict[str, Any]:
    """The parts of a result by name: entries of a dictionary, members of a tuple, or the one output.

    Raises: SpecError if a tuple has another length than the spec's outputs.
    """
    if isinstance(result, dict):
        return result
    if isinstance(result, tuple | list):
        if len(result) != len(spec.outputs):
            raise SpecError(
                f"{spec.name} returned {len(result)} values, its spec names {len(spec.outputs)}: "
                f"{spec.outputs}; correct outputs= in the spec"
            )
        return dict(zip(spec.outputs, result, strict=True))
    return {spec.outputs[0]: result}


def name_call(spec: LayerSpec, output: str, result: Any) -> dict[str, Any]:
    """The results of one call on a layer: by the spec's names if it is the only one, else under its own."""
    if isinstance(result, dict):
        return result
    if len(spec.calls) <= 1:
        return name_outputs(spec, result)
    return {output: primary(result)}
