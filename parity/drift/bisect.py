"""From a model that fails to the word, module or parameter that does it.

The port is run with some of its calls made by the reference (*mended*), and the reference with some made
by the port (*planted*). What has to be mended for the port to hold, and fails alone when planted, did it.
Then every call is judged by itself on the reference's inputs: what is wrong there and hidden in the whole
is named too.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from parity.case import Case
from parity.expect import Say, silent
from parity.sides.points import Point

from .confirm import (
    Answer,
    confirmed,
    describe_parameter,
    grouped,
    hidden,
    hidden_parameters,
    identity,
    merged,
    replacement,
    short,
)
from .finding import (
    COMBINATION,
    CULPRITS,
    HIDDEN,
    HOLDS,
    NOT_REPRODUCIBLE,
    OUTSIDE,
    REFERENCE,
    Culprit,
    Finding,
)
from .inner import innermost
from .local import Local, Wrong
from .prober import Parameter, Prober, Score, Suspect, other_parameters, wrong_parameters
from .search import State, search, some
from .tree import Recorder
from .unsteady import CALLS, FEW, Unsteady, fickle, unsteady
from .writes import Writers, read_afterwards

__all__ = ["bisect", "describe_parameter"]


def bisect(prober: Prober, *, seeds: int = 3, repeats: int = 2, say: Say = silent) -> Finding:
    """The finding on a prober's case; says each question and its answer to `say`."""
    start = time.monotonic()
    own = prober.case.seed
    base = prober.as_it_is()
    say(f"the port as it is: {base}")
    if prober.case.seed != own:
        say(f"the first input that fails is that of seed {prober.case.seed}: the case is that from now on")
    answer = _answer(prober, base, repeats, say)
    if answer.kind in (CULPRITS, COMBINATION):
        answer = _on_all_inputs(prober, answer, say)
    text, culprits = answer.text, []
    for culprit in answer.culprits:
        inside = (
            innermost(prober, culprit, say) if answer.kind in (CULPRITS, HIDDEN, COMBINATION) else [culprit]
        )
        text = text.replace(short(culprit), " and ".join(map(short, inside)))
        culprits += inside
    return Finding(
        answer.kind,
        base.gate,
        text,
        tuple(culprits),
        questions=prober.asked,
        runs=prober.runs,
        seconds=time.monotonic() - start,
        verification=prober.verification(seeds),
        seed=None if prober.case.seed == own else prober.case.seed,
    )


def _answer(prober: Prober, base: Score, repeats: int, say: Say) -> Answer:
    """Determinism first, then the reference, then what fails by itself, then the search."""
    shaky = unsteady(prober, repeats, say)
    clean = prober.score("planted", ())
    say(f"the reference as it is: {clean}")
    if clean.bad and shaky is None:
        return Answer(REFERENCE, f"the reference does not hold by itself ({clean}): nothing to compare with")
    recorder, writers = _calls(prober, say)
    state = State(prober, recorder.root, say)
    if shaky is not None:
        return _not_reproducible(state, shaky, base)
    if not writers:
        return _numbers(state, base)
    # A reference's call in its place writes nothing: what else is wrong is looked for so.
    prober.always = (*prober.always, *writers)
    without = prober.score("mended", ())
    say(f"{some([str(p) for p in writers])} mended, which write into their arguments: {without}")
    culprits = tuple(_writer(state, points, base, without) for points in grouped(writers))
    rest = _numbers(state, without)
    if rest.kind == HOLDS:
        text = " and ".join(map(short, culprits))
        return Answer(CULPRITS if base.bad else HIDDEN, text, culprits)
    text = " and ".join([*map(short, culprits), rest.text])
    return replace(rest, text=text, culprits=(*culprits, *rest.culprits))


def _writer(state: State, calls: Sequence[Suspect], base: Score, without: Score) -> Culprit:
    """Calls that were seen to write into their arguments."""
    places = tuple(p.address for p in calls if isinstance(p, Point))
    first = Point.parse(places[0])
    note = f"it writes into its arguments; without that the port {without}"
    what, name, of = "module", first.path, len(places)
    if first.word:
        what, name, of = "word", first.word, sum(p.word == first.word for p in state.root.words)
    return Culprit(what, name, places, of, base.gate, without.gate, True, note, writes=True)


