"""The generated text is what MLX prints, character for character."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from parity.msl.kernel import metal_kernel
from parity.msl.signature import ATTRIBUTES, Array, used_attributes

Printed = Callable[..., tuple[str, str]]


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Printed:
    """What MLX prints for a kernel and a call, and what we print."""

    def both(made: dict[str, Any], call: dict[str, Any]) -> tuple[str, str]:
        kernel: Any = mx.fast.metal_kernel(**made)
        inputs = call["inputs"]
        arrays = [a for a in inputs if isinstance(a, mx.array)]

        def traced(*given: Any) -> Any:
            rest = iter(given)
            now = [next(rest) if isinstance(a, mx.array) else a for a in inputs]
            return kernel(**{**call, "inputs": now}, verbose=True)

        capfd.readouterr()
        mx.export_function(str(tmp_path / "f"), traced, *arrays)
        theirs = capfd.readouterr().out
        from parity.msl import execute

        ours = metal_kernel(**made)
        text = execute.generated_text(ours.text, ours.prepare(**call)).text
        return theirs, f"Generated source code for `{made['name']}`:\n```\n{text}\n```\n"

    return both


def _call(inputs: list[Any], shapes: list[Any], dtypes: list[Any], **more: Any) -> dict[str, Any]:
    base = {"grid": (4, 1, 1), "threadgroup": (2, 1, 1)}
    return {"inputs": inputs, "output_shapes": shapes, "output_dtypes": dtypes, **base, **more}


def _made(source: str, inputs: list[str], outputs: list[str], **more: Any) -> dict[str, Any]:
    return {"name": "n", "input_names": inputs, "output_names": outputs, "source": source, **more}


def _equal(pair: tuple[str, str]) -> None:
    theirs, ours = pair
    assert theirs == ours


def test_plain(printed: Printed) -> None:
    made = _made("out[thread_position_in_grid.x] = inp[0];", ["inp"], ["out"])
    _equal(printed(made, _call([mx.zeros((3, 4))], [(4,)], [mx.float32])))


@pytest.mark.parametrize("dtype", "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64".split())
def test_integer_types(printed: Printed, dtype: str) -> None:
    t = getattr(mx, dtype)
    made = _made("thread_position_in_grid", ["inp"], ["out"])
    _equal(printed(made, _call([mx.zeros((9,), t)], [(4,)], [t], template=[("T", t)])))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_floating_types(printed: Printed, dtype: str) -> None:
    t = getattr(mx, dtype)
    made = _made("thread_position_in_grid", ["inp"], ["out"])
    _equal(printed(made, _call([mx.zeros((9,), t)], [(4,)], [t], template=[("T", t)])))


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_each_attribute(printed: Printed, attribute: str) -> None:
    made = _made(f"uint a = {attribute};", ["inp"], ["out"])
    _equal(printed(made, _call([mx.zeros((9,))], [(4,)], [mx.float32])))


def test_all_attributes_at_once(printed: Printed) -> None:
    made = _made(" ".join(ATTRIBUTES), ["inp"], ["out"])
    _equal(printed(made, _call([mx.zeros((9,))], [(4,)], [mx.float32])))


def test_attributes_are_found_inside_longer_words() -> None:
    assert used_attributes("dispatch_threads_per_threadgroup") == (
        "dispatch_threads_per_threadgroup",
        "threads_per_threadgroup",
    )


def test_attributes_in_the_header_do_not_count(printed: Printed) -> None:
    made = _made("out[0] = 1;", ["inp"], ["out"], header="// thread_position_in_grid\n")
    pair = printed(made, _call([mx.zeros((9,))], [(4,)], [mx.float32]))
    _equal(pair)
    assert "[[thread_position_in_grid]]" not in pair[1]


@pytest.mark.parametrize("n", [1, 7, 8])
def test_small_inputs_are_constant(printed: Printed, n: int) -> None:
    made = _made("out[0] = inp[0]; thread_position_in_grid", ["inp"], ["out"])
    pair = printed(made, _call([mx.zeros((n,))], [(4,)], [mx.float32]))
    _equal(pair)
    assert ("const constant" in pair[1]) == (n < 8)


def test_scalars_are_references(printed: Printed) -> None:
    made = _made("thread_position_in_grid", list("abcdef"), ["out"])
    inputs = [3.5, 7, True, 1 + 2j, mx.array(2, mx.int8), mx.zeros((2,), mx.bfloat16)]
    pair = printed(made, _call(inputs, [(4,)], [mx.float32]))
    _equal(pair)
    assert "const constant float& a" in pair[1]


@pytest.mark.parametrize(
    "body", ["inp_shape", "inp_strides", "inp_ndim", "inp_shape inp_strides inp_ndim", "my_inp_shapes"]
)
def test_shape_strides_and_ndim(printed: Printed, body: str) -> None:
    made = _made(f"{body}; thread_position_in_grid", ["inp", "s"], ["out"])
    _equal(printed(made, _call([mx.zeros((3, 4)), mx.array(1.0)], [(4,)], [mx.float32])))


def test_scalars_have_no_shape(printed: Printed) -> None:
    made = _made("inp_shape inp_strides inp_ndim thread_position_in_grid", ["inp"], ["out"])
    _equal(printed(made, _call([mx.array(1.0)], [(4,)], [mx.float32])))


def test_template_arguments(printed: Printed) -> None:
    made = _made("thread_position_in_grid", ["inp"], ["out"], header="#define X 1\nint f() { return X; }\n")
    template = [("T", mx.float16), ("N", -3), ("B", True), ("C", False), ("U", mx.uint8)]
    _equal(printed(made, _call([mx.zeros((9,))], [(4,)], [mx.float32], template=template)))


def test_several_and_atomic_outputs(printed: Printed) -> None:
    made = _made("thread_position_in_grid", ["inp"], ["o1", "o2"], atomic_outputs=True)
    _equal(printed(made, _call([mx.zeros((9,))], [(4,), ()], [mx.float32, mx.int32])))


@pytest.mark.parametrize("body", ["x", "inp_shape", "inp_shape inp_strides inp_ndim"])
def test_the_list_is_closed_where_mlx_closes_it(printed: Printed, body: str) -> None:
    """With a shape, two outputs and no attribute MLX closes the list of parameters twice."""
    made = _made(body, ["inp"], ["o1", "o2"])
    _equal(printed(made, _call([mx.zeros((9,))], [(4,), (2,)], [mx.float32, mx.int32])))


def test_no_inputs(printed: Printed) -> None:
    made = _made("out[0] = 1;", [], ["out"])
    _equal(printed(made, _call([], [(4,)], [mx.float32])))


def test_a_header_without_a_line_end(printed: Printed) -> None:
    made = _made("\n  out[0] = 1;\n", ["inp"], ["out"], header="// x")
    _equal(printed(made, _call([mx.zeros((9,))], [(4,)], [mx.float32])))


def test_size_of_an_array() -> None:
    assert Array("float32", ()).size == 1
    assert Array("float32", (2, 0)).size == 0
