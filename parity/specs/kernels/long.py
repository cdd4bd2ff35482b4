"""The long convolution: within threadgroup memory, and streamed."""

from typing import Any

from parity.kernel_spec import Bars, Launching, kernel

FFT_CONV = "mlx_impl.kernels.fft_conv:"
STREAMED = "mlx_impl.kernels.fft_streamed:"
MIRROR = Bars(
    bank_conflicts=0.035,
    reason="a value meets the one at the opposite frequency: 0 is its own opposite, so one lane of a SIMD "
    "group reads a place off the others' pattern; no way to mix address bits avoids it (test_layout.py tries "
    "them all)",
)


def _options(*, reverse: bool, flip: bool, gated: bool, added: bool, pairs: bool) -> int:
    """What a launch is asked to do, as the kernels read it."""
    return sum(flag << i for i, flag in enumerate((reverse, flip, gated, added, pairs)))


def _at(b: int, d: int, length: int, m: int = 0, r: int = 1, flip: bool = False, **choices: Any) -> Launching:
    m = m or length
    asked = {n: choices.get(n, False) for n in ("reverse", "gated", "added")}
    bits = _options(**asked, flip=flip, pairs=length % 2 == m % 2 == 0)
    return Launching({"b": b, "d": d, "l": length, "m": m, "r": r, "o": bits}, choices)


INPUTS = {"u": "b d l", "k": "d m", "k_rev": "d r", "D": "d"}
INPUTS |= {"gate": "b d l", "extra": "b d l", "options": "=o"}
kernel(
    FFT_CONV + "FFT_CONV",
    INPUTS,
    (
        _at(1, 1, 1),
        _at(2, 3, 64),  # exactly the shortest transform
        _at(1, 2, 65),  # one sample more: twice the radix
        _at(2, 2, 129, 258, 129, reverse=True, gated=True, added=True),
        _at(1, 1, 250, flip=True),  # the gradient of u
        _at(1, 1, 2048, exact=True),  # 32 KiB
        _at(2, 1, 256),
    ),
    _at(16, 4, 1024, gated=True, added=True),
    bars=MIRROR,
)
kernel(
    FFT_CONV + "FFT_CONV_GRAD",
    {"g": "b d l", "u": "b d l", "k": "d m", "k_rev": "d r", "options": "=o"},
    (
        _at(1, 1, 1),
        _at(2, 2, 65, 130, 65, reverse=True),
        _at(1, 1, 600, exact=True),
        _at(2, 1, 256),
    ),
    _at(16, 4, 1024),
    bars=MIRROR,
)


def _long(b: int, d: int, length: int, points: int, *, exact: bool = False, **choices: Any) -> Launching:
    """Rows that a transform of so many points is made for."""
    floats = 4 if exact else 2  # of a complex number
    asked = {n: choices.get(n, False) for n in ("reverse", "gated", "added")}
    bits = _options(**asked, flip=False, pairs=length % 2 == 0)
    sizes = {"b": b, "d": d, "l": length, "m": points * floats, "k": length, "r": 1, "o": bits}
    return Launching(sizes, {"m": points, "exact": exact, **choices})


kernel(
    STREAMED + "FFT_COLUMNS",
    {"x": "b d l", "x_rev": "d r", "row_length": "=l", "options": "=o"},
    (
        _long(1, 1, 4097, 8192, points_of_block=2048),  # for a correlation
        _long(1, 1, 2050, 4096, exact=True),
        _long(1, 1, 4097, 8192),
    ),
    _long(1, 2, 8192, 8192),
)
kernel(
    STREAMED + "FFT_BLOCKS",
    {"blocks": "b m"},
    (_long(1, 1, 1, 8192),),
    _long(2, 1, 1, 8192),
    dtypes=("float32",),
)
kernel(
    STREAMED + "FFT_PRODUCT",
    {"blocks": "b m", "spectrum": "d m", "channels": "=d"},
    (_long(1, 1, 1, 4096, exact=True), _long(1, 1, 1, 16384)),
    _long(2, 1, 1, 16384),
    dtypes=("float32",),
    bars=MIRROR,
)
kernel(
    STREAMED + "FFT_ROWS",
    {"blocks": "(b d) m", "u": "b d l", "D": "d", "gate": "b d l", "extra": "b d l", "options": "=o"},
    (_long(1, 1, 4097, 8192, gated=True, added=True),),
    _long(1, 2, 8192, 8192),
    fixed={"blocks": "float32"},
)
kernel(
    STREAMED + "FFT_CORRELATION",
    {"gradient": "(b d) m", "blocks": "(b d) m", "batch_and_channels": "=b d"},
    (_long(2, 1, 1, 8192, channels=1),),
    _long(2, 1, 1, 16384, channels=1),
    dtypes=("float32",),
    bars=MIRROR,
)
kernel(
    STREAMED + "FFT_TAPS",
    {"blocks": "d m", "k": "d k", "k_rev": "d r", "row_length": "=l", "options": "=o"},
    (_long(1, 1, 4097, 8192, reverse=True),),
    _long(1, 2, 8192, 8192),
    fixed={"blocks": "float32"},
)