def _numbers(state: State, base: Score) -> Answer:
    """What is wrong with the results of calls, and with parameters."""
    prober, say = state.prober, state.say
    every = wrong_parameters(prober.pair()[1])
    altered = [p for p in every if p not in prober.always]
    if altered:
        say(f"{len(altered)} parameters are not as given: " + ", ".join(map(str, altered[:3])))
    wrong = _by_themselves(prober, [p.name for p in every], say)
    suspects: list[Suspect] = list(altered)
    if base.bad:
        return _searched(state, suspects, wrong, base)
    found = (*hidden_parameters(state, suspects, base), *hidden(state, wrong, base))
    if found:
        return Answer(HIDDEN, " and ".join(map(short, found)) + "; the whole does not show it", found)
    shaky = unsteady(prober, _as_many_as_a_verdict(prober), say)  # before all is said to be well
    if shaky is not None:
        return _not_reproducible(state, shaky, base, wrong)
    text = f"below the noise: the port holds at {base.gate:.3g} of its gate, and so does each call by itself"
    return Answer(HOLDS, text)


def _on_all_inputs(prober: Prober, answer: Answer, say: Say) -> Answer:
    """With what was found mended the port has to hold on the verdict's other inputs: else there is more.

    A function that is wrong may show in others of its calls there. If it holds with all of them mended,
    nothing more is searched: they are not told one by one.
    """
    first, always = prober.case, prober.always
    prober.always = tuple(dict.fromkeys((*always, *(s for c in answer.culprits for s in _suspects(c)))))
    try:
        other = prober.elsewhere()
        if other is None:
            return answer
        say(f"with that mended, the input of seed {prober.case.seed} {other}")
        if _in_other_calls(prober, first, answer.culprits, say):
            return replace(answer, text=f"{answer.text}; on other inputs in others of its calls too")
        say("the search goes on with it")
        more = _answer(prober, other, FEW, say)
        more = replace(more, culprits=tuple(replace(c, seed=prober.case.seed) for c in more.culprits))
    finally:
        prober.case, prober.always = first, always
    if not any(c.confirmed for c in more.culprits):
        return answer
    known = {identity(c) for c in answer.culprits}
    culprits = tuple(c for c in more.culprits if identity(c) not in known)
    text = answer.text + (f"; on other inputs {more.text}" if culprits else "")
    return replace(answer, text=text, culprits=(*(_widened(c, more) for c in answer.culprits), *culprits))


def _in_other_calls(prober: Prober, first: Case, culprits: Sequence[Culprit], say: Say) -> bool:
    """Whether the port holds on all inputs with every call of the functions that are wrong mended."""
    wrong = {identity(c) for c in culprits if c.what == "word"}
    if not wrong:
        return False
    points = [n.point for n in _calls(prober, say)[0].root.walk() if n.point.word]
    calls = [p for p in points if ("word", p.word, replacement(p)) in wrong]
    present, mended = prober.case, prober.always
    prober.case, prober.always = first, tuple(dict.fromkeys((*mended, *calls)))
    if prober.elsewhere() is None:
        return True
    prober.case, prober.always = present, mended
    return False


def _widened(culprit: Culprit, more: Answer) -> Culprit:
    """A culprit with the places at which other inputs show it too."""
    places = [p for c in more.culprits if identity(c) == identity(culprit) for p in c.places]
    return replace(culprit, places=tuple(dict.fromkeys((*culprit.places, *places))))


def _suspects(culprit: Culprit) -> list[Suspect]:
    """What has to be mended to be rid of a culprit."""
    if culprit.what == "parameter":
        return [Parameter(culprit.name)]
    return [Point.parse(place) for place in culprit.places if place]


def _as_many_as_a_verdict(prober: Prober) -> int:
    """How many runs of the port take as long as a verdict on one input, 2 to 60."""
    start = time.monotonic()
    prober.pair()[1].port.run()
    return int(min(60, max(2, prober.verification(1) / (time.monotonic() - start))))


def _searched(state: State, suspects: list[Suspect], wrong: list[Wrong], base: Score) -> Answer:
    """The smallest set whose mending cures, confirmed; and what hides beside it.

    The port is run many times before anything is named: what is wrong in one call of many contradicts the
    search, or hides behind what is wrong in all.
    """
    early = not wrong and not suspects  # nothing is wrong twice: likely a race, and the search would be lost
    shaky = unsteady(state.prober, CALLS, state.say) if early else None
    if shaky is None:
        found = search(state, suspects, [w.made.point for w in wrong])
        sure = None if found is None else confirmed(state, found)
        shaky = None if early else unsteady(state.prober, CALLS, state.say)
    if shaky is not None:
        return _not_reproducible(state, shaky, base, wrong)
    if sure is not None:
        return _beside(state, sure, wrong, base)
    text = (
        "no call and no parameter explains it: with all that the outermost module calls mended it still "
        "fails; its own lines are what is left, or how the harness calls it"
    )
    return Answer(OUTSIDE, text, (_outermost(base),))


