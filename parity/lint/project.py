"""Modules read from files, and how they find each other; nothing is ever imported."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from .answers import Definition
from .findings import Sink
from .given import Given
from .scope import Scope
from .uses import foreign
from .values import UNKNOWN, Function, Later, Name, Package, Value

_MLX = re.compile(r"^[ \t]*(?:import|from)[ \t]+mlx\b", re.MULTILINE)


class UnreadableError(Exception):
    """A file that is no Python; `line` and `column` say where, both from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


class Module:
    """One file."""

    def __init__(self, project: Project, path: Path, text: str, shown: str) -> None:
        self.project = project
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.told: dict[tuple[Any, str, tuple[Any, ...]], Any] = {}
        self.begin_again(shown)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises: UnreadableError if it is no Python.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an invalid escape in somebody's string is not ours to say
                return ast.parse(self.text, filename=str(self.path))
        except SyntaxError as error:
            place = error.lineno or 1, max(error.offset or 1, 1)
            raise UnreadableError(f"invalid syntax: {error.msg}", *place) from None
        except (ValueError, RecursionError, MemoryError) as error:  # a null byte; thousands of brackets
            raise UnreadableError(f"cannot be parsed: {error or type(error).__name__}") from None

    def begin_again(self, shown: str) -> None:
        """Forget all that was found in it, but for its syntax tree."""
        self.sink = Sink(shown, self.lines)
        self.scope = Scope()
        self.waiting: list[Function] = []
        self.told.clear()
        self._begun = self._finished = False

    @contextmanager
    def being_read(self) -> Iterator[None]:
        """What is asked meanwhile is asked by this file."""
        before, self.project.reading = self.project.reading, self
        try:
            yield
        finally:
            self.project.reading = before

    def read(self) -> None:
        """Go through what runs when the module is imported. Functions wait."""
        if not self._begun:
            self._begun = True
            from .statements import Body

            # Of somebody else's file that is no Python nothing is known.
            with suppress(UnreadableError), self.being_read():
                Body(self, self.scope, None).run(self.tree.body)

    def finish(self) -> None:
        """Go through the functions too."""
        self.read()
        if self._finished:
            return
        self._finished = True
        for function in self.waiting:  # grows as functions within functions are met
            function.info.run()

    def get(self, name: str) -> Value:
        """What the module calls `name`, or its submodule of that name."""
        self.read()
        found = self._get(name)
        if self.project.reading not in (None, self):
            self.project.reading.told[self, "get", (name,)] = found
        return found

    def _get(self, name: str) -> Value:
        found = self.scope.anywhen(name)
        if found is not None and found != Later(
            self, name
        ):  # `from . import ops` in a package means its module
            return found
        inner = self.project.find(self.path.parent, (name,)) if self.is_package else None
        return Package(inner) if inner else UNKNOWN

    @property
    def is_package(self) -> bool:
        """Whether it is a folder's ``__init__.py``."""
        return self.path.name == "__init__.py"

    @cached_property
    def is_mlx(self) -> bool:
        """Whether it imports mlx, or another file of its folder does."""
        return bool(_MLX.search(self.text)) or self.project.folder_is_mlx(self.path.parent)

    @cached_property
    def imports_torch(self) -> bool:
        """Whether tensors of PyTorch can be about."""
        return bool(re.search(r"^[ \t]*(?:import|from)[ \t]+torch\b", self.text, re.MULTILINE))

    @cached_property
    def has_other_arrays(self) -> bool:
        """Whether arrays of NumPy, PyTorch or the like can be about."""
        return foreign(self.tree)

    @cached_property
    def mx(self) -> str:
        """What the module calls mlx.core."""
        for name, value in self.scope.ever.items():
            if value == Name("mlx.core"):
                return name
        return "mx"


