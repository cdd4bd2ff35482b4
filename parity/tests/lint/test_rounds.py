"""Files are gone through again only where something is new, and what is found is as if all of them were."""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import pytest

from parity.lint import lint
from parity.lint.project import Module, Project

FILES = """
# ask.py
from give import taken
def ask(x: mx.array, n: int):
    return taken(x), doubled(n)
def doubled(n):
    return n * 2
# give.py
from keep import Kept, same
def taken(y):
    kept = Kept(y)
    return kept.what * same(y)
# keep.py
class Kept:
    def __init__(self, what):
        self.what = what
def same(z):
    return z
# use.py
from give import taken
from keep import Kept
class Other(Kept):
    pass
def use(x):
    other = Other(x)
    return -other.what
def begin(x: mx.array):
    return use(x), -taken(x)
# middle.py
from keep import Kept
class Middle(Kept):
    pass
# end.py
from middle import Middle
def end(middle: Middle):
    return middle.what @ middle.what
# hold.py
class Holder:
    what = None
# write.py
from hold import Holder
def write(holder: Holder, x):
    holder.what = x
def start(x: mx.array):
    write(Holder(), x)
# read.py
from hold import Holder
def read(holder: Holder):
    return holder.what + holder.what
# change.py
from hold import Holder
def change(holder: Holder, x):
    holder.late = x
def begin(x: mx.array):
    change(Holder(), x)
# late.py
from hold import Holder
def late(holder: Holder):
    return holder.late / holder.late
"""
"""Who knows what is an array calls who does not, over files; a class is told by another one's calls."""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A folder of code without annotations where they would matter."""
    found = []
    for part in FILES.split("# ")[1:]:
        name, _, text = part.partition("\n")
        found.append(tmp_path / name)
        found[-1].write_text(f"import mlx.core as mx\n{text}")
    return found


def _read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each wave goes through."""
    counts: list[int] = []
    before = Project.begin_again

    def counted(self: Project, modules: Collection[Module]) -> set[Module]:
        again = before(self, modules)
        counts.append(len(again))
        return again

    monkeypatch.setattr(Project, "begin_again", counted)
    return counts


def _all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file in every round."""
    before = Project.begin_again

    def everything(self: Project, modules: Collection[Module]) -> set[Module]:
        return before(self, [m for m in self._modules.values() if m is not None])

    monkeypatch.setattr(Project, "begin_again", everything)


def test_over_files(files: list[Path]) -> None:
    """What a call tells arrives where it matters, whatever the order."""
    expected = {
        ("give.py", "kept.what * same(y)"),
        ("use.py", "-other.what"),
        ("use.py", "-taken(x)"),
        ("read.py", "holder.what + holder.what"),
        ("end.py", "middle.what @ middle.what"),
        ("late.py", "holder.late / holder.late"),
    }
    for order in (files, files[::-1], files[3:] + files[:3]):
        found = lint(order).findings
        assert {(Path(f.path).name, f.what.split("'")[1]) for f in found} == expected
        assert len(found) == len(expected)


def test_only_where_something_is_new(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    others = [files[0].with_name(f"other{i}.py") for i in range(20)]
    for other in others:
        other.write_text("import mlx.core as mx\n\n\ndef f(x: mx.array):\n    return mx.exp(x)\n")
    counts = _read(monkeypatch)
    lint([*files, *others])
    assert len(counts) >= 2
    assert max(counts) <= len(files)


@pytest.mark.parametrize("name", ["mlx.nn", "parity.lint.corpus", "mlx_impl"])
def test_as_if_all_were_read_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLX's own layers, which have no annotation of most of what they take, and ours, which have all."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    paths = sorted(Path(spec.submodule_search_locations[0]).rglob("*.py"))
    some = lint(paths).findings
    with monkeypatch.context() as patch:
        _all_again(patch)
        assert lint(paths).findings == some


def test_as_if_all_were_read_again_over_files(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    some = lint(files).findings
    _all_again(monkeypatch)
    assert lint(files).findings == some
