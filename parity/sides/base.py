"""What a side is: something that runs a target on given numbers and hands back numbers.

Running is not comparing: a side knows nothing of oracles, errors or verdicts.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from parity.dtypes import AnyArray, WorkingDtype
from parity.errors import SpecError, unknown
from parity.spec import Call, LayerSpec, OpSpec

Tap = Callable[[str, AnyArray], None]
"""Called with a path and a value each time a module or word returns one."""


@dataclass(frozen=True)
class Task:
    """One run: a spec, the numbers, and what is wanted back.

    `cotangents` asks for the gradients of Σ output·cotangent, by argument (`spec.grads`) and by
    parameter. `tap` hears every module's result under its path and, with `words`, every word's under
    ``path/word#i``. `layout` says how floating arguments lie in memory.
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


@dataclass(frozen=True)
class Outcome:
    """What a run gave: outputs and gradients by name (``x`` for an argument, ``param.x`` for a parameter)."""

    outputs: Mapping[str, AnyArray]
    gradients: Mapping[str, AnyArray] = field(default_factory=dict)


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


class Words(AbstractContextManager[None]):
    """Within the context, every word of a namespace reports what it returns.

    Words live in a namespace and layers look them up there at each call, so listening is replacing the
    attribute and putting it back: no line of it in the model, no cost when nobody listens.
    """

    def __init__(self, namespace: ModuleType, heard: Callable[[str, Any], None]) -> None:
        self._namespace = namespace
        self._heard = heard
        self._original: dict[str, Any] = {}

    def __enter__(self) -> None:
        for word in self._namespace.__all__:
            function = getattr(self._namespace, word)
            self._original[word] = function
            setattr(self._namespace, word, self._listening(word, function))

    def __exit__(self, *_: object) -> None:
        for word, function in self._original.items():
            setattr(self._namespace, word, function)

    def _listening(self, word: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def say(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self._heard(word, result)
            return result

        return say


class Paths:
    """Where in a model the execution is, and how often each module and word has spoken there."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self._counts: dict[str, int] = {}

    def word(self, word: str) -> str:
        """The address of the next call of `word` at the current path: ``path/word#i``."""
        key = f"{self.stack[-1] if self.stack else ''}/{word}"
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        return f"{key}#{count}"

    def module(self, path: str) -> str:
        """The address of the next result of a module: its path, then ``path#1``, ``path#2``, …"""
        count = self._counts.get(path, 0)
        self._counts[path] = count + 1
        return path if count == 0 else f"{path}#{count}"


def primary(result: Any) -> Any:
    """What a module's result is known by: the first entry of a dictionary or tuple, else itself."""
    if isinstance(result, dict):
        return next(iter(result.values()))
    if isinstance(result, tuple | list):
        return result[0]
    return result
