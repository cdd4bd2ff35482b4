"""From suspects to culprits: each is swapped alone, in and out, before it is named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity import swap
from parity.sides.points import Point

from .finding import COMBINATION, CULPRITS, UNCONFIRMED, Culprit
from .local import Wrong
from .prober import Parameter, Prober, Score, Suspect, wrong_parameters
from .search import State, some
from .tree import unit


@dataclass(frozen=True)
class Answer:
    """A kind of finding, in a sentence, with the culprits."""

    kind: str
    text: str
    culprits: tuple[Culprit, ...] = ()


def confirmed(state: State, found: Sequence[Suspect]) -> Answer:
    """Plant each culprit alone in the reference, and leave each alone unmended in the port."""
    groups = grouped(found)
    culprits = []
    for members in groups:
        name = members[0].word if isinstance(members[0], Point) and members[0].word else str(members[0])
        alone = state.prober.score("planted", members)
        state.say(f"{name} alone, planted in the reference: {alone}")
        others = [s for m in groups if m is not members for s in m]
        without = state.prober.score("mended", others)
        if others:
            state.say(f"everything mended but {name}: {without}")
        culprits.append(_culprit(state, members, alone, without))
    sure = [c for c in culprits if c.confirmed]
    ordered = tuple(sorted(culprits, key=lambda c: -c.alone))
    if len(sure) == len(culprits):
        return Answer(CULPRITS, " and ".join(short(c) for c in ordered), ordered)
    together = state.prober.score("planted", list(found))
    state.say(f"all of them planted together: {together}")
    if together.bad and sure:
        text = " and ".join(short(c) for c in ordered if c.confirmed)
        return Answer(CULPRITS, f"{text}; and more that fails only in combination", ordered)
    names = ", ".join(short(c) for c in ordered)
    if together.bad:
        text = f"only in combination: {names}; together {together.gate:.3g} times the gate, none fails alone"
        return Answer(COMBINATION, text, ordered)
    text = f"mending {names} cures, but planted in the reference it does no harm: nothing is confirmed"
    return Answer(UNCONFIRMED, text, ordered)


def hidden(state: State, wrong: Sequence[Wrong], base: Score) -> list[Culprit]:
    """Culprits of calls that fail by themselves though the whole does not show it."""
    groups: dict[tuple[str, Any], list[Wrong]] = {}
    for w in wrong:
        groups.setdefault((_name(w.made.point), replacement(w.made.point)), []).append(w)
    note = _hidden_by(base)
    return [
        Culprit(
            "word" if ws[0].made.point.word else "module",
            name,
            tuple(w.made.point.address for w in ws),
            sum(p.word == name for p in state.root.words) if ws[0].made.point.word else len(ws),
            max(w.gate for w in ws),
            max(w.gate for w in ws),
            True,
            note,
            by_itself=True,
        )
        for (name, _), ws in groups.items()
    ]


def hidden_parameters(state: State, wrong: Sequence[Suspect], base: Score) -> list[Culprit]:
    """Culprits of parameters that are not as given though the whole does not show it."""
    found = []
    for s in wrong:
        if isinstance(s, Parameter):
            note = f"{describe_parameter(state.prober, s.name)}; {_hidden_by(base)}"
            alone = state.prober.score("planted", [s])
            found.append(Culprit("parameter", s.name, (s.name,), 1, alone.gate, base.gate, True, note))
    return found


def _hidden_by(base: Score) -> str:
    if base.bad:
        return "hidden end to end by what is worse"
    return f"hidden: end to end the port holds at {base.gate:.3g} of its gate"


def _name(point: Point) -> str:
    return point.word or point.path


def grouped(found: Sequence[Suspect]) -> list[list[Suspect]]:
    """Suspects that are one culprit: all calls of one word that are of one function, all others singly."""
    groups: dict[tuple[str, Any], list[Suspect]] = {}
    for s in found:
        word = s.word if isinstance(s, Point) else ""
        key = (word, replacement(s)) if isinstance(s, Point) and word else (str(s), None)
        groups.setdefault(key, []).append(s)
    return list(groups.values())


def replacement(point: Point) -> Any:
    """What is swapped in for the word at a point alone; None if nothing is."""
    return swap.at_paths().word(point.path, point.word) if point.word else None


def identity(culprit: Culprit) -> tuple[str, str, Any]:
    """What two culprits have in common if they are one."""
    if culprit.what != "word" or not culprit.places:
        return culprit.what, culprit.name, None
    return culprit.what, culprit.name, replacement(Point.parse(culprit.places[0]))


def _culprit(state: State, members: Sequence[Suspect], alone: Score, without: Score) -> Culprit:
    first = members[0]
    sure = alone.bad and without.bad
    if isinstance(first, Parameter):
        note = "; ".join(filter(None, [describe_parameter(state.prober, first.name), _doubt(alone, without)]))
        return Culprit("parameter", first.name, (first.name,), 1, alone.gate, without.gate, sure, note)
    places = tuple(s.address for s in members if isinstance(s, Point))
    if first.word:
        of = sum(p.word == first.word for p in state.root.words)
        note = _doubt(alone, without)
        return Culprit("word", first.word, places, of, alone.gate, without.gate, sure, note)
    note = "; ".join([*_module_notes(state, first.path), *filter(None, [_doubt(alone, without)])])
    return Culprit("module", first.path, places, len(places), alone.gate, without.gate, sure, note)


def _doubt(alone: Score, without: Score) -> str:
    """Why a suspect is no culprit, if it is none."""
    if not alone.bad:
        return "not confirmed: planted alone, it does no harm"
    return "" if without.bad else "not confirmed: with the others mended the port holds"


def _module_notes(state: State, path: str) -> list[str]:
    """What is wrong with a module's own parameters, if anything is."""
    _, pair = state.prober.pair()
    inside = [p.name for p in wrong_parameters(pair) if p.name.startswith(f"{path}.")]
    return [f"{n} {describe_parameter(state.prober, n)}" for n in inside]


