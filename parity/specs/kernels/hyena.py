"""The implicit filter, and the sums of its gradients."""

from typing import Any

from parity.kernel_spec import Launching, kernel


def _at(length: int, e: int, o: int, d: int, inner: int = 2, **choices: Any) -> Launching:
    sizes = {"l": length, "e": e, "o": o, "d": d, "j": max(inner, 1)}
    return Launching(sizes, {"inner": inner, "modulate": True, **choices})


INPUTS = {
    "z": "1 l e",
    "times": "1 l 1",
    "w_in": "o e",
    "b_in": "o",
    "w_inner": "j o o",
    "b_inner": "j o",
    "w_out": "d o",
    "freq": "1 o",
    "deltas": "1 1 d",
    "scales": "2",
}
LAUNCHES = (
    _at(33, 3, 16, 33),  # one position and one channel more than a tile has
    _at(64, 33, 32, 64),  # features in two blocks
    _at(40, 5, 16, 16, inner=0, modulate=False),
    _at(32, 5, 65, 32),  # more features between layers
    _at(70, 5, 9, 40),
)
kernel(
    "mlx_impl.kernels.hyena_filter:HYENA_FILTER",
    INPUTS,
    LAUNCHES,
    _at(128, 5, 32, 128),
    fixed={"scales": "float32"},
)
kernel(
    "mlx_impl.kernels.hyena_filter:HYENA_FILTER_GRAD",
    {**INPUTS, "g": "1 l d"},
    LAUNCHES,
    _at(128, 5, 32, 128),
    fixed={"scales": "float32"},
)


def _rows(n: int, i: int, k: int, t: int) -> Launching:
    return Launching({"n": n, "i": i, "k": k, "t": t})


kernel(
    "mlx_impl.kernels.sums:OUTER_SUMS",
    {"a": "n i t", "b": "n k t"},
    (_rows(1, 1, 1, 8), _rows(2, 33, 5, 31), _rows(1, 32, 33, 513), _rows(1, 31, 64, 512)),
    _rows(1, 64, 64, 512),
    dtypes=("float32",),
)
kernel(
    "mlx_impl.kernels.sums:FOLD",
    {"x": "s c"},
    tuple(Launching({"s": s, "c": c}) for s, c in ((1, 8), (7, 31), (8, 32), (9, 33), (65, 100))),
    Launching({"s": 64, "c": 1024}),
    dtypes=("float32",),
)
