"""Points: where in a model something is called, and a way to stand around each call.

A side that is given an *around* hands it every call of a module and of a word: the point, the call, its
arguments. What the around returns is the call's result, so one mechanism listens, replays and replaces.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Protocol

Call = Callable[..., Any]


@dataclass(frozen=True)
class Point:
    """The `index`-th call of a module at `path`, or of a `word` that the module there says.

    The outermost module has the empty path.
    """

    path: str
    word: str = ""
    index: int = 0

    @property
    def address(self) -> str:
        """``path``, then ``path#1``, …; for words ``path/word#0``, ``path/word#1``, …"""
        if self.word:
            return f"{self.path}/{self.word}#{self.index}"
        return self.path if self.index == 0 else f"{self.path}#{self.index}"

    def __str__(self) -> str:
        return self.address or "the whole"

    @classmethod
    def parse(cls, address: str) -> "Point":
        """The point that `address` names."""
        path, slash, word = address.partition("/")
        name, _, index = (word if slash else path).partition("#")
        number = int(index) if index else 0
        return cls(path, name, number) if slash else cls(name, "", number)

    def within(self, path: str) -> bool:
        """Whether the point is the module at `path` or lies inside it."""
        return not path or self.path == path or self.path.startswith(f"{path}.")


Around = Callable[[Point, Call, tuple[Any, ...], Mapping[str, Any]], Any]
"""Called in place of each module and word with its point, the call itself, and the arguments."""


class Replacements(Protocol):
    """What stands in for modules and words at some paths."""

    def module(self, path: str) -> Call | None:
        """What to call with the module at `path` and its arguments in place of the module, if anything."""

    def word(self, path: str, word: str) -> Call | None:
        """What to call in place of a word said by the module at `path`, if anything."""


class _Local(threading.local):
    agent: "Agent | None" = None


_LOCAL = _Local()
"""Which run each thread is in: words are said through one namespace by all of them."""


class Agent(AbstractContextManager["Agent"]):
    """One run of one model: counts its calls and hands them to the around.

    Within the context, the calls of this thread through `namespace` are the run's. What a word calls in
    turn is its own affair and no point.
    """

    def __init__(
        self,
        around: Around,
        namespace: ModuleType | None = None,
        replacements: Replacements | None = None,
    ) -> None:
        self._around = around
        self._namespace = namespace
        self._replacements = replacements
        self._stack: list[str] = []
        self._counts: dict[str, int] = {}
        self._inside: set[str] = set()
        self._before: Agent | None = None

    def __enter__(self) -> "Agent":
        self._before, _LOCAL.agent = _LOCAL.agent, self
        if self._namespace is not None:
            _listen(self._namespace)
        return self

    def __exit__(self, *_: object) -> None:
        if self._namespace is not None:
            _unlisten(self._namespace)
        _LOCAL.agent = self._before

    def _count(self, key: str) -> int:
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        return count

    def module(self, path: str, module: Any, call: Call, args: tuple[Any, ...], kwargs: Any) -> Any:
        """A module's call; `call` is the module's own."""
        if _LOCAL.agent is not self or path in self._inside:  # called by what replaces it, or muted
            return call(*args, **kwargs)
        point = Point(path, "", self._count(path))
        replacement = self._replacements.module(path) if self._replacements is not None else None
        if replacement is not None:
            call = partial(self._replaced, path, partial(replacement, module))
        self._stack.append(path)
        try:
            return self._around(point, call, args, kwargs)
        finally:
            self._stack.pop()

    def _replaced(self, path: str, call: Call, *args: Any, **kwargs: Any) -> Any:
        self._inside.add(path)
        try:
            return call(*args, **kwargs)
        finally:
            self._inside.discard(path)

    def word(self, namespace: ModuleType, word: str, call: Call, args: tuple[Any, ...], kwargs: Any) -> Any:
        """A word's call."""
        if namespace is not self._namespace:
            return call(*args, **kwargs)
        path = self._stack[-1] if self._stack else ""
        point = Point(path, word, self._count(f"{path}/{word}"))
        replacement = self._replacements.word(path, word) if self._replacements is not None else None
        return self._around(point, partial(_mutely, replacement or call), args, kwargs)


def _mutely(call: Call, *args: Any, **kwargs: Any) -> Any:
    with muted():
        return call(*args, **kwargs)


@contextmanager
def muted() -> Iterator[None]:
    """Within the context this thread's calls are no points."""
    before, _LOCAL.agent = _LOCAL.agent, None
    try:
        yield
    finally:
        _LOCAL.agent = before


# -- words ----------------------------------------------------------------------------------------------

_LOCK = threading.Lock()
_LISTENING: dict[str, tuple[int, dict[str, Any]]] = {}
"""Namespace → how many runs listen to it, and its own functions."""


def words_in(namespace: ModuleType) -> list[str]:
    """The words of a namespace: what it exports, else its public functions."""
    exported: list[str] | None = getattr(namespace, "__all__", None)
    if exported is not None:
        return exported
    return [n for n, x in vars(namespace).items() if isinstance(x, FunctionType) and not n.startswith("_")]


def _listen(namespace: ModuleType) -> None:
    """Have every word of a namespace ask which run it is said in.

    Layers look words up in the namespace at each call, so that is replacing the attribute and putting
    it back: no line of it in the model, no cost when nobody listens.
    """
    with _LOCK:
        count, original = _LISTENING.get(namespace.__name__, (0, {}))
        if count == 0:
            original = {word: getattr(namespace, word) for word in words_in(namespace)}
            for word, function in original.items():
                setattr(namespace, word, _asking(namespace, word, function))
        _LISTENING[namespace.__name__] = (count + 1, original)


def _unlisten(namespace: ModuleType) -> None:
    with _LOCK:
        count, original = _LISTENING[namespace.__name__]
        if count == 1:
            for word, function in original.items():
                setattr(namespace, word, function)
        _LISTENING[namespace.__name__] = (count - 1, original)


def _asking(namespace: ModuleType, word: str, function: Call) -> Call:
    def say(*args: Any, **kwargs: Any) -> Any:
        agent = _LOCAL.agent
        if agent is None:
            return function(*args, **kwargs)
        return agent.word(namespace, word, function, args, kwargs)

    return say


# -- arounds --------------------------------------------------------------------------------------------


def primary(result: Any) -> Any:
    """What a module's result is known by: the first entry of a dictionary or tuple, else itself."""
    if isinstance(result, dict):
        return next(iter(result.values()))
    if isinstance(result, tuple | list):
        return result[0]
    return result


def parts(address: str, result: Any) -> Iterator[tuple[str, Any]]:
    """The members of a word's result with an address each: ``path/word#i``, or ``path/word#i.0``, …"""
    if isinstance(result, tuple):
        yield from ((f"{address}.{i}", part) for i, part in enumerate(result))
    else:
        yield address, result


def tapping(tap: Callable[[str, Any], None], *, words: bool) -> Around:
    """An around that calls `tap` with the address and the result of every module and, with `words`, word."""

    def around(point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        result = call(*args, **kwargs)
        if point.word:
            if words:
                for address, part in parts(point.address, result):
                    tap(address, part)
        elif point.path:
            tap(point.address, primary(result))
        return result

    return around


def plainly(_point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """An around that does nothing but call."""
    return call(*args, **kwargs)


def composed(outer: Around, inner: Around) -> Around:
    """An around whose call is another one."""

    def around(point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        def within(*a: Any, **k: Any) -> Any:
            return inner(point, call, a, k)

        return outer(point, within, args, kwargs)

    return around
