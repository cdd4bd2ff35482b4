"""Means of bfloat16 by einops in each numerical profile, beside PyTorch's: what rounding on the way costs."""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from parity import sides
from parity.dtypes import Float64
from parity.floor import norms
from parity.inputs import generator
from parity.record import Row
from parity.rules import MAX_LIMIT, RMS_LIMIT

TITLE = "Error of bfloat16 means by einops, in units of 2⁻⁸ of the result, uniform input in [0.5, 1.5)"
SHAPE = (63, 31, 45)
PATTERNS = ("a b c -> a", "a b c -> c", "a b c -> a b", "a b c -> b c")


def errors(pattern: str) -> dict[str, Float64]:
    """By profile, and of PyTorch where it is installed: the error of each result over the exact one."""
    import mlx_impl
    from mlx_impl import einops

    values = generator("means", pattern).uniform(0.5, 1.5, SHAPE).astype(np.float32)
    x = mx.astype(mx.array(values), mx.bfloat16)
    wide = np.array(mx.astype(x, mx.float32)).astype(np.float64)
    left, right = (side.split() for side in pattern.split("->"))
    axes = tuple(i for i, name in enumerate(left) if name not in right)
    exact = wide.mean(axes)
    found = {}
    for name in mlx_impl.PROFILES:
        with mlx_impl.use(name):
            y = einops.reduce(x, pattern, "mean")
        found[name] = np.array(mx.astype(y, mx.float32)).astype(np.float64)
    if sides.why_not("torch") is None:
        import torch

        mean = torch.from_numpy(wide).to(torch.bfloat16).mean(axes)
        found["PyTorch"] = mean.double().numpy()
    return {name: (y - exact) / exact * 2.0**8 for name, y in found.items()}


def rows(repeat: str) -> Iterator[Row]:
    """A row for each pattern: it holds if every profile is within the gate of PyTorch's error."""
    reason = sides.why_not("torch")
    if reason is not None:
        yield Row(kind="accuracy", id="accuracy-mean", status="not run", side="mlx", reasons=(reason,))
        return
    for order, pattern in enumerate(PATTERNS):
        found = errors(pattern)
        sizes = {name: norms(e) for name, e in found.items()}
        rms, largest = RMS_LIMIT * sizes["PyTorch"][0], MAX_LIMIT * sizes["PyTorch"][1]
        reasons = [
            f"{name}: {have[0]:.2g} RMS (gate {rms:.2g}), {have[1]:.2g} (gate {largest:.2g})"
            for name, have in sizes.items()
            if not (have[0] <= rms and have[1] <= largest)
        ]
        figures: dict[str, object] = {"title": TITLE, "order": order}
        figures |= {
            f"{name}, {what}": s
            for name, size in sizes.items()
            for what, s in zip(("RMS", "largest"), size, strict=True)
        }
        yield Row(
            kind="accuracy",
            id=f"accuracy-mean-{order}",
            status="fail" if reasons else "pass",
            spec="einops.reduce",
            side="mlx",
            device="cpu",
            dtype="bfloat16",
            case=pattern,
            rule=f"{RMS_LIMIT:g} × PyTorch's error, {MAX_LIMIT:g} × the largest",
            reasons=tuple(reasons),
            n=found["PyTorch"].size,
            seeds=1,
            figures=figures,
            repeat=repeat,
        )
