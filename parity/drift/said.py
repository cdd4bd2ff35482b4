"""A word's case as that of a layer that does nothing but say it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from parity.case import Case
from parity.errors import UsageError
from parity.spec import Call, LayerSpec, OpSpec


@dataclass(frozen=True)
class SaidCase(Case):
    """The case of a layer that says one word; in writing it is the word's own case."""

    written: str = ""

    def __str__(self) -> str:
        return self.written


def as_layer(case: Case) -> Case:
    """The case itself if it is a layer's, else that of a layer that says the word.

    Raises: UsageError if the word is not said in a vocabulary on both sides, or takes no arrays.
    """
    if isinstance(case.spec, LayerSpec):
        return case
    spec = case.spec
    words = [_said_in(spec, target) for target in (spec.reference, spec.port)]
    if not spec.inputs or None in words or len({w[1] for w in words if w}) > 1:
        raise UsageError(
            f"--case: {spec.name} is a word that no vocabulary has on both sides, or has no arrays: "
            "give a layer or a model that says it"
        )
    (reference, name), (port, _) = (w for w in words if w)
    own = {f.name: getattr(spec, f.name) for f in fields(OpSpec) if f.name != "register"}
    layer = LayerSpec(
        **own
        | {
            "reference": f"parity.sides.said_torch:{reference}.{name}",
            "port": f"parity.sides.said_mlx:{port}.{name}",
            "options": {},
        },
        register=False,
        calls={spec.outputs[0]: Call(takes=tuple(f"{n}:{n}" for n in spec.inputs))},
        words=(reference, port),
    )
    given: Mapping[str, Any] = {f.name: getattr(case, f.name) for f in fields(Case)}
    return SaidCase(**{**given, "spec": layer, "options": {}, "arguments": case.options}, written=str(case))


def _said_in(spec: OpSpec, target: str) -> tuple[str, str] | None:
    """The vocabulary and the word that a target names, if it is a namespace of words."""
    vocabulary, _, name = target.partition(":")
    said = getattr(importlib.import_module(vocabulary), "__all__", ())
    return (vocabulary, name) if name in said and not spec.dtype_argument else None
