"""A whole operation with its gradient, as MLX's documentation has one: bilinear sampling, with atomics on the way back."""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from parity import msl

from .helpers import make

pytestmark = pytest.mark.parity_slow

CORNERS = """
    // Where a sample falls: the four elements around it, and how much of each. x_shape is (b, h, w, c).
    uint e = thread_position_in_grid.x;
    int h = x_shape[1], w = x_shape[2], c = x_shape[3], n = points_shape[1];
    int channel = e % c, point = e / c, b = point / n;
    float px = ((points[2 * point] + 1) * w - 1) / 2, py = ((points[2 * point + 1] + 1) * h - 1) / 2;
    int left = int(floor(px)), top = int(floor(py));
    float fx = px - left, fy = py - top;
    float weight[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
    int place[4];
    for (int k = 0; k < 4; ++k) {
        int i = left + k % 2, j = top + k / 2;
        bool inside = i >= 0 && i < w && j >= 0 && j < h;
        place[k] = inside ? ((b * h + j) * w + i) * c + channel : -1;
    }
"""
FORWARD = (
    CORNERS
    + """
    float sum = 0;
    for (int k = 0; k < 4; ++k) sum += place[k] < 0 ? 0 : weight[k] * x[place[k]];
    out[e] = sum;
"""
)
BACKWARD = (
    CORNERS
    + """
    for (int k = 0; k < 4; ++k)
        if (place[k] >= 0) atomic_fetch_add_explicit(&out[place[k]], weight[k] * up[e], memory_order_relaxed);
"""
)
B, H, W, C, N = 2, 5, 7, 3, 11


def _corners(points: npt.NDArray[np.float64]) -> Any:
    """For each sample: (b, row, column, weight) of the elements that it is made of."""
    for b in range(B):
        for n in range(N):
            px, py = ((points[b, n] + 1) * (W, H) - 1) / 2
            for j in (int(np.floor(py)), int(np.floor(py)) + 1):
                for i in (int(np.floor(px)), int(np.floor(px)) + 1):
                    if 0 <= i < W and 0 <= j < H:
                        yield b, n, j, i, (1 - abs(px - i)) * (1 - abs(py - j))


@pytest.fixture
def arrays() -> tuple[Any, Any, Any]:
    keys = mx.random.split(mx.random.key(0), 3)
    x = mx.random.normal(shape=(B, H, W, C), key=keys[0])
    points = mx.random.uniform(-1.2, 1.2, shape=(B, N, 2), key=keys[1])
    return x, points, mx.random.normal(shape=(B, N, C), key=keys[2])


def test_forward(arrays: tuple[Any, Any, Any]) -> None:
    x, points, _ = arrays
    report = msl.check(
        make(FORWARD, ["x", "points"]),
        inputs=[x, points],
        output_shapes=[(B, N, C)],
        output_dtypes=[mx.float32],
        grid=(B * N * C, 1, 1),
        threadgroup=(32, 1, 1),
    )
    assert report.findings == (), report.describe()
    expected = np.zeros((B, N, C))
    for b, n, j, i, weight in _corners(np.asarray(points).astype(np.float64)):
        expected[b, n] += weight * np.asarray(x)[b, j, i]
    assert np.allclose(report.outputs[0], expected, atol=1e-5)


def test_backward(arrays: tuple[Any, Any, Any]) -> None:
    x, points, up = arrays
    report = msl.check(
        make(BACKWARD, ["x", "points", "up"], atomic_outputs=True),
        inputs=[x, points, up],
        output_shapes=[x.shape],
        output_dtypes=[mx.float32],
        grid=(B * N * C, 1, 1),
        threadgroup=(32, 1, 1),
        init_value=0,
    )
    assert report.ok, report.describe()
    assert {f.kind for f in report.findings} <= {"float-order"}
    expected = np.zeros((B, H, W, C))
    for b, n, j, i, weight in _corners(np.asarray(points).astype(np.float64)):
        expected[b, j, i] += weight * np.asarray(up)[b, n]
    assert np.allclose(report.outputs[0], expected, atol=1e-5)
