"""The call contract of mx.fast.metal_kernel: arguments, errors, semantics, MLX's own examples."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl

from .helpers import make, run

pytestmark = pytest.mark.parity_slow


def test_elementwise() -> None:
    a = mx.random.normal(shape=(4, 16)).astype(mx.float16)
    body = "uint i = thread_position_in_grid.x; T t = inp[i]; out[i] = metal::exp(t);"
    out = run(
        body, inputs={"inp": a}, shape=a.shape, dtype=a.dtype, grid=(64, 1, 1), threadgroup=(256, 1, 1),
        template=[("T", mx.float32)],
    )  # fmt: skip
    assert out.dtype == mx.float16
    assert mx.allclose(out, mx.exp(a))


def test_every_kind_of_argument() -> None:
    source = """
        uint elem = thread_position_in_grid.x;
        T tmp = a[0];
        if (e) {
            out1[elem] = a[1] + b[2] + c[3] + d + f;
        } else {
            out1[elem] = 1;
        }
        out2[elem] = a[1] + b[2] + c[1] - d;
    """
    mx.random.seed(7)
    a = mx.random.normal(shape=(3, 6))
    c = mx.random.normal(shape=(2, 2)).astype(mx.bfloat16)
    kernel = make(source, ["a", "b", "c", "d"], ["out1", "out2"])
    out = kernel(
        inputs=[a, mx.array([3, 4, 5]), c, 7.3],
        template=[("e", True), ("f", 3), ("T", mx.float16)],
        grid=(6, 1, 1),
        threadgroup=(2, 1, 1),
        output_shapes=[(3, 2), (3, 2)],
        output_dtypes=[mx.float32, mx.int32],
        stream=mx.gpu,
    )
    flat = a.flatten()
    expected = (flat[1] + 5 + c[1, 1].astype(mx.float32) + 7.3 + 3).item()
    assert mx.allclose(out[0], mx.full((3, 2), expected))
    assert mx.array_equal(
        out[1], mx.full((3, 2), int(np.asarray(flat[1] + 5 + c[0, 1] - 7.3)), dtype=mx.int32)
    )


@pytest.mark.parametrize("contiguous", [True, False])
def test_strided_input(contiguous: bool) -> None:
    location = "elem" if contiguous else "elem_to_loc(elem, inp_shape, inp_strides, inp_ndim)"
    source = f"""
        uint elem = thread_position_in_grid.x;
        uint loc = {location};
        out[elem] = metal::precise::exp(inp[loc]) * threads_per_simdgroup;
    """
    a = mx.random.normal(shape=(3, 6))
    a = mx.tile(a[::2], [4, 1])
    out = run(
        source, inputs={"inp": a}, shape=a.shape, grid=(a.size, 1, 1), threadgroup=(256, 1, 1),
        ensure_row_contiguous=contiguous,
    )  # fmt: skip
    assert mx.allclose(mx.exp(a) * 32, out)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::2, 1::2],
        lambda a: a[::-1],
        lambda a: mx.broadcast_to(a[:, :1], (6, 9)),
        lambda a: a[1:4].swapaxes(0, 1),
        lambda a: a[2:3, 4:5],
    ],
    ids=["transposed", "steps", "backwards", "broadcast", "swapped", "one"],
)
@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16, mx.uint8])
def test_views_keep_their_strides(view: Any, dtype: Any) -> None:
    a = view((mx.arange(54).reshape(6, 9) % 50).astype(dtype))
    source = """
        uint elem = thread_position_in_grid.x;
        out[elem] = inp[elem_to_loc<int64_t>(elem, inp_shape, inp_strides, inp_ndim)];
    """
    out = run(
        source, inputs={"inp": a}, shape=a.shape, dtype=dtype, grid=(a.size, 1, 1), threadgroup=(16, 1, 1),
        ensure_row_contiguous=False,
    )  # fmt: skip
    assert mx.array_equal(out, a)


def test_copied_inputs_have_row_strides() -> None:
    a = mx.zeros((3, 4, 5)).transpose(2, 0, 1)
    out = run(
        "out[thread_position_in_grid.x] = inp_strides[thread_position_in_grid.x] + 100 * inp_shape[1] + 1000 * inp_ndim;",
        inputs={"inp": a}, shape=(3,), dtype=mx.int32, grid=(3, 1, 1),
    )  # fmt: skip
    assert out.tolist() == [3312, 3304, 3301]


def test_helper_functions_in_the_header() -> None:
    a = mx.random.normal(shape=(2, 2))
    out = run(
        "uint e = thread_position_in_grid.x; out[e] = do_exp(a[e]);",
        header="template <typename T>\nT do_exp(T x) {\n  return metal::precise::exp(x);\n}\n",
        inputs={"a": a}, shape=(2, 2), grid=(4, 1, 1), threadgroup=(2, 1, 1),
    )  # fmt: skip
    assert mx.allclose(out, mx.exp(a))


def test_all_threads_may_write_one_value() -> None:
    out = run(
        "out[0] = threads_per_threadgroup.x;", inputs={"a": mx.zeros((1, 1))}, shape=(1, 1), dtype=mx.uint32,
        grid=(2, 1, 1), threadgroup=(2, 1, 1),
    )  # fmt: skip
    assert out.item() == 2


def test_one_name_many_sources() -> None:
    for value in (0.0, 1.0):
        out = run(f"out[thread_position_in_grid.x] = {value};", name="my_kernel")
        assert mx.array_equal(out, mx.full((32,), value))


FLOATS = [mx.float32, mx.float16, mx.bfloat16, mx.complex64]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(d, v) for d in FLOATS for v in (0, 1.5, -2, float("inf"))]
    + [(d, v) for d in (mx.int32, mx.uint8, mx.bool_) for v in (0, 1.5, 7)],
)
def test_init_value(dtype: Any, value: float) -> None:
    out = run("if (thread_position_in_grid.x == 3) out[3] = 1;", dtype=dtype, init_value=value)
    expected = mx.full((32,), mx.array(float(value)).astype(dtype))
    assert mx.array_equal(out[:3], expected[:3])
    assert out[3].item() == 1


def test_atomic_outputs() -> None:
    out = run(
        "atomic_fetch_add_explicit(&out[thread_position_in_grid.x % 4], 1, memory_order_relaxed);",
        shape=(4,), dtype=mx.int32, grid=(100, 1, 1), init_value=0, atomic_outputs=True,
    )  # fmt: skip
    assert out.tolist() == [25, 25, 25, 25]


def test_the_grid_is_in_threads_and_the_edge_is_smaller() -> None:
    source = """
        uint3 p = thread_position_in_grid;
        uint i = (p.z * threads_per_grid.y + p.y) * threads_per_grid.x + p.x;
        uint3 t = threads_per_threadgroup, d = dispatch_threads_per_threadgroup, g = threadgroup_position_in_grid;
        out[4 * i] = t.x * 100 + t.y * 10 + t.z;
        out[4 * i + 1] = d.x * 100 + d.y * 10 + d.z;
        out[4 * i + 2] = g.x * 100 + g.y * 10 + g.z;
        out[4 * i + 3] = thread_index_in_threadgroup;
    """
    out = np.asarray(run(source, shape=(2, 3, 5, 4), dtype=mx.uint32, grid=(5, 3, 2), threadgroup=(4, 2, 8)))
    for z in range(2):
        for y in range(3):
            for x in range(5):
                tx, ty = min(4, 5 - x // 4 * 4), min(2, 3 - y // 2 * 2)
                index = (z * ty + y % 2) * tx + x % 4
                assert out[z, y, x].tolist() == [
                    tx * 100 + ty * 10 + 2,
                    422,
                    x // 4 * 100 + y // 2 * 10,
                    index,
                ]


def test_attributes_of_simd_groups() -> None:
    source = """
        uint i = thread_position_in_grid.x;
        out[i * 6] = thread_index_in_simdgroup;
        out[i * 6 + 1] = simdgroup_index_in_threadgroup;
        out[i * 6 + 2] = simdgroups_per_threadgroup;
        out[i * 6 + 3] = dispatch_simdgroups_per_threadgroup;
        out[i * 6 + 4] = thread_execution_width + threads_per_simdgroup;
        out[i * 6 + 5] = quadgroup_index_in_threadgroup * 1000 + thread_index_in_quadgroup * 100 + quadgroups_per_threadgroup;
    """
    out = np.asarray(run(source, shape=(150, 6), dtype=mx.uint32, grid=(150, 1, 1), threadgroup=(100, 1, 1)))
    for i in range(150):
        local, size = i % 100, 100 if i < 100 else 50
        simds = -(-size // 32)
        quads = local // 4 * 1000 + local % 4 * 100 + -(-size // 4)
        assert out[i].tolist() == [local % 32, local // 32, simds, 4, 64, quads]


def test_empty_grids_and_arrays() -> None:
    out = run("out[0] = 1;", shape=(0,), grid=(0, 1, 1))
    assert out.shape == (0,)


def test_bool_complex_and_64_bit() -> None:
    z = mx.array(np.array([1 + 2j, 3 - 1j] * 5, np.complex64))
    source = "uint i = thread_position_in_grid.x; out[i] = z[i] * complex64_t(0, 1) + flag * big;"
    out = run(
        source, inputs={"z": z, "flag": True, "big": 2}, shape=(10,), dtype=mx.complex64, grid=(10, 1, 1)
    )
    assert np.allclose(np.asarray(out), np.asarray(z) * 1j + 2)


def test_verbose_prints_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    kernel = make("out[0] = 1;", name="shown")
    kernel(
        inputs=[],
        output_shapes=[(1,)],
        output_dtypes=[mx.float32],
        grid=(1, 1, 1),
        threadgroup=(1, 1, 1),
        verbose=True,
    )
    shown = capsys.readouterr().out
    assert shown.startswith(
        "Generated source code for `shown`:\n```\n[[kernel]] void custom_kernel_shown_float(\n"
    )


def test_installed_replaces_and_restores() -> None:
    original = mx.fast.metal_kernel
    with msl.installed():
        assert mx.fast.metal_kernel is msl.metal_kernel
        kernel = mx.fast.metal_kernel(name="i", input_names=[], output_names=["out"], source="out[0] = 5;")
        call: dict[str, Any] = {
            "output_shapes": [(1,)],
            "output_dtypes": [mx.int32],
            "grid": (1, 1, 1),
            "threadgroup": (1, 1, 1),
        }
        assert kernel(inputs=[], **call)[0].item() == 5
    assert mx.fast.metal_kernel is original


def test_installed_says_that_there_is_a_gpu() -> None:
    before = mx.metal.is_available(), mx.is_available(mx.gpu)
    with msl.installed():
        assert mx.metal.is_available()
        assert mx.is_available(mx.gpu)
        assert mx.is_available(mx.cpu)
    assert (mx.metal.is_available(), mx.is_available(mx.gpu)) == before
    with msl.installed(available=False):
        assert mx.metal.is_available() == before[0]


def test_installed_makes_the_gpu_the_default_device() -> None:
    """Wrappers ask for it before they use their kernel; operations and streams are the CPU's all the same."""
    kernel = make("out[0] = 1;")
    before = mx.default_device()
    with msl.installed():
        assert mx.default_device() == mx.gpu
        assert int(mx.device_info()["memory_size"]) > 0
        stream = mx.new_stream(mx.gpu)
        with mx.stream(stream):
            assert mx.default_device() == mx.gpu
            assert mx.add(mx.array(1), 1).item() == 2
        assert kernel(**{**CALL, "stream": stream})[0].item() == 1
        assert mx.default_stream(mx.gpu).device == mx.cpu
        with mx.stream(mx.cpu):
            assert mx.default_device() == mx.cpu
            with pytest.raises(ValueError, match="Only supports the GPU"):
                kernel(**CALL)
            with mx.stream(mx.gpu):
                assert kernel(**CALL)[0].item() == 1
        mx.set_default_device(mx.cpu)
        assert mx.default_device() == mx.cpu
        with pytest.raises(ValueError, match="Only supports the GPU"):
            kernel(**CALL)
        mx.set_default_device(mx.gpu)
        assert kernel(**CALL)[0].item() == 1
    assert mx.default_device() == before
    with pytest.raises(ValueError, match="Only supports the GPU"):
        kernel(**{**CALL, "stream": mx.new_stream(mx.cpu)})