def _beside(state: State, sure: Answer, wrong: list[Wrong], base: Score) -> Answer:
    """What was found, with what is wrong by itself beside it."""
    alone = [c for c in sure.culprits if c.confirmed]
    named = {(c.name, p) for c in alone for p in c.places}
    more = hidden(state, [w for w in wrong if not _explained(w, alone, named)], base)
    if not more:
        return sure
    culprits = [merged(c, more) for c in alone]
    known = {identity(c) for c in culprits}
    apart = [c for c in more if identity(c) not in known]
    if alone:
        told = {identity(c) for c in (*alone, *more)}
        rest = [c for c in sure.culprits if identity(c) not in told]
        text = " and ".join(map(short, (*culprits, *apart)))
        return Answer(CULPRITS, text, (*culprits, *apart, *rest))
    note = "wrong by itself, the whole fails only with the others"
    apart = [replace(c, note=note) for c in apart]
    return Answer(COMBINATION, "only in combination: " + " and ".join(map(short, apart)), tuple(apart))


def _calls(prober: Prober, say: Say) -> tuple[Recorder, list[Point]]:
    """The tree of the port's calls (the reference's if it raises); those that write into their arguments."""
    recorder = Recorder()
    pair = prober.pair()[1]
    writers = Writers(pair.port, recorder.around)
    prober.runs += 1
    try:
        pair.port.run(writers.around)
    except Exception as error:  # it has said so already
        say(f"the port raised {type(error).__name__}: the reference's calls are searched")
        recorder = Recorder()
        pair.reference.run(recorder.around)
    return recorder, read_afterwards(pair.port, writers.found)


def _by_themselves(prober: Prober, altered: Sequence[str], say: Say) -> list[Wrong]:
    """The calls that fail by themselves, on two inputs, with the parameters as they were given."""
    only: set[Point] | None = None
    found: list[Wrong] = []
    for i in range(2):
        pair = prober.models(i)
        local = Local(pair, nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
        prober.runs += 1
        with other_parameters(pair.port, pair.given, altered):
            wrong = local.sweep(say, only)
        wrong = [w for w in wrong if not _holds(w.made.point, prober.always)]
        if not wrong:
            return []
        only = {w.made.point for w in wrong}
        found = wrong if i == 0 else [w for w in found if w.made.point in only]
    return found


def _holds(point: Point, mended: Sequence[Suspect]) -> bool:
    """Whether a call is one that is mended, or a module that makes one."""
    around = not point.word
    return any(isinstance(s, Point) and (s == point or (around and s.within(point.path))) for s in mended)


def _explained(wrong: Wrong, culprits: Sequence[Culprit], named: set[tuple[str, str]]) -> bool:
    """Whether a call's failure is that of a culprit: the same, or a module with it inside."""
    point = wrong.made.point
    if (point.word or point.path, point.address) in named:
        return True
    for culprit in culprits:
        if culprit.what == "word" and culprit.name == point.word and len(culprit.places) == culprit.of:
            return True
        inside = culprit.what != "parameter" and not point.word
        if inside and any(Point.parse(place).within(point.path) for place in culprit.places):
            return True
    return False


def _outermost(base: Score) -> Culprit:
    return Culprit("module", "", ("",), 1, base.gate, base.gate, False, "its own lines")


def _not_reproducible(state: State, shaky: Unsteady, base: Score, wrong: list[Wrong] | None = None) -> Answer:
    """The call that changes its mind, and beside it what is wrong by itself: that needs no steady whole."""
    prober, say = state.prober, state.say
    culprits: list[Culprit] = []
    for point in dict.fromkeys(p for p in (shaky.point, *fickle(prober.pair()[1], say)) if p is not None):
        what = "word" if point.word else "module"
        name, places = point.word or point.path, (point.address,)
        first = point == shaky.point
        note = shaky.note if first else f"different results in {FEW} calls on the same numbers"
        sure = shaky.confirmed or not first
        several = Culprit(what, name, places, 1, float("inf"), float("inf"), sure, note, fickle=True)
        culprits.append(several)
    known = {Point.parse(place) for c in culprits for place in c.places}
    altered = wrong_parameters(prober.pair()[1])
    if wrong is None:
        wrong = _by_themselves(prober, [p.name for p in altered], say)
    wrong = [w for w in wrong if w.made.point not in known]
    wrong = [w for w in wrong if not _explained(w, culprits, set())]
    more = (*hidden_parameters(state, altered, base), *hidden(state, wrong, base))
    text = str(shaky)
    if len(culprits) > 1:
        text += "; so do " + " and ".join(map(short, culprits[1:]))
    if more:
        text += "; and wrong by themselves: " + " and ".join(map(short, more))
    return Answer(NOT_REPRODUCIBLE, text, (*culprits, *more))
