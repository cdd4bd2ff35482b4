"""The catalogue of bugs: each says where it was seen, is a swap that exists, and changes what it swaps."""

import importlib
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity import sides
from parity.case import Case, named
from parity.dtypes import parse_dtype
from parity.errors import UsageError
from parity.judge import expectation, judge, samples, task_of
from parity.mutants import Bug, load
from parity.mutants.matrix import try_bug
from parity.mutants.stages import Place, kernel_findings
from parity.nodes import Target
from parity.session import KEY
from parity.spec import REGISTRY
from parity.swap import AtPath, InNamespace, OfWeights, parse, swapped, unused

BUGS = load()
LEAST = 75

live = pytest.mark.parity_live
KERNELS = [b for b in BUGS if b.is_kernel]
SWAPS = [b for b in BUGS if not b.is_kernel]
every_bug = pytest.mark.parametrize("bug", SWAPS, ids=lambda b: b.name)

ONE_IN = 12
"""Of the tests that run a bug, the default profile has one in so many; ``parity mutants`` runs them all."""


@pytest.fixture
def in_turn(bug: Bug, request: pytest.FixtureRequest) -> None:
    """Leave out what the profile does."""
    settings = request.config.stash[KEY].settings
    if settings.profile != "deep" and zlib.crc32(bug.name.encode()) % ONE_IN != settings.seed % ONE_IN:
        pytest.skip(f"one bug in {ONE_IN}: the deep profile and 'parity mutants' run them all")


def case_of(bug: Bug) -> Case:
    """The case on which a bug shows: its own, or that of the usual model."""
    if bug.case:
        return Case.parse(bug.case)
    return named(REGISTRY.get("BertForMaskedLM"), "", parse_dtype(bug.dtype))


def test_the_catalogue_is_large_and_its_names_differ() -> None:
    """`load` refuses two bugs of one name; two of one swap would be one bug."""
    assert len(BUGS) >= LEAST
    assert len({b.name for b in BUGS}) == len(BUGS)
    assert len({b.swap for b in BUGS}) == len(BUGS)


def test_every_word_has_a_bug() -> None:
    """What no bug can be told from is not tested."""
    words = {s.name for s in REGISTRY if s.family == "word"}
    assert words - {b.word for b in BUGS} == set()


def test_each_says_where_it_was_seen() -> None:
    """With enough words to look it up."""
    for bug in BUGS:
        assert len(bug.seen.strip()) >= 20, bug.name
        assert bug.seen.strip()[-1] != ".", bug.name


def test_each_is_a_swap() -> None:
    """What is swapped exists, or is a path or a name of weights."""
    for bug in SWAPS:
        swap = parse(bug.swap)
        if isinstance(swap, InNamespace):
            assert bug.word == swap.name
            assert callable(swap.function)
        else:
            assert isinstance(swap, AtPath | OfWeights)
        if bug.target == "weights":
            assert bug.truth or bug.equivalent, f"{bug.name}: weights alone name no culprit"


def test_reasons_are_sentences() -> None:
    """An argument for an equivalent, a why for a survivor, and never both."""
    for bug in BUGS:
        assert not (bug.equivalent and bug.survives), bug.name
        assert all(not r or len(r) >= 20 for r in (bug.equivalent, bug.survives)), bug.name


def test_every_dtype_is_its_cases() -> None:
    """A bug of half precision has a case in half precision."""
    assert {b.name for b in SWAPS if b.case and case_of(b).dtype != parse_dtype(b.dtype)} == set()


@cache
def _right(text: str) -> Mapping[str, Any]:
    return _results(Case.parse(text))


def _results(case: Case) -> dict[str, Any]:
    task = replace(task_of(case, case.seed), device=sides.get("mlx").devices()[0])
    if case.vjp:
        task = replace(expectation(case, case.seed).task, device=task.device)
    outcome = sides.get("mlx").run(task)
    return {**outcome.outputs, **{f"grad {n}": g for n, g in (outcome.gradients or {}).items()}}


@live
@pytest.mark.parity_slow
@every_bug
@pytest.mark.usefixtures("in_turn")
def test_it_changes_something_or_nothing(bug: Bug) -> None:
    """On its case some result has other bits, or there is none; where it should not, none has."""
    right = _right(str(case_of(bug)))
    with swapped([bug.swap]):
        try:
            wrong = _results(case_of(bug))
        except (ValueError, RuntimeError):
            wrong = {}
        assert unused() == []
    differs = wrong.keys() != right.keys() or any(
        wrong[n].shape != x.shape
        or wrong[n].dtype != x.dtype
        or not np.array_equal(wrong[n], x, equal_nan=True)
        for n, x in right.items()
    )
    if bug.equivalent:
        assert wrong.keys() == right.keys()
        assert all(np.allclose(wrong[n], x, rtol=1e-4, atol=1e-4) for n, x in right.items())
    elif "fifty" not in bug.name:  # that one is right most of the time
        assert differs