def describe_parameter(prober: Prober, name: str) -> str:
    """How a parameter differs from the given one, in words."""
    _, pair = prober.pair()
    have, given = pair.port.parameters()[name].astype(np.float64), pair.given[name].astype(np.float64)
    described = f"differs by up to {np.nanmax(np.abs(have - given)):.3g}" if have.shape == given.shape else ""
    twin = [
        n
        for n, value in pair.given.items()
        if n != name and value.shape == have.shape and np.array_equal(value.astype(np.float64), have)
    ]
    several = have.size > 1
    for is_so, text in (
        (have.shape != given.shape, f"has shape {have.shape}, given is {given.shape}"),
        (not have.any(), "is all zeros"),
        (several and np.ptp(have) == 0, f"is {have.flat[0]:g} everywhere: its initial value?"),
        (have.shape == given.T.shape and np.array_equal(have, given.T), "is the transpose of what was given"),
        (bool(twin), f"has the values of {twin[0] if twin else ''}"),
        (
            several and np.array_equal(np.sort(have, axis=None), np.sort(given, axis=None)),
            "has the right values in other places",
        ),
    ):
        if is_so:
            return text
    return described


def merged(culprit: Culprit, more: Sequence[Culprit]) -> Culprit:
    """A culprit with the places at which the same word is wrong by itself too."""
    places = {p for c in more if identity(c) == identity(culprit) for p in c.places}
    extra = sorted(places - set(culprit.places))
    if not extra:
        return culprit
    note = (
        f"in {len(extra)} of {len(extra) + len(culprit.places)} places by itself, the whole does not show it"
    )
    return replace(
        culprit,
        places=(*culprit.places, *extra),
        note="; ".join(n for n in (culprit.note, note) if n),
    )


def short(culprit: Culprit) -> str:
    """A culprit in a few words: what and where."""
    if culprit.what != "word":
        return f"{culprit.what} {culprit.name or 'outermost'}"
    where = list(dict.fromkeys(unit(p.partition("/")[0]) for p in culprit.places))
    if len(culprit.places) == culprit.of and len(where) > 1:
        return f"{culprit.name}, wherever it is said"
    if len(culprit.places) == 1:
        where = [culprit.places[0].partition("/")[0]]
    return f"{culprit.name} in {some([place or 'the outermost module' for place in where])}"
