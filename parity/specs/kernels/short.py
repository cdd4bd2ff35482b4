"""The short convolution."""

from typing import Any

from parity.kernel_spec import Launching, kernel


def _at(b: int, c: int, length: int, padding: int = 2, **choices: Any) -> Launching:
    sizes = {"b": b, "c": c, "l": length, "m": length + 2 * padding - 2}
    return Launching(sizes, {"padding": padding, **choices})


FORWARD = {"has_bias": True}
kernel(
    "mlx_impl.kernels.depthwise_conv3:DEPTHWISE_CONV3",
    {"x": "b c l", "weight": "c 1 3", "bias": "c"},
    (
        _at(1, 1, 1, **FORWARD),  # fewer outputs than a SIMD group has lanes
        _at(2, 3, 30, **FORWARD),  # exactly 32 outputs
        _at(1, 5, 31, **FORWARD),  # one more
        _at(2, 3, 128, 1, **FORWARD),  # exactly the chunks of one SIMD group
        _at(1, 2, 129, 1, **FORWARD),
        _at(1, 2, 67, 0, has_bias=False, flip=True),  # the gradient of x
        _at(1, 2, 1100, **FORWARD),  # several SIMD groups, several threadgroups
    ),
    _at(2, 16, 2048, 1, **FORWARD),  # rows of whole transactions, in and out
)
kernel(
    "mlx_impl.kernels.depthwise_conv3:DEPTHWISE_CONV3_GRAD",
    {"x": "b c l", "g": "b c m"},
    (_at(1, 1, 1), _at(2, 3, 30), _at(1, 5, 31), _at(3, 2, 255, 1), _at(1, 2, 257, 1), _at(1, 2, 67, 0)),
    _at(2, 16, 2048, 1),
)


def _gated(b: int, d: int, length: int) -> Launching:
    return Launching({"b": b, "d": d, "l": length})


PROJECTED = {"x": "b (3 d) l", "weight": "(3 d) 1 3", "bias": "(3 d)"}
kernel(
    "mlx_impl.kernels.gated_conv3:GATED_CONV3",
    PROJECTED,
    (
        _gated(1, 3, 1),
        _gated(2, 3, 32),  # one chunk
        _gated(1, 3, 33),
        _gated(2, 3, 128),  # the chunks of one SIMD group
        _gated(1, 3, 129),
        _gated(1, 3, 1100),  # several SIMD groups, several threadgroups
    ),
    _gated(2, 16, 2048),
)
kernel(
    "mlx_impl.kernels.gated_conv3:GATED_CONV3_GRAD",
    {**PROJECTED, "g_passed": "b d l", "g_gated": "b d l"},
    (
        _gated(1, 3, 1),
        _gated(2, 3, 32),
        _gated(1, 3, 33),
        _gated(1, 3, 256),  # one segment
        _gated(3, 3, 257),
        _gated(5, 3, 600),  # more segments than SIMD groups
    ),
    _gated(2, 16, 2048),
)