@live
@pytest.mark.parity_slow
@every_bug
@pytest.mark.usefixtures("in_turn")
def test_it_is_red_unless_it_says_otherwise(bug: Bug, request: pytest.FixtureRequest) -> None:
    """On its case, or to some stage of the suite; a survivor that turns red has lost its reason."""
    device = sides.get("mlx").devices()[0]
    with swapped([bug.swap]):
        status = judge(case_of(bug), "mlx", device, seeds=1).status
    if bug.equivalent or bug.survives:
        assert status == "pass"
    elif status == "pass":
        place = Place(Target("mlx", device, "mlx"), request.config.stash[KEY].settings)
        outcome = try_bug(bug, place, with_bisect=False)
        assert outcome.as_it_should, outcome.row(place.target, "").reasons


@pytest.mark.parity_slow
@pytest.mark.parametrize("bug", KERNELS, ids=lambda b: b.name)
def test_a_kernel_is_found_and_mended(bug: Bug) -> None:
    """Its own kind of mistake in the one text, nothing in the other."""
    where, _, name = bug.swap.partition("=")[2].rpartition(":")
    made = getattr(importlib.import_module(where), name)()
    assert made["kind"] in kernel_findings(made, "wrong")
    assert not kernel_findings(made, "mended")


OURS = """
from mlx_impl import ops
from parity.mutants import bug

@bug("mlx_impl.ops.gelu", seen="a port of our own, where silu stood for gelu")
def silu_for_gelu(x):
    return ops.silu(x)
"""

TOML = """
[[bug]]
name = "gelu-as-silu-of-ours"
swap = "mlx_impl.ops.gelu=ours.py:silu_for_gelu"
seen = "a port of our own, where silu stood for gelu"
"""


@live
def test_a_bug_of_ones_own_is_five_lines(tmp_path: Path) -> None:
    """In Python or in TOML, beside the harness's own or alone."""
    (tmp_path / "ours.py").write_text(OURS)
    (tmp_path / "ours.toml").write_text(TOML)
    found = load(["parity.mutants.bugs", str(tmp_path / "ours.py"), str(tmp_path / "ours.toml")])
    assert [b.name for b in found[-2:]] == ["silu-for-gelu", "gelu-as-silu-of-ours"]
    assert len(found) == len(BUGS) + 2
    for b in found[-2:]:
        assert (b.target, b.word) == ("mlx_impl.ops.gelu", "gelu")
        with swapped([b.swap]):
            case = Case.parse("gelu")
            device = sides.get("mlx").devices()[0]
            verdicts = samples(expectation(case, 0), "mlx", device)
        assert verdicts["output"].error is not None
        assert verdicts["output"].error.rms > 1e-3


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("bugs.toml", "[[bug]]\nname = 'a'\nswap = 'x=y.py:z'\nseeen = 'somewhere'", "'seen'"),
        ("bugs.toml", "[[bug]]\nname = 'a'\nswap = 'x=y.py:z'", "no seen"),
        ("bugs.toml", "[[bug]]\nname = 'a'\nseen = 'somewhere'", "no swap"),
        ("bugs.toml", "[[bug]]\nname = 'a'\nswap = 'x=y.py:z'\nseen = ' '", "where it was seen"),
        ("bugs.toml", "[[bug]]\nname = 'a'\nswap = 'x'\nseen = 'somewhere'", "WHAT=WHERE"),
        ("bugs.toml", "[[bug]]\nname = 'a'\nswap = 'x=y.py:z'\nseen = 's'\ndtype = 'flaot32'", "float32"),
        ("bugs.toml", "[[bug]\n", "not TOML"),
        ("bugs.toml", "[bugs]\n", r"no \[\[bug\]\]"),
        ("bugs.py", "x = 1\n", "declares no bug"),
        ("bugs.py", "def f(:\n", "SyntaxError"),
        ("bugs.py", "from parity.mutants import bug\n@bug('x', seen='')\ndef f(x): ...\n", "give seen="),
    ],
)
def test_mistakes_in_a_file_are_errors(name: str, text: str, says: str, tmp_path: Path) -> None:
    """With the nearest name, or what is missing."""
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        load([str(tmp_path / name)])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.toml", "no file 'nowhere.toml'"),
        ("nowhere.py", "no file 'nowhere.py'"),
        ("parity.nowhere", "parity.nowhere"),
    ],
)
def test_a_source_that_is_missing_is_an_error(source: str, says: str) -> None:
    """Named as it was given."""
    with pytest.raises(UsageError, match=says):
        load([source])


def test_two_bugs_of_one_name_are_an_error(tmp_path: Path) -> None:
    """With both swaps, so that one can be renamed."""
    (tmp_path / "one.toml").write_text(TOML)
    (tmp_path / "two.toml").write_text(TOML)
    with pytest.raises(UsageError, match=r"two bugs are called 'gelu-as-silu-of-ours' .*one\.py|ours\.py"):
        load([str(tmp_path / "one.toml"), str(tmp_path / "two.toml")])
