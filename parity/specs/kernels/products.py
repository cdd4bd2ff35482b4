"""Products: dense, in blocks, and gated."""

from dataclasses import replace
from typing import Any

from parity.kernel_spec import Launching, kernel

MAC = {"tile": "64x64x16"}
"""The tile on an Apple GPU of many cores, in float32; elsewhere, and here, it is 32x32x16."""
HALF = {"tile": "64x64x32"}
"""The same in half precision: rows of 64 bytes, as many as a transaction reads."""
SCALAR = {"matrix": False}


def _dense(b: int, m: int, k: int, n: int, **choices: Any) -> Launching:
    """A·B, or A·Bᵀ with a bias."""
    how = {"transposed": False, "has_bias": False, **choices}
    r, s = (n, k) if how["transposed"] else (k, n)
    return Launching({"b": b, "m": m, "k": k, "n": n, "r": r, "s": s}, how)


def _typical(launching: Launching) -> Launching:
    """On such a GPU, in the tile of each dtype."""
    mac = replace(launching, choices={**launching.choices, **MAC})
    return replace(mac, by_dtype={"float16": HALF, "bfloat16": HALF})


def _at(sizes: str, **choices: Any) -> Launching:
    """``"m33 k17 n5"``, and choices."""
    return Launching({s[0]: int(s[1:]) for s in sizes.split()}, choices)


TWO = ("float32", "bfloat16")
"""The dtypes in which kernels of the gradients are checked: tiles in float16 are those in bfloat16."""
LINEAR = {"transposed": True, "has_bias": True}
kernel(
    "mlx_impl.kernels.gemm:GEMM_AV",
    {"a": "b m k", "b": "b r s", "bias": "n"},
    (
        _dense(1, 1, 8, 1),  # far less than a tile
        _dense(2, 32, 16, 32),  # exactly one tile, in a batch
        _dense(1, 31, 15, 31),  # one less in every direction
        _dense(1, 65, 33, 65, **LINEAR, **MAC),  # one more, in tiles of four SIMD groups
        _dense(1, 33, 31, 34, **SCALAR),
        _dense(1, 33, 17, 33),  # one more: four tiles, two steps
    ),
    _typical(_dense(1, 128, 128, 128, **LINEAR)),
)
kernel(
    "mlx_impl.kernels.gemm:GEMM_AT_B",
    {"a": "b k m", "b": "b k n"},
    (
        _at("b1 k8 m1 n1"),
        _at("b2 k16 m32 n32"),
        _at("b1 k15 m31 n31"),
        _at("b1 k33 m65 n65", **MAC),
        _at("b1 k17 m33 n33"),
    ),
    _typical(_at("b1 k128 m128 n128")),
    dtypes=TWO,
)
kernel(
    "mlx_impl.kernels.blockdiag:BLOCKDIAG_GEMM",
    {"x": "n (k r)", "weight": "k q p"},
    (
        _at("n8 k1 q8 p1 r1"),
        _at("n32 k3 q32 p16 r16"),
        _at("n33 k2 q33 p17 r17"),
        _at("n31 k2 q31 p15 r15"),
        _at("n33 k2 q17 p33 r17", transposed=False),  # the gradient of x
    ),
    _typical(_at("n128 k4 q64 p64 r64")),
)
kernel(
    "mlx_impl.kernels.blockdiag:BLOCKDIAG_GEMM_GRAD",
    {"g": "n k q", "x": "n k p"},
    (
        _at("n8 k1 q1 p1"),
        _at("n16 k3 q32 p32"),
        _at("n15 k2 q31 p31"),
        _at("n17 k2 q33 p33"),
    ),
    _typical(_at("n128 k4 q64 p64")),
    dtypes=TWO,
)
kernel(
    "mlx_impl.kernels.blockdiag:BLOCKDIAG_GLU",
    {"x": "n (k p)", "weight": "k q p"},
    (
        _at("n8 k1 q8 p1"),  # both halves from one block
        _at("n32 k2 q32 p16"),  # a half is a block
        _at("n33 k4 q33 p17"),
        _at("n31 k2 q34 p33", **SCALAR),
        _at("n33 k3 q66 p17"),  # a half begins within a block
    ),
    _typical(_at("n128 k4 q64 p64")),
)
kernel(
    "mlx_impl.kernels.blockdiag:BLOCKDIAG_GLU_GRAD",
    {"x": "n (k p)", "weight": "k q p", "g": "n m"},
    (
        _at("n8 k1 q8 p1 m4"),
        _at("n32 k2 q32 p16 m32"),
        _at("n31 k2 q31 p15 m31"),
        _at("n33 k3 q66 p17 m99"),
    ),
    _typical(_at("n128 k4 q64 p64 m128")),
    dtypes=TWO,
)
