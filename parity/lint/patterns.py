"""What the patterns of a match statement bind."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import judge
from .pythons import instance_of
from .values import UNKNOWN, Many, Nothing, Table, Value, element, is_array, join

if TYPE_CHECKING:
    from .expressions import Expressions


def bind_pattern(ev: Expressions, pattern: ast.pattern, subject: Value) -> Value:
    """Bind the names of a pattern; what the subject is where the pattern fits."""
    if isinstance(pattern, ast.MatchAs):
        fitting = bind_pattern(ev, pattern.pattern, subject) if pattern.pattern else subject
        if pattern.name:
            ev.scope.set(pattern.name, fitting)
        return fitting
    if isinstance(pattern, ast.MatchOr):
        return join(*(bind_pattern(ev, p, subject) for p in pattern.patterns))
    if isinstance(pattern, ast.MatchValue):
        if is_array(subject):
            judge.truth(ev, pattern.value)
        return ev.value(pattern.value)
    if isinstance(pattern, ast.MatchSingleton):
        return Nothing() if pattern.value is None else subject
    if isinstance(pattern, ast.MatchSequence):
        _sequence(ev, pattern, subject)
        return subject
    if isinstance(pattern, ast.MatchMapping):
        each = subject.each if isinstance(subject, Table) else UNKNOWN
        for inner in pattern.patterns:
            bind_pattern(ev, inner, each)
        if pattern.rest:
            ev.scope.set(pattern.rest, subject)
        return subject
    if isinstance(pattern, ast.MatchClass):
        found = instance_of(ev.value(pattern.cls))
        for inner in pattern.patterns:  # `case float(x)` binds the subject itself
            bind_pattern(ev, inner, found)
        for inner in pattern.kwd_patterns:
            bind_pattern(ev, inner, UNKNOWN)
        return found
    return subject


def _sequence(ev: Expressions, pattern: ast.MatchSequence, subject: Value) -> None:
    items = subject.items if isinstance(subject, Many) else None
    exact = items if items is not None and len(items) == len(pattern.patterns) else None
    for i, inner in enumerate(pattern.patterns):
        if isinstance(inner, ast.MatchStar):
            if inner.name:
                ev.scope.set(inner.name, Many(element(subject)))
            exact = None
        else:
            bind_pattern(ev, inner, exact[i] if exact is not None else element(subject))


def catches_all(pattern: ast.pattern) -> bool:
    """Whether nothing falls through it."""
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None
