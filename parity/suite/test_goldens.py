"""Golden cases: the reference and the port against results that were taken once and kept."""

import zlib

import pytest

from parity.golden.capture import recapture, stale
from parity.golden.index import check, locate, read_floors, read_index
from parity.golden.verify import verify
from parity.nodes import ONE_IN, targets
from parity.record import Row
from parity.session import Recorder
from parity.settings import Settings


def _in_turn(golden: str, settings: Settings) -> bool:
    """Whether a case is for the executor as well: one in so many, by the seed, or all if deep."""
    turn = zlib.crc32(golden.encode()) % ONE_IN == settings.seed % ONE_IN
    return settings.profile == "deep" or turn


@pytest.mark.parity_goldens
def test_golden(golden: str, parity: Recorder) -> None:
    """One case on the reference and on every side of the port."""
    settings = parity.settings
    root = settings.fixtures
    facts = read_index(root).get(golden, {})
    if settings.update_golden and facts.get("source") == "captured":
        recapture(root, golden)
    folder, name = locate(root, golden)
    outcomes = verify(
        folder,
        name,
        [(t.side, t.device) for t in targets(settings, executor=_in_turn(golden, settings))],
        floors=read_floors(root).get(golden),
        live=settings.oracle == "live",
    )
    bad = []
    for outcome in outcomes:
        row = outcome.row(parity.repeat, f"{folder.name}/")
        parity.record(row)
        if row.status in ("fail", "undecided"):
            bad.append(f"{row.id}: {row.status}\n  " + "\n  ".join(row.reasons))
    if bad:
        bad.append(f"repeat: {parity.repeat}")
        pytest.fail("\n".join(bad), pytrace=False)


def test_index(parity: Recorder) -> None:
    """Nothing is missing, changed, stale or unused."""
    root = parity.settings.fixtures
    findings = check(root) + stale(root)
    parity.record(
        Row(
            kind="golden",
            id="golden-index",
            status="fail" if findings else "pass",
            spec="index",
            side="files",
            case="index",
            rule="files",
            reasons=tuple(str(f) for f in findings),
            n=len(read_index(root)),
            seeds=1,
            repeat=parity.repeat,
        )
    )
    if findings:
        pytest.fail("\n".join(str(f) for f in findings), pytrace=False)
