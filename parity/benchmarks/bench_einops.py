"""Our einops beside the einops package on its own MLX backend: the same calls, timed in turn in one run.

Not collected by ``pytest parity/``: ``pytest parity/benchmarks/bench_einops.py -s``. ``call`` is what a call
costs on small arrays, which are not computed; ``work`` is the call and its result on large ones. Times are of
the processor, the fastest of rounds that take turns, so that another process on the machine changes little;
the ratio is ours over the package's.

The package wins in one place: means of half precision over arrays that are too large for the cache, which are
not the same numbers. Its backend calls ``mx.mean``, which rounds the sum to half precision, then 1/n, then
their product: up to three roundings, and infinity where a sum is over 65,504 in float16. Ours is PyTorch's:
the sum in float32, rounded once. No word of MLX adds half precision and gives float32, so ours has to
convert, in parts that stay in the cache. The profile ``fast`` takes MLX's own of bfloat16 there, whose errors
keep the gate: no slower than the package. ``canonical`` takes 0.6 to 1.1 times as long, 1.3 over short rows
of n ≠ 2ᵏ, and 1.8 to 2.6 over leading axes alone of n ≠ 2ᵏ, where MLX's own sum is as fast as memory. Of
float16 no profile takes MLX's, which overflows. On x86 MLX converts it one element at a time: 17 ms for 16
million, where its own sum takes 14 in all, so 1.2 to 1.5 times as long where the package does not transpose
(else 0.2 to 0.9). What is no faster there: a product with ones (23 to 27 ms), and the bits shifted and masked
as integers with two maxima that find what is not finite (10 to 13 ms on an idle machine, 17 to 20 on a busy
one, as it waits for memory). On a GPU: ``means_on_gpu``.

einops 0.8.2 cannot repeat on MLX at all (its backend's ``add_axes`` has other arguments than it is called
with): it is timed with the one of its base class.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import einops as ours
from mlx_impl import use

theirs = pytest.importorskip("einops", reason="the einops package is what ours is timed beside")

ROUNDS = 15
SECONDS = 0.01
"""A round takes about so long on either side."""


def _length(x: mx.array, axes: tuple[int, ...]) -> mx.array:
    return mx.sqrt(mx.sum(mx.square(x), axis=axes))


CALLS: dict[str, Callable[[Any, mx.array], Any]] = {
    "rearrange b h w c -> b h w c": lambda e, x: e.rearrange(x, "b h w c -> b h w c"),
    "rearrange b h w c -> b c h w": lambda e, x: e.rearrange(x, "b h w c -> b c h w"),
    "rearrange b h w c -> b (h w c)": lambda e, x: e.rearrange(x, "b h w c -> b (h w c)"),
    "rearrange b h w (d c) -> b h w d c": lambda e, x: e.rearrange(x, "b h w (d c) -> b h w d c", d=2),
    "rearrange b (h k) w c -> b h w (k c)": lambda e, x: e.rearrange(x, "b (h k) w c -> b h w (k c)", k=2),
    "rearrange b ... c -> (...) b c": lambda e, x: e.rearrange(x, "b ... c -> (...) b c"),
    "rearrange [b] ... -> ... b": lambda e, x: e.rearrange([x, x], "b ... -> ... b"),
    "rearrange [b] h w c -> h b w c, 30 arrays": lambda e, x: e.rearrange([x] * 30, "b i h w c -> i h b w c"),
    "rearrange [b] of 100 rows": lambda e, x: e.rearrange([x[0, 0]] * 100, "b w c -> w b c"),
    "reduce b h w c -> b c mean": lambda e, x: e.reduce(x, "b h w c -> b c", "mean"),
    "reduce b h w c -> b h w mean": lambda e, x: e.reduce(x, "b h w c -> b h w", "mean"),
    "reduce b h w c -> b 1 1 c max": lambda e, x: e.reduce(x, "b h w c -> b 1 1 c", "max"),
    "reduce b h w c -> c b sum": lambda e, x: e.reduce(x, "b h w c -> c b", "sum"),
    "reduce pool 2 x 2 max": lambda e, x: e.reduce(x, "b (h k) (w l) c -> b h w c", "max", k=2, l=2),
    "reduce ... -> prod": lambda e, x: e.reduce(x, "... ->", "prod"),
    "reduce b h w c -> h any": lambda e, x: e.reduce(x, "b h w c -> h", "any"),
    "reduce b h w c -> b h a function": lambda e, x: e.reduce(x, "b h w c -> b h", _length),
    "repeat b h w c -> n b h w c": lambda e, x: e.repeat(x, "b h w c -> n b h w c", n=2),
    "repeat b h w c -> b h w c n": lambda e, x: e.repeat(x, "b h w c -> b h w c n", n=2),
    "repeat b h w c -> b (h n) (w m) c": lambda e, x: e.repeat(x, "b h w c -> b (h n) (w m) c", n=2, m=2),
    "einsum b h w c, b h v c -> b h w v": lambda e, x: e.einsum(x, x, "b h w c, b h v c -> b h w v"),
    "einsum b h w c, b h w d -> c d": lambda e, x: e.einsum(x, x, "b h w c, b h w d -> c d"),
    "einsum b h w c, b h w c -> b h": lambda e, x: e.einsum(x, x, "b h w c, b h w c -> b h"),
    "einsum b h w c -> c": lambda e, x: e.einsum(x, "b h w c -> c"),
    "einsum of three": lambda e, x: e.einsum(x, x[0, 0, 0], x[0, 0, 0], "b h w c, c, d -> b h w d"),
    "pack b h *": lambda e, x: e.pack([x, x], "b h *")[0],
    "pack b * c": lambda e, x: e.pack([x, x[:, 0]], "b * c")[0],
    "unpack b h * c": lambda e, x: e.unpack(x, [[1], [-1]], "b h * c"),
    "unpack b h w *": lambda e, x: e.unpack(x, [[1, 2], [2, -1]], "b h w *"),
    "parse_shape b _ w c": lambda e, x: e.parse_shape(x, "b _ w c"),
}
SHAPES = {"call": (2, 4, 6, 8), "work": (8, 64, 64, 64)}
MEANS = {
    "b h w c ->": (64, 64, 64, 64),
    "b h w c -> b": (64, 64, 64, 63),
    "b h w c -> b h": (64, 64, 61, 64),
    "b h w c -> b h w": (64, 64, 64, 63),
    "b h w c -> h w c": (63, 64, 64, 64),
    "b h w c -> c": (65, 64, 64, 63),
    "b h w c -> w": (65, 64, 64, 63),
    "b h w c -> b c": (64, 63, 64, 64),
    "b (h 2) (w 2) c -> b h w c": (64, 64, 64, 64),
}


@pytest.fixture(autouse=True, scope="module")
def _repaired() -> Iterator[None]:
    """The package's backend with an `add_axes` that it can call."""
    from einops import _backends

    kind = _backends.MLXBackend
    with pytest.MonkeyPatch.context() as patch:
        if kind.add_axes.__code__.co_argcount == 3:
            patch.setattr(kind, "add_axis", kind.add_axes, raising=False)
            patch.setattr(kind, "add_axes", _backends.AbstractBackend.add_axes)
        yield


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("what", "dtype"), [("call", "float32"), ("work", "float32"), ("work", "bfloat16")])
def test_beside_the_package(name: str, what: str, dtype: str, benchmark: Any) -> None:
    """Microseconds of ours, of the package, and their ratio."""
    x = mx.random.uniform(0.5, 1.5, SHAPES[what]).astype(getattr(mx, dtype))
    mx.eval(x)
    call = CALLS[name]

    def run(package: Any) -> Callable[[], None]:
        def once() -> None:
            found = call(package, x)
            if what == "work" and not isinstance(found, dict):
                mx.eval(found)

        return once

    mine, other = _in_turn(run(ours), run(theirs))
    benchmark.group = f"{what} {dtype}"
    benchmark.extra_info["ratio"] = mine / other
    benchmark.pedantic(run(ours), rounds=5, iterations=1)
    times = f"{mine * 1e6:10.2f} µs{other * 1e6:10.2f} µs  ratio {mine / other:5.2f}"
    print(f"\n{what} {dtype:9}{times}  {name}", end="")