def test_compiled_functions_run_where_the_executor_is_installed() -> None:
    call: dict[str, Any] = {"output_shapes": [(4,)], "output_dtypes": [mx.float32], "grid": (4, 1, 1)}

    @mx.compile
    def f(x: Any) -> Any:
        kernel = mx.fast.metal_kernel(
            name="c", input_names=["x"], output_names=["out"],
            source="out[thread_position_in_grid.x] = x[thread_position_in_grid.x] + 1;",
        )  # fmt: skip
        return kernel(inputs=[x], threadgroup=(4, 1, 1), **call)[0]  # type: ignore[operator]

    with msl.installed():
        assert f(mx.arange(4).astype(mx.float32)).tolist() == [1, 2, 3, 4]
    made = make("out[thread_position_in_grid.x] = x[thread_position_in_grid.x];", ["x"])
    with pytest.raises(RuntimeError, match=r"mx\.disable_compile"):
        mx.compile(lambda x: made(inputs=[x], threadgroup=(4, 1, 1), **call)[0])(mx.arange(4))


def test_gradients_through_a_custom_function() -> None:
    body = "uint i = thread_position_in_grid.x; out[i] = x[i] * x[i];"
    square = make(body, ["x"])

    @mx.custom_function
    def f(x: Any) -> Any:
        call: dict[str, Any] = {
            "output_shapes": [x.shape],
            "output_dtypes": [x.dtype],
            "grid": (x.size, 1, 1),
        }
        return square(inputs=[x], threadgroup=(32, 1, 1), **call)[0]

    @f.vjp
    def f_vjp(primals: Any, cotangent: Any, _output: Any) -> Any:
        return 2 * primals * cotangent

    def total(v: Any) -> Any:
        return mx.sum(f(v))  # type: ignore[arg-type]

    x = mx.arange(8).astype(mx.float32)
    assert mx.array_equal(mx.grad(total)(x), 2 * x)


