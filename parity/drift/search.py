"""Which calls and parameters have to be mended for the port to hold: the smallest set of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from parity.expect import Say
from parity.sides.points import Point

from .peel import peel
from .prober import Parameter, Prober, Suspect
from .tree import Node, units

MANY = 3
"""After so many culprits the search by prefixes stops, and what is left is planted piece by piece."""


@dataclass(frozen=True)
class State:
    """What the search knows: the questions' asker, the tree of calls, and who listens."""

    prober: Prober
    root: Node
    say: Say


def search(state: State, wrong: list[Suspect], likely: Sequence[Point] = ()) -> list[Suspect] | None:
    """The smallest set of suspects whose mending cures; None if nothing within does.

    If the `likely` calls, those that fail by themselves, cure when they are mended, no other is asked about.
    """
    chosen = set(likely)
    few = [n.point for n in state.root.walk() if n.point in chosen and _bridgeable(state, n.point)]
    if few and _cured(state, [*wrong, *few], f"the {len(few)} calls that fail by themselves mended"):
        return _by_name(state, wrong, few)
    words = [p for p in state.root.words if _bridgeable(state, p) and p not in few]
    if words and _cured(state, [*wrong, *few, *words], f"all {len(words)} calls of words mended"):
        return [*few, *_by_name(state, wrong, words, few)]
    state.say("not in a word: the search goes through the modules")
    deeper = _descend(state, state.root, list(few), wrong)
    return None if deeper is None else [*few, *deeper]


def _by_name(
    state: State, wrong: list[Suspect], calls: list[Point], fixed: Sequence[Suspect] = ()
) -> list[Suspect]:
    """First which words (or modules, or parameters), then which of their calls, or of those within.

    What is `fixed` is mended whatever is asked.
    """
    groups: dict[str, list[Suspect]] = {str(w): [w] for w in wrong}
    for p in calls:
        groups.setdefault(p.word or p.address, []).append(p)
    words = {p.word for p in calls if p.word}

    def cures(chosen: Sequence[str], left: int) -> bool:
        what = f"{some(chosen)} mended" + (" everywhere" if words & set(chosen) else "")
        return _cured(state, [*fixed, *(p for n in chosen for p in groups[n])], what, left)

    bad, _ = peel(list(groups), cures)
    found: list[Suspect] = []
    for name in bad:
        others = [*fixed, *(p for n in bad if n != name for p in groups[n])]
        first = groups[name][0]
        if isinstance(first, Parameter):
            found.append(first)
        elif first.word:
            found += _places(state, [p for p in groups[name] if isinstance(p, Point)], others)
        else:
            found += _inside(state, next(n for n in state.root.walk() if n.point == first), others)
    return found


def _places(state: State, calls: list[Point], others: list[Suspect]) -> list[Suspect]:
    """Which calls of a word have to be mended, with the other culprits mended."""

    def cures(chosen: Sequence[Point], left: int) -> bool:
        what = f"{calls[0].word} mended in {some([p.path or '.' for p in chosen])}"
        return _cured(state, [*others, *chosen], what, left)

    if len(calls) == 1:
        return list(calls)
    by_unit = units(calls)

    def cures_units(chosen: Sequence[str], left: int) -> bool:
        return cures([p for u in chosen for p in by_unit[u]], left)

    bad_units, whole = peel(list(by_unit), cures_units, MANY)
    if not whole:
        rest = [u for u in by_unit if u not in bad_units]
        bad_units += [
            u for u in rest if _harms(state, by_unit[u], f"{calls[0].word} planted in {u or 'the outermost'}")
        ]
    found: list[Suspect] = []
    for u in [u for u in by_unit if u in bad_units]:
        inner = by_unit[u]
        if len(inner) == 1 or len(bad_units) > MANY:
            found += inner
            continue
        elsewhere = [p for v in bad_units if v != u for p in by_unit[v]]
        within, whole = peel(inner, lambda chosen, left, e=elsewhere: cures([*e, *chosen], left), MANY)  # type: ignore[misc]
        if not whole:
            word = calls[0].word
            within += [
                p for p in inner if p not in within and _harms(state, [p], f"{word} planted in {p.path}")
            ]
        found += [p for p in inner if p in within]
    return found


def _descend(
    state: State, node: Node, fixed: list[Suspect], wrong: Sequence[Suspect] = ()
) -> list[Suspect] | None:
    """The smallest set of `wrong` suspects and calls below a call that cures, with the fixed ones mended.

    None if mending all that it calls does not.
    """
    candidates = [*wrong, *(c.point for c in node.children if _bridgeable(state, c.point))]
    where = node.point.path or "the outermost module"
    if not candidates or not _cured(state, [*fixed, *candidates], f"everything that {where} calls mended"):
        return None
    bad, _ = peel(
        candidates,
        lambda chosen, left: _cured(
            state, [*fixed, *chosen], f"{some([str(s) for s in chosen])} mended", left
        ),
    )
    found: list[Suspect] = []
    for suspect in bad:
        if isinstance(suspect, Parameter) or suspect.word:
            found.append(suspect)
            continue
        child = next(c for c in node.children if c.point == suspect)
        found += _inside(state, child, [*fixed, *(s for s in bad if s != suspect)])
    return found


def _inside(state: State, node: Node, others: list[Suspect]) -> list[Suspect]:
    """What in a module has to be mended, with the others mended: calls within, or else itself."""
    deeper = _descend(state, node, others)
    return [node.point] if deeper is None else deeper


def _bridgeable(state: State, point: Point) -> bool:
    """Whether both sides can make a call, with the same parameters' gradients where gradients count."""
    _, pair = state.prober.pair()
    if not (pair.port.has(point) and pair.reference.has(point)):
        return False
    names = (pair.port.trainable(point), pair.reference.trainable(point))
    return names[0] == names[1] or not state.prober.case.vjp


def _cured(state: State, chosen: Sequence[Suspect], what: str, left: int = 0) -> bool:
    score = state.prober.score("mended", list(chosen))
    state.say(f"{what}: {score}" + (f" (at most {left} more to the next culprit)" if left else ""))
    return not score.bad


def _harms(state: State, chosen: Sequence[Suspect], what: str) -> bool:
    score = state.prober.score("planted", list(chosen))
    state.say(f"{what}: {score}")
    return score.bad


def some(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
