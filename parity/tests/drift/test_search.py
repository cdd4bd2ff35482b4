"""The search through modules: what it finds, and in how many questions."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parity.drift.prober import Prober, Score, Suspect
from parity.drift.search import State, search
from parity.drift.tree import Node
from parity.sides.points import Point

LAYERS = 12


class Answers:
    """A prober of a model that holds once every culprit is mended, by itself or with a module around it."""

    def __init__(self, culprits: set[str]) -> None:
        self.culprits = culprits
        self.asked = 0
        self.case = SimpleNamespace(vjp=False)
        live = SimpleNamespace(trainable=lambda _: set(), has=lambda _: True)
        self._pair = SimpleNamespace(port=live, reference=live)

    def pair(self) -> tuple[None, Any]:
        return None, self._pair

    def score(self, direction: str, chosen: Sequence[Suspect]) -> Score:
        assert direction == "mended"
        self.asked += 1
        mended = [s.path for s in chosen if isinstance(s, Point)]
        left = [c for c in self.culprits if not any(Point(c).within(path) for path in mended)]
        return Score(bool(left), float(len(left)))


def _tree() -> Node:
    """Layers of two modules, each of which calls three."""
    root = Node(Point(""))
    for i in range(LAYERS):
        layer = Node(Point(f"layer.{i}"))
        for half in ("mixer", "mlp"):
            around = Node(Point(f"layer.{i}.{half}"))
            around.children = [Node(Point(f"layer.{i}.{half}.{part}")) for part in "abc"]
            layer.children.append(around)
        root.children.append(layer)
    return root


@pytest.mark.parametrize("hidden", ["layer.0.mlp.c", "layer.7.mixer.b"])
def test_what_fails_by_itself_is_mended_for_good(hidden: str) -> None:
    """One module wrong in each layer, and one more that nothing shows: only the one is searched for."""
    likely = [Point(f"layer.{i}.mixer.a") for i in range(1, LAYERS)]
    answers = Answers({*(p.path for p in likely), hidden})
    found = search(State(cast(Prober, answers), _tree(), lambda _: None), [], likely)
    assert found is not None
    assert {str(p) for p in found} == answers.culprits
    assert answers.asked <= 20


def test_nothing_within_does_it() -> None:
    """With all that the outermost module calls mended it still fails."""
    answers = Answers({"elsewhere"})
    assert search(State(cast(Prober, answers), _tree(), lambda _: None), []) is None