CALL: dict[str, Any] = {
    "inputs": [],
    "output_shapes": [(1,)],
    "output_dtypes": [mx.float32],
    "grid": (1, 1, 1),
    "threadgroup": (1, 1, 1),
}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"inputs": [1.0]}, ValueError, "Expected `inputs` to have size 0 but got size 1"),
        ({"output_shapes": []}, ValueError, "Expected `output_shapes` to have size 1 but got size 0"),
        ({"output_dtypes": []}, ValueError, "Expected `output_dtypes` to have size 1 but got size 0"),
        ({"output_dtypes": [mx.float64]}, ValueError, "float64 is not supported on the GPU"),
        ({"output_dtypes": ["float32"]}, TypeError, "mlx.core.Dtype"),
        ({"stream": mx.cpu}, ValueError, "Only supports the GPU"),
        ({"template": [("T", 1.5)]}, ValueError, "Invalid template argument"),
        ({"threadgroup": (1024, 2, 1)}, ValueError, "Thread group size"),
        ({"threadgroup": (0, 1, 1)}, ValueError, "must not have 0"),
        ({"grid": (1, 1)}, TypeError, "three integers"),
        ({"grid": (2**31, 1, 1)}, TypeError, "three integers"),
        ({"grid": (1.0, 1, 1)}, TypeError, "three integers"),
        ({"output_shapes": [(1.0,)]}, TypeError, "tuples of lengths"),
        ({"template": {"T": 1}}, TypeError, "pairs of a name and a value"),
        ({"template": [("T", 2**40)]}, ValueError, "Invalid template argument"),
        ({"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_wrong_calls(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make("out[0] = 1;")(**{**CALL, **changes})


def test_numpy_integers_are_integers() -> None:
    """As MLX takes them."""
    one = np.int64(1)
    call = {**CALL, "grid": np.array([1, 1, 1]), "threadgroup": [one, one, one], "output_shapes": [(one,)]}
    assert make("out[0] = 1;")(**call)[0].tolist() == [1]


def test_a_list_is_no_input() -> None:
    with pytest.raises(ValueError, match="Invalid type list received in array initialization"):
        make("out[0] = x[0];", ["x"])(**{**CALL, "inputs": [[1.0, 2.0]]})


def test_an_input_that_cannot_be_computed_says_why() -> None:
    """Its own error, and not one of values that are missing."""
    half = mx.zeros((1, 1, 1), mx.float16)
    wrong = mx.gather_mm(half, half, mx.array([0]), mx.array([0]), stream=mx.cpu)
    with pytest.raises(RuntimeError, match="GatherMM"):
        make("out[0] = x[0];", ["x"])(**{**CALL, "inputs": [wrong]})


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_a_kernel_has_no_derivative(mode: str) -> None:
    """As MLX's own has none: a zero would be wrong."""
    kernel = make("out[0] = x[0];", ["x"])

    def f(x: Any) -> Any:
        return kernel(**{**CALL, "inputs": [x]})[0]

    x = mx.ones((4,))
    with pytest.raises(ValueError, match=rf"\[Primitive::{mode}\] Not implemented for CustomKernel"):
        getattr(mx, mode)(f, [x], [mx.ones((4,)) if mode == "jvp" else mx.ones((1,))])


def test_a_kernel_has_no_map() -> None:
    kernel = make("out[0] = x[0];", ["x"])
    with pytest.raises(RuntimeError, match=r"loop instead of mx\.vmap"):
        mx.vmap(lambda x: kernel(**{**CALL, "inputs": [x]})[0])(mx.ones((3, 4)))


def test_a_kernel_has_an_output() -> None:
    with pytest.raises(ValueError, match="at least one output"):
        make("", outputs=[])


def test_math_mode_is_checked() -> None:
    with pytest.raises(ValueError, match="math_mode"):
        make("", compile_options={"math_mode": "wild"})
    assert make("", compile_options={"math_mode": "fast"}).math_mode == "fast"


def test_too_many_threads_do_not_count_where_the_grid_is_smaller() -> None:
    with pytest.raises(ValueError, match="2048"):
        make("out[0] = 1;")(**{**CALL, "threadgroup": (2048, 1, 1)})
