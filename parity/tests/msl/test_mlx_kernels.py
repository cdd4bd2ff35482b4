"""Kernels of MLX itself, from the headers in the installed package: unchanged, clean, and right.

They were written for Apple's compiler and by other people, and use most of the language.
"""

import re
from pathlib import Path
from typing import Any

import mlx
import mlx.core as mx
import numpy as np
import pytest

from parity import msl

ROOT = Path(next(iter(mlx.__path__))) / "include"
KERNELS = "mlx/backend/metal/kernels"
IN_SCOPE = ("kernels/utils.h", "bf16.h", "bf16_math.h", "complex.h", "kernels/defines.h", "logging.h")
pytestmark = [
    pytest.mark.parity_slow,
    pytest.mark.skipif(
        not (ROOT / KERNELS / "softmax.h").is_file(), reason="the installed MLX has no kernel headers"
    ),
]


def header(name: str) -> str:
    """A header with all that it includes, but what is in scope in every kernel."""
    seen: set[str] = set()

    def text(path: str) -> str:
        if path in seen or path.endswith(IN_SCOPE) or not (ROOT / path).is_file():
            return ""
        seen.add(path)
        lines = []
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
            included = re.match(r'\s*#include "([^"]+)"', line)
            lines.append(text(included.group(1)) if included else line)
        return "\n".join(lines)

    return text(f"{KERNELS}/{name}.h") + "\n"


def checked(name: str, inputs: dict[str, Any], source: str, **call: Any) -> Any:
    kernel = msl.metal_kernel(
        name="mlx", input_names=list(inputs), output_names=["out"], header=header(name), source=source
    )
    strict = [msl.fpmodes.STRICT]
    report = msl.check(kernel, inputs=list(inputs.values()), modes=strict, schedules=3, **call)
    assert report.ok, report.describe()
    return report.outputs[0]


@pytest.mark.parametrize(
    "name",
    "arange copy cross_entropy dot erf expm1f fp4 fp8 gemv hadamard logsumexp sort ternary_ops unary_ops binary_ops "
    "steel/attn/attn".split(),
)
def test_headers_compile(name: str) -> None:
    kernel = msl.metal_kernel(
        name="h", input_names=[], output_names=["out"], header=header(name), source="out[0] = 1;"
    )
    call: dict[str, Any] = {
        "output_shapes": [(1,)],
        "output_dtypes": [mx.float32],
        "grid": (1, 1, 1),
        "threadgroup": (1, 1, 1),
    }
    assert kernel(inputs=[], **call)[0].item() == 1


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_softmax(dtype: Any) -> None:
    x = mx.random.normal(shape=(3, 200), key=mx.random.key(0)).astype(dtype)
    source = """
        softmax_single_row<T, float>(x, out, n, threadgroup_position_in_grid.x, thread_position_in_threadgroup.x,
                                     thread_index_in_simdgroup, simdgroup_index_in_threadgroup);
    """
    out = checked(
        "softmax", {"x": x, "n": 200}, source, template=[("T", dtype)], output_shapes=[x.shape],
        output_dtypes=[dtype], grid=(3 * 64, 1, 1), threadgroup=(64, 1, 1),
    )  # fmt: skip
    expected = mx.softmax(x, axis=-1, precise=True)
    assert mx.allclose(out.astype(mx.float32), expected.astype(mx.float32), atol=1e-6, rtol=1e-2)


def test_attention_of_one_query() -> None:
    d, n = 64, 100
    q, k, v = (
        mx.random.normal(shape=s, key=mx.random.key(i)) for i, s in enumerate([(2, d), (2, n, d), (2, n, d)])
    )
    source = """
        size_t head = N * D, row = D;
        int one = 1;
        sdpa_vector<float, D>(q, k, v, out, one, N, head, row, head, row, scale, nullptr, nullptr, one, one, one,
                              nullptr, one, threadgroup_position_in_grid, threadgroups_per_grid,
                              simdgroup_index_in_threadgroup, thread_index_in_simdgroup);
    """
    out = checked(
        "sdpa_vector", {"q": q, "k": k, "v": v, "N": n, "scale": d**-0.5}, source, template=[("D", d)],
        output_shapes=[q.shape], output_dtypes=[q.dtype], grid=(2 * 1024, 1, 1), threadgroup=(1024, 1, 1),
    )  # fmt: skip
    expected = mx.fast.scaled_dot_product_attention(q[None, :, None], k[None], v[None], scale=d**-0.5)[
        0, :, 0
    ]
    assert mx.allclose(out, expected, atol=1e-5)


NAX = """
    using namespace mlx::steel;
    NAXTile<T, 1, 1> A;
    NAXTile<T, 1, 2> B;
    NAXTile<float, 1, 2> C;
    C.clear();
    for (int k = 0; k < K; k += 16) {
        A.load(a + k, K);
        B.load(b + k * 32, 32);
        tile_matmad_nax(C, A, metal::bool_constant<false>{}, B, metal::bool_constant<false>{});
    }
    C.store(out, 32);
"""


def test_product_by_tensor_operations() -> None:
    """Its fragments in registers lie where MLX says that Apple's hardware has them."""
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((16, 64)).astype(np.float16), rng.standard_normal((64, 32)).astype(np.float16)
    inputs = {"a": mx.array(a), "b": mx.array(b)}
    found = checked(
        "steel/gemm/nax", inputs, NAX, template=[("T", mx.float16), ("K", 64)], grid=(32, 1, 1),
        threadgroup=(32, 1, 1), output_shapes=[(16, 32)], output_dtypes=[mx.float32],
    )  # fmt: skip
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert np.abs(np.asarray(found) - exact).max() < 64 * 2.0**-24 * (np.abs(a) @ np.abs(b)).max()


@pytest.mark.parametrize("shape", [(64, 32, 64), (70, 50, 90)])
def test_product(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    a, b = (
        mx.random.normal(shape=(m, k), key=mx.random.key(0)),
        mx.random.normal(shape=(k, n), key=mx.random.key(1)),
    )
    source = """
        using namespace mlx::steel;
        using gemm = GEMMKernel<float, float, 32, 32, 16, 2, 2, false, false, false, false>;
        threadgroup float at[gemm::tgp_mem_size_a];
        threadgroup float bt[gemm::tgp_mem_size_b];
        const int M = a_shape[0], K = a_shape[1], N = b_shape[1];
        GEMMParams p{M, N, K, K, N, N, (N + 31) / 32, (M + 31) / 32, 0, 0, 0, 0, K / 16, 1};
        gemm::run(a, b, out, &p, at, bt, thread_index_in_simdgroup, simdgroup_index_in_threadgroup,
                  threadgroup_position_in_grid, thread_position_in_threadgroup);
    """
    out = checked(
        "steel/gemm/gemm", {"a": a, "b": b}, source, output_shapes=[(m, n)], output_dtypes=[mx.float32],
        grid=(-(-n // 32) * 128, -(-m // 32), 1), threadgroup=(128, 1, 1),
    )  # fmt: skip
    assert np.allclose(out, np.asarray(a) @ np.asarray(b), atol=1e-4)
