"""Which name has which value: now, on the way through a function; and ever, for functions within it."""

from __future__ import annotations

from collections.abc import Iterable

from .values import UNKNOWN, Value, believed, join


class Scope:
    """The names of a module, a class or a function.

    Args:
        parent: the scope around it, which for a method is not its class's.
    """

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.now: dict[str, Value] = {}
        self.ever: dict[str, Value] = {}
        self._declared: dict[str, Value] = {}
        self._elsewhere: dict[str, Scope] = {}

    def get(self, name: str) -> Value | None:
        """What `name` is at this point; None if nothing binds it."""
        if name in self._elsewhere:
            return self._elsewhere[name].anywhen(name)
        if name in self.now:
            return self.now[name]
        return self.parent.anywhen(name) if self.parent else None

    def anywhen(self, name: str) -> Value | None:
        """What `name` is at one time or another, as an inner function may see it."""
        if name in self.ever:
            return self.ever[name]
        return self.parent.anywhen(name) if self.parent else None

    def set(self, name: str, value: Value) -> None:
        """Bind a name. Of an unknown value, a declared name keeps what was declared."""
        if name in self._elsewhere:
            self._elsewhere[name].set(name, value)
            return
        value = believed(self._declared.get(name, UNKNOWN), value)
        self.now[name] = value
        self.ever[name] = join(self.ever[name], value) if name in self.ever else value

    def declare(self, name: str, value: Value) -> None:
        """Take an annotation at its word."""
        if value != UNKNOWN:
            self._declared[name] = value

    def narrow(self, name: str, value: Value) -> None:
        """What is known of `name` on one branch only."""
        if name in self.now or self.get(name) is not None:
            self.now[name] = value

    def forget(self, name: str) -> None:
        """Unbind a name."""
        self.now.pop(name, None)

    def belongs(self, names: Iterable[str], *, to_module: bool) -> None:
        """``global`` and ``nonlocal``."""
        for name in names:
            owner = self.parent
            while owner is not None:
                if to_module and owner.parent is None:
                    break
                if not to_module and name in owner.ever:
                    break
                owner = owner.parent
            if owner is not None:
                self._elsewhere[name] = owner

    def copy(self) -> dict[str, Value]:
        """What is known now, to come back to."""
        return dict(self.now)

    def merge(self, *ways: dict[str, Value]) -> None:
        """Go on where several ways meet."""
        if not ways:
            return
        merged = dict(ways[0])
        for way in ways[1:]:
            for name, value in way.items():
                if name in merged and merged[name] is not value:
                    merged[name] = join(merged[name], value)
                elif name not in merged:
                    merged[name] = value
        self.now = merged
