"""The long convolution's largest error by length: the Metal kernel beside PyTorch's and MLX's transforms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from parity import msl, sides
from parity.dtypes import AnyArray, Float64
from parity.inputs import generator
from parity.record import Row

KNOWN = {64: 4.3e-6, 128: 7.6e-6, 256: 1.1e-5, 512: 1.6e-5, 1024: 3.1e-5, 2048: 4.3e-5, 4096: 6.9e-5}
"""Largest errors of an FFT convolution in float32 on standard-normal input, known before there was ours."""
BATCH, CHANNELS = 2, 8
TITLE = "Largest error of the long convolution against float64, standard-normal input"


@dataclass(frozen=True)
class Error:
    """The largest error, and its root mean square over that of the result."""

    largest: float
    rms: float


@dataclass(frozen=True)
class Accuracy:
    """Errors at one length on the same rows; `exact` is the kernel in double-double.

    `ulps` is how far that is at most from the correctly rounded result, in units of the result's last place.
    """

    length: int
    kernel: Error
    exact: Error
    ulps: float
    mlx: Error
    torch: Error | None


def maximum_errors(lengths: Iterable[int] = tuple(KNOWN)) -> list[Accuracy]:
    """Each length on seeded standard-normal rows, without the skip."""
    return [_at(length) for length in lengths]


def _at(length: int) -> Accuracy:
    from mlx_impl import ops
    from mlx_impl.kernels import fft_conv

    rng = generator("kernel accuracy", length)
    u = rng.standard_normal((BATCH, CHANNELS, length)).astype(np.float32)
    k = rng.standard_normal((CHANNELS, length)).astype(np.float32)
    skip = np.zeros(CHANNELS, np.float32)
    n = 2 * length
    # In double: NumPy transforms float32 in float32.
    spectra = (np.fft.rfft(x.astype(np.float64), n=n) for x in (u, k))
    exact = np.fft.irfft(np.multiply(*spectra), n=n)[..., :length]
    given = [mx.array(x) for x in (u, k, skip)]
    with msl.installed(check=False):
        own, twofold = (np.array(fft_conv(*given, exact=e)) for e in (False, True))
    torch = None
    if sides.why_not("torch") is None:
        import torch as library

        from reference import ops as reference

        result = reference.long_conv(*(library.from_numpy(x) for x in (u, k, skip)))
        torch = _error(result.numpy(), exact)
    plain = np.array(ops.long_conv(*given, kernel=False))
    return Accuracy(
        length, _error(own, exact), _error(twofold, exact), _ulps(twofold, exact), _error(plain, exact), torch
    )


def _error(found: AnyArray, exact: Float64) -> Error:
    error = found.astype(np.float64) - exact
    return Error(float(np.abs(error).max()), float(np.sqrt(np.mean(error**2) / np.mean(exact**2))))


def _ulps(found: AnyArray, exact: Float64) -> float:
    """The largest distance from the correctly rounded result, in units in the last place of it."""
    rounded = exact.astype(np.float32)
    distance = np.abs(found.astype(np.float64) - rounded.astype(np.float64))
    return float((distance / np.spacing(np.abs(rounded)).astype(np.float64)).max())


def rows(repeat: str) -> Iterator[Row]:
    """A row for each length: it holds if the kernel is below the figure that is known.

    In double-double it must be within an ulp of the correctly rounded result too.
    """
    reason = sides.why_not("msl")
    if reason is not None:
        yield Row(kind="accuracy", id="accuracy-long_conv", status="not run", side="msl", reasons=(reason,))
        return
    for found in maximum_errors():
        known = KNOWN[found.length]
        reasons = []
        if not found.kernel.largest < known:
            reasons.append(f"{found.kernel.largest:.2g} is not below the known {known:.2g}")
        if not found.ulps <= 1:
            reasons.append(f"double-double is {found.ulps:.2g} ulp off the correctly rounded result, not 1")
        figures: dict[str, object] = {"title": TITLE, "order": found.length, "known": known}
        figures |= {"kernel": found.kernel.largest, "double-double": found.exact.largest}
        figures |= {"MLX": found.mlx.largest}
        figures |= {} if found.torch is None else {"PyTorch": found.torch.largest}
        yield Row(
            kind="accuracy",
            id=f"accuracy-long_conv-l{found.length}",
            status="fail" if reasons else "pass",
            spec="long_conv",
            side="msl",
            device="cpu",
            dtype="float32",
            case=f"length {found.length}",
            rule="known figure",
            reasons=tuple(reasons),
            n=BATCH * CHANNELS * found.length,
            seeds=1,
            figures=figures,
            repeat=repeat,
        )
