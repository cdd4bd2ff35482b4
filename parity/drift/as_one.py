"""Words that a port says as one while nobody listens: what a search among words cannot see."""

from parity import numerics
from parity.judge import judge

from .prober import Prober
from .tree import Recorder


def failing_as_one(prober: Prober, seeds: int) -> str | None:
    """What is to be said of a case that holds word by word and fails as it runs, or None if it does not.

    A port that fuses says its words one by one to whoever listens (:func:`parity.numerics.apart`), so that
    each has its twin. If it says others as it runs, the case is judged once more with nobody listening.
    """
    with numerics.as_it_runs():
        whole = _said_by(prober)
    alone = sorted(whole - _said_by(prober))
    if not alone:
        return None
    judgement = judge(prober.case, prober.target.side, prober.target.device, seeds=seeds)
    prober.runs += seeds
    if judgement.status != "fail":
        return None
    return (
        "only where words are said as one: the port holds word by word, and as it runs fails at "
        f"{judgement.worst[1].ratio:.3g} of its gate; what it says only then is {', '.join(alone)}"
    )


def _said_by(prober: Prober) -> set[str]:
    """The words that the port says."""
    recorder = Recorder()
    prober.pair()[1].port.run(recorder.around)
    prober.runs += 1
    return {point.word for point in recorder.root.words}
