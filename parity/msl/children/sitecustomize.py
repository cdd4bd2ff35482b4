"""In a Python process that a test starts: the executor is in MLX's place as soon as MLX is imported.

`pytest -p parity.msl.everywhere --msl-children` puts this folder on the path of such processes. What the path
had under this name before runs as well.
"""

import importlib.util
import json
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

_kept: list[Any] = []
"""A context that nobody keeps is left."""


def _install() -> None:
    from parity.msl import installed

    context = installed(**json.loads(os.environ["PARITY_MSL_CHILDREN"]))
    context.__enter__()
    _kept.append(context)


class AfterMlx:
    """Finds ``mlx.core`` as everybody does, and installs the executor once it is there."""

    def find_spec(self, name: str, path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name != "mlx.core":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                _install()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _theirs() -> None:
    """The ``sitecustomize`` that this one hides."""
    here = Path(__file__).parent
    rest = [p for p in sys.path if Path(p or ".").absolute() != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if "PARITY_MSL_CHILDREN" in os.environ:
    sys.meta_path.insert(0, AfterMlx())
_theirs()