class Project:
    """All the files that were asked for, and those that they import from beside them.

    Args:
        texts: what to take for the content of some files, instead of reading them.
        base: a project whose modules are taken over, those of `texts` excepted.
    """

    def __init__(self, texts: Mapping[Path, str] | None = None, base: Project | None = None) -> None:
        self._texts = {Path(os.path.realpath(p)): t for p, t in (texts or {}).items()}
        self._modules: dict[Path, Module | None] = {}
        self._mlx_folders: dict[Path, bool] = {}
        self.given = Given()
        self.reading: Module | None = None
        self.newest: dict[ast.AST, Definition] = {}
        self.homes: dict[ast.AST, Module] = {}
        self._together: dict[Module, set[Module]] = {}
        if base is not None:
            kept = {p: m for p, m in base._modules.items() if p not in self._texts}
            self._modules.update(kept)
            self._mlx_folders.update(base._mlx_folders)

    def load(self, path: Path, shown: str = "") -> Module:
        """The module of a file.

        Raises: UnreadableError if it cannot be opened or is not in UTF-8.
        """
        where = Path(os.path.realpath(path))
        module = self._modules.get(where)
        if module is None:
            module = Module(self, where, self._text(where), shown or str(path))
            self._modules[where] = module
        elif shown:
            module.sink.path = shown
        return module

    def _text(self, path: Path) -> str:
        if path in self._texts:
            return self._texts[path]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror or error}") from None
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        except SyntaxError as error:
            if "unknown encoding" in str(error) or "encoding problem" in str(error):
                raise UnreadableError(f"cannot be read: {error}") from None
            encoding = "utf-8-sig"  # the first lines are not UTF-8, which decoding places
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            said = encoding.removesuffix("-sig").upper()
            line = data.count(b"\n", 0, error.start) + 1
            raise UnreadableError(
                f"is not {said}: byte {data[error.start]:#04x} at {error.start}",
                line,
            ) from None

    def together(self, one: Module, other: Module) -> None:
        """One file changes what belongs to the other: neither is gone through again alone."""
        self._together.setdefault(one, set()).add(other)
        self._together.setdefault(other, set()).add(one)

    def begin_again(self, modules: Iterable[Module]) -> set[Module]:
        """Forget what was found in some files, and in those that go with them."""
        left, found = [m for m in modules if m.project is self], set[Module]()
        while left:
            module = left.pop()
            if module not in found:
                found.add(module)
                left += self._together.get(module, ())
        for module in found:
            module.begin_again(module.sink.path)
            self.given.forget(module)
        return found

    def told_otherwise(self, again: Collection[Module]) -> set[Module]:
        """The files that have been told of those gone through again what is not so any more."""
        return {
            module
            for module in {*self._modules.values()} - {None, *again}
            if module is not None and module.project is self and not self._still_so(module, again)
        }

    def _still_so(self, module: Module, again: Collection[Module]) -> bool:
        for (of, name, arguments), answer in list(module.told.items()):
            if (of if isinstance(of, Module) else self.homes[of]) in again:
                asked = getattr(of if isinstance(of, Module) else self.newest[of], name)
                if (asked(*arguments) if callable(asked) else asked) != answer:
                    return False
        return True

    def folder_is_mlx(self, folder: Path) -> bool:
        """Whether a file of a folder imports mlx."""
        if folder not in self._mlx_folders:
            self._mlx_folders[folder] = any(_imports_mlx(p) for p in sorted(folder.glob("*.py")))
        return self._mlx_folders[folder]

    # -- imports ----------------------------------------------------------------------------------------

    def find(self, folder: Path, parts: tuple[str, ...]) -> Module | None:
        """The module ``parts`` below a folder; None if there is none that can be read."""
        target = folder.joinpath(*parts)
        for path in (target.with_name(target.name + ".py"), target / "__init__.py"):
            where = Path(os.path.realpath(path))
            if where in self._modules:
                return self._modules[where]
            if path.is_file() or where in self._texts:
                try:
                    return self.load(path)
                except UnreadableError:
                    self._modules[where] = None
        return None

    def absolute(self, importer: Module, dotted: str) -> Module | None:
        """The module of ``import dotted``: in the folder above the importer's package, or beside it."""
        parts = tuple(dotted.split("."))
        folder = importer.path.parent
        if not (folder / "__init__.py").exists():
            return self.find(folder, parts)  # a script: its folder is searched first
        while (folder / "__init__.py").exists() and folder != folder.parent:
            folder = folder.parent
        return self.find(folder, parts)

    def relative(self, importer: Module, level: int, dotted: str | None) -> Module | None:
        """The module of ``from ..dotted import``."""
        folder = importer.path.parent
        for _ in range(level - 1):
            folder = folder.parent
        if dotted:
            return self.find(folder, tuple(dotted.split(".")))
        init = folder / "__init__.py"
        return self.find(folder.parent, (folder.name,)) if init.is_file() else None


def _imports_mlx(path: Path) -> bool:
    try:
        return bool(_MLX.search(path.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False


def resolved(value: Value | None) -> Value:
    """A value whose name in another module is looked up now."""
    for _ in range(20):  # a name may be handed on from module to module, and in a circle
        if not isinstance(value, Later):
            return value or UNKNOWN
        value = value.module.get(value.name)
    return UNKNOWN
