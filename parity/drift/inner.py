"""A word that says other words: is it one of those, on the numbers that it hands them?"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from parity.expect import Say
from parity.sides.live import Live
from parity.sides.points import Around, Point

from .finding import Culprit
from .hybrid import Pair
from .local import Local, Made, Wrong
from .prober import Prober


def innermost(prober: Prober, culprit: Culprit, say: Say) -> list[Culprit]:
    """The words within a culprit that are wrong by themselves; the culprit too, unless mending them cures it.

    A word that says none, or none that is wrong, is the culprit itself.
    """
    if culprit.what != "word" or culprit.within or culprit.writes:
        return [culprit]
    _, pair = prober.pair()
    point = Point.parse(culprit.places[0])
    local = Local(pair, nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
    outer = made_at(pair, point)
    wrong = outer and local.judge(outer)
    if outer is not None and wrong is None and prober.case.vjp:  # its results hold: it is the gradient
        outer = local.with_cotangents(outer)
        wrong = local.judge(outer)
    if outer is None or wrong is None:
        return [culprit]
    chains = list(_wrong_within(pair, local, outer, ()))
    if not chains:
        return [culprit]
    words = sorted({chain[0].word for chain, _ in chains})
    cured = local.judge(outer, around=_mending(pair, words)) is None
    say(f"{', '.join(words)} mended within {culprit.name}: {'holds' if cured else 'fails'}")
    found: dict[str, Culprit] = {}
    for chain, w in chains:
        said_by = " in ".join(p.word for p in reversed((point, *chain[:-1])))
        found.setdefault(
            chain[-1].word,
            replace(
                culprit,
                name=chain[-1].word,
                alone=w.gate,
                note=f"said by {said_by}" + (f"; {culprit.note}" if culprit.note else ""),
                by_itself=True,
                within=tuple(p.address for p in chain),
            ),
        )
    return [*found.values(), *([] if cured else [culprit])]


def made_at(pair: Pair, point: Point, within: Sequence[str] = ()) -> Made | None:
    """A call on the reference's inputs; with `within`, one that its word makes in turn, and so on."""
    kept: list[Made] = []
    portable = pair.reference.portable

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        result = call(*args, **kwargs)
        if at == point:
            kept.append(Made(point, (portable(args), portable(dict(kwargs)))))
        return result

    pair.reference.run(around)
    made = kept[0] if kept else None
    for address in within:
        if made is not None:
            made = next((m for m in _said(pair, made) if m.point == Point.parse(address)), None)
    return made


def _wrong_within(
    pair: Pair, local: Local, outer: Made, chain: tuple[Point, ...]
) -> Iterator[tuple[tuple[Point, ...], Wrong]]:
    """The innermost calls that fail by themselves, each with the calls that lead to it."""
    for made in _said(pair, outer):
        wrong = local.judge(made)
        if wrong is None and outer.cotangents is not None:
            wrong = local.judge(local.with_cotangents(made))
        if wrong is not None:
            here = (*chain, made.point)
            deeper = list(_wrong_within(pair, local, wrong.made, here))
            yield from deeper or [(here, wrong)]


def _said(pair: Pair, outer: Made) -> list[Made]:
    """The words that the port's word at a call says in turn, where the reference has them too."""
    found: list[Made] = []
    port: Live = pair.port

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        inside = Point(outer.point.path, at.word, at.index)
        if pair.reference.says(at.word) is not None:
            shared = _shared(pair, at.word, kwargs)
            found.append(Made(inside, (port.portable(args), port.portable(shared))))
        return call(*args, **kwargs)

    try:
        port.call(outer.point, *outer.arguments, around)
    except Exception:  # a word that raises has been judged
        return found
    return found


def _mending(pair: Pair, words: Sequence[str]) -> Around:
    """Some words made by the reference, wherever a word says them."""

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if at.word not in words:
            return call(*args, **kwargs)
        return pair.port.bridge(pair.reference, at)(*args, **_shared(pair, at.word, kwargs))

    return around


def _shared(pair: Pair, word: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the reference's word has as well: how the port computes is its own affair."""
    known = inspect.signature(pair.reference.says(word) or (lambda: None)).parameters
    return {n: x for n, x in kwargs.items() if n in known}
