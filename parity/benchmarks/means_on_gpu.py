"""Means of half precision on a CUDA GPU: bits beside PyTorch's, times beside the einops package's.

``python -m parity.benchmarks.means_on_gpu``, with the CUDA builds of MLX and PyTorch, and einops. Each
pattern is reduced on the GPU by ours and by the package on its MLX backend, and by ours on the CPU; what
differs from the package's result for PyTorch's tensors on the same GPU is counted. A time is the fastest of
ten, with the wait for the GPU.

On an H200 (MLX 0.32.4, PyTorch 2.11, einops 0.8.2), 12 to 17 million elements a pattern: of 6.6 million
means one of ours differs on the GPU and five do on the CPU; of the package's 4.1 million do, as it rounds
the sum, 1/n and their product. Ours takes 1.1 to 1.8 times as long (3.5 in one of the fourteen), 0.1 to 1.1
ms: the conversion to float32 is a launch of its own.
"""

import sys
import time
from collections.abc import Callable

import mlx.core as mx
import numpy as np
import torch

from mlx_impl import einops as ours

PATTERNS = (
    ("a b -> a", (16, 1 << 20)),
    ("a b -> a", (1 << 20, 16)),
    ("a b -> a", (1 << 20, 12)),
    ("a b c -> b", (1 << 10, 3, 1 << 12)),
    ("a b -> b", (12, 1 << 20)),
    ("a b -> b", (100, 1 << 17)),
    ("a b c d -> a c", (64, 30, 64, 100)),
)
ROUNDS = 10


def main() -> int:
    """Print a line for each dtype and pattern; 12 if there is no GPU."""
    if not (mx.default_device().type == mx.DeviceType.gpu and torch.cuda.is_available()):
        print(
            f"MLX runs on {mx.default_device()}, PyTorch {'has' if torch.cuda.is_available() else 'has no'} "
            "CUDA: both need a GPU here; install mlx[cuda13] and a CUDA build of torch",
            file=sys.stderr,
        )
        return 12
    for dtype in ("float16", "bfloat16"):
        for pattern, shape in PATTERNS:
            print(_line(dtype, pattern, shape), flush=True)
    return 0


def _line(dtype: str, pattern: str, shape: tuple[int, ...]) -> str:
    import einops as theirs

    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    given = torch.from_numpy(x).cuda().to(getattr(torch, dtype))
    want = theirs.reduce(given, pattern, "mean").cpu().view(torch.int16).numpy().view(np.uint16)
    y = mx.array(x).astype(getattr(mx, dtype))

    def mine() -> mx.array:
        return ours.reduce(y, pattern, "mean")

    def package() -> mx.array:
        return theirs.reduce(y, pattern, "mean")

    different = [int((_bits(f()) != want).sum()) for f in (mine, package)]
    with mx.stream(mx.cpu):
        different.append(int((_bits(mine()) != want).sum()))
    times = [_fastest(f) for f in (mine, package)]
    return (
        f"{dtype:8s} {pattern:14s} {'×'.join(map(str, shape)):12s} of {want.size:9,} differ: "
        f"ours {different[0]:,}, package {different[1]:,}, ours on the CPU {different[2]:,}; "
        f"{times[0]:.3f} ms beside {times[1]:.3f}: {times[0] / times[1]:.2f}"
    )


def _bits(x: mx.array) -> np.ndarray:
    return np.array(x.view(mx.uint16))


def _fastest(f: Callable[[], mx.array]) -> float:
    """Milliseconds of the fastest call."""
    for _ in range(3):
        mx.eval(f())
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        mx.eval(f())
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


if __name__ == "__main__":
    sys.exit(main())