@pytest.mark.parametrize("pattern", MEANS)
@pytest.mark.parametrize(
    ("dtype", "profile"), [("float16", "canonical"), ("bfloat16", "canonical"), ("bfloat16", "fast")]
)
def test_means_of_large_half_precision(pattern: str, dtype: str, profile: str, benchmark: Any) -> None:
    """Milliseconds of ours, of the package, their ratio, and the largest error of each in units of 2⁻ᵖ."""
    shape = MEANS[pattern]
    exact = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(np.float32)
    x = mx.array(exact).astype(getattr(mx, dtype))
    mx.eval(x)
    exact = np.array(x.astype(mx.float32)).astype(np.float64)
    mean = theirs.reduce(exact, pattern, "mean")

    def run(package: Any) -> Callable[[], None]:
        def once() -> None:
            with use(profile):
                mx.eval(package.reduce(x, pattern, "mean"))

        return once

    def off(package: Any) -> float:
        with use(profile):
            found = np.array(package.reduce(x, pattern, "mean").astype(mx.float32)).astype(np.float64)
        return float(np.max(np.abs(found - mean) / mean) * 2.0 ** {"float16": 11, "bfloat16": 8}[dtype])

    mine, other = _in_turn(run(ours), run(theirs))
    benchmark.group = f"mean {dtype} {profile}"
    benchmark.extra_info |= {"ratio": mine / other, "error": off(ours), "error of the package": off(theirs)}
    benchmark.pedantic(run(ours), rounds=3, iterations=1)
    times = f"{mine * 1e3:7.1f} ms{other * 1e3:7.1f} ms  ratio {mine / other:5.2f}"
    print(
        f"\nmean {dtype:9}{profile:10}{times}  off by {off(ours):5.2f} and {off(theirs):5.2f}  {pattern}",
        end="",
    )


def _in_turn(mine: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """The seconds that a call takes on each side, in the fastest of the rounds."""
    mine()
    other()
    start = time.process_time()
    other()
    calls = max(1, int(SECONDS / max(time.process_time() - start, 1e-7)))
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for side, once in enumerate((mine, other)):
            start = time.process_time()
            for _ in range(calls):
                once()
            best[side] = min(best[side], (time.process_time() - start) / calls)
    return best[0], best[1]
