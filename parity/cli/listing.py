"""``parity list``: specs, their cases and what is demanded of them."""

import argparse
from fnmatch import fnmatch
from typing import Any

from parity import errors
from parity.errors import UsageError, unknown
from parity.spec import REGISTRY, LayerSpec, OpSpec

from .common import command, prepared, print_json


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "list",
        run,
        help="list words, layers and models, with what is demanded of the port",
        example="parity list 'blockdiag*'",
    )
    parser.add_argument("pattern", nargs="?", default="*", help="only specs whose name matches")


def run(arguments: argparse.Namespace) -> int:
    """Raises: UsageError if nothing matches."""
    with prepared(arguments):
        found = [s for s in REGISTRY if fnmatch(s.name, arguments.pattern)]
    if not found:
        raise UsageError(unknown("spec", arguments.pattern, [s.name for s in REGISTRY]))
    if arguments.json:
        print_json([_facts(s) for s in found])
        return errors.EXIT_OK
    for spec in found:
        cases = ", ".join(name or "base" for name in spec.cases)
        print(f"{spec.family:6s} {spec.name:30s} {spec.rule!s:20s} {cases}")
        if len(found) == 1:
            print("\n".join(f"  {k}: {v}" for k, v in _facts(spec).items()))
    return errors.EXIT_OK


def _facts(spec: OpSpec) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": spec.name,
        "family": spec.family,
        "reference": spec.reference,
        "port": spec.port,
        "inputs": {n: a.axes for n, a in spec.arrays().items()},
        "outputs": list(spec.outputs),
        "cases": list(spec.cases),
        "gradients": list(spec.grads),
        "rule": str(spec.rule),
        "gradient_rule": str(spec.grad_rule),
        "relations": [r.name for r in spec.relations],
        "errors": [e.name for e in spec.errors],
        "kinds": list(spec.kinds),
        "source": spec.source,
    }
    if isinstance(spec, LayerSpec):
        facts["arguments"] = list(spec.arguments)
    return facts
