"""What must raise, raises on both sides, with a message that names the value and the remedy."""

from dataclasses import replace

import pytest

from parity import sides
from parity.case import named
from parity.inputs import Array, draw
from parity.judge import task_of
from parity.nodes import Node
from parity.record import Row
from parity.session import Recorder
from parity.sides import Task
from parity.spec import ErrorCase

pytestmark = pytest.mark.parity_live


@pytest.mark.parity_nodes("word", "layer", "model", named_cases="first", errors=True, kernels="first")
def test_error(node: Node, parity: Recorder) -> None:
    """The reference and the port refuse the same arguments with the same information."""
    assert node.error is not None
    task = _task(node, node.error)
    problems = []
    for side, device in (("torch", "cpu"), (node.target.side, node.target.device)):
        problem = _refusal(side, replace(task, device=device), node.error)
        if problem:
            problems.append(f"{side}: {problem}")
    parity.record(
        Row(
            kind="error",
            id=node.id,
            status="fail" if problems else "pass",
            spec=node.spec.name,
            side=node.target.side,
            device=node.target.device,
            dtype=node.dtype.name,
            case=node.error.name,
            rule="raises",
            reasons=tuple(problems),
            n=2,
            seeds=1,
            repeat=parity.repeat,
        )
    )
    if problems:
        pytest.fail("\n".join([*problems, f"repeat: {parity.repeat}"]), pytrace=False)


def _task(node: Node, error: ErrorCase) -> Task:
    """The task of the node's case with the arguments that must be refused."""
    case = named(node.spec, node.case_name, node.dtype, seed=node.seed)
    task = task_of(case, case.seed)
    inputs = dict(task.inputs)
    for name, axes in error.inputs.items():
        array = Array(axes)
        inputs[name] = draw(name, array, case.sizes, kind="normal", dtype=node.dtype, seed=node.seed)
    inputs |= error.values
    return replace(
        task,
        inputs=inputs,
        parameters=None,
        options=dict(task.options) | dict(error.options),
        arguments=dict(task.arguments) | dict(error.arguments),
    )


def _refusal(side: str, task: Task, error: ErrorCase) -> str:
    """What is wrong with how a side refuses a task; nothing if it is as it should be."""
    try:
        sides.get(side).call_raw(task)
    except Exception as raised:  # any exception is judged by its message
        message = str(raised)
        missing = [text for text in error.says if text not in message]
        if missing:
            return f"{type(raised).__name__} says {message!r}, without {', '.join(map(repr, missing))}"
        if not isinstance(raised, ValueError | TypeError | IndexError | KeyError):
            return f"raised {type(raised).__name__}, expected a ValueError or the like: {message}"
        return ""
    return f"accepted {error.name!r} without an error"
