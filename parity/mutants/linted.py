"""What lint sees of a bug: its function, read as if it stood in the port in place of the word."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from parity.lint import Finding, lint
from parity.lint.project import Project, resolved

from .catalogue import Bug

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Linted:
    """The findings in a bug's function and what it calls of its own file; or why it was not read."""

    findings: tuple[Finding, ...] = ()
    why_not: str = ""


def linted(bug: Bug) -> Linted:
    """Lint what a bug puts in the place of a word or a module.

    Its parameters take the annotations of the word's own, where they have none: a bug is handed in as
    five lines, and stands in the port as a whole word.
    """
    where, _, name = bug.swap.partition("=")[2].rpartition(":")
    file = _file_of(where)
    if file is None:
        return Linted(why_not=f"there is no source of {where}")
    project = Project(base=_words())
    module = project.load(file)
    own = {n.name: n for n in module.tree.body if isinstance(n, Definition)}
    if name not in own:
        return Linted(why_not=f"{name} is made by a function, not written")
    function = own[name]
    if isinstance(function, ast.FunctionDef):
        _annotate(function, _parameters(bug))
    spans = [range(n.lineno, (n.end_lineno or n.lineno) + 1) for n in _reached(function, own)]
    outcome = lint([file], project=project)
    return Linted(tuple(f for f in outcome.findings if any(f.line in span for span in spans)))


@cache
def _words() -> Project:
    """What bugs import, read once: the port's words, and what enters them into the catalogue."""
    project = Project()
    words, catalogue = _file_of("mlx_impl.ops"), _file_of("parity.mutants")
    if words is not None:
        lint(sorted(words.parent.glob("*.py")), project=project)
    if catalogue is not None:
        resolved(project.load(catalogue).get("bug"))
    return project


def _file_of(where: str) -> Path | None:
    if where.endswith(".py"):
        return Path(where) if Path(where).is_file() else None
    spec = importlib.util.find_spec(where)
    return Path(spec.origin) if spec is not None and spec.origin else None


def _parameters(bug: Bug) -> dict[str, ast.expr]:
    """The annotations of the word that is swapped, by the name of the parameter."""
    if not bug.word:
        return {}
    package = "mlx_impl.ops" if "/" in bug.target else bug.target.rpartition(".")[0]
    file = _file_of(package)
    path = file.with_name(f"{bug.word}.py") if file is not None else None
    if path is None or not path.is_file():
        return {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == bug.word:
            given = node.args
            every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
            return {a.arg: a.annotation for a in every if a.annotation is not None}
    return {}


def _annotate(function: ast.FunctionDef, parameters: dict[str, ast.expr]) -> None:
    given = function.args
    for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
        if argument.annotation is None:
            argument.annotation = parameters.get(argument.arg)


def _reached(function: Definition, own: dict[str, Definition]) -> Iterator[Definition]:
    """A definition, and those of its file that it comes to by name."""
    waiting, seen = [function], {function.name}
    while waiting:
        node = waiting.pop()
        yield node
        for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - seen:
            if name in own:
                seen.add(name)
                waiting.append(own[name])
