"""The verdict against known errors: every honest operation passes, the two bad ones fail, by the rules."""

import pytest

from parity import sides
from parity.case import named
from parity.dtypes import WORKING
from parity.judge import judge
from parity.spec import OpSpec

pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]

_TORCH, _MLX = "parity.calibration.torch_ops:", "parity.calibration.mlx_ops:"
_ROWS = {"x": "b l"}


def _spec(name: str, inputs: dict[str, str], base: dict[str, int], port: str = "") -> OpSpec:
    return OpSpec(
        f"calibration_{port or name}",
        reference=_TORCH + name,
        port=_MLX + (port or name),
        inputs=inputs,
        base=base,
        nonfinite="any",
        source="calibration",
        register=False,
    )


SPECS = {
    **{
        name: _spec(name, _ROWS, {"b": 4, "l": 4096})
        for name in ("exp", "erf", "tanh", "sin", "gelu", "silu")
    },
    **{name: _spec(name, _ROWS, {"b": 64, "l": 768}) for name in ("total", "mean", "layer_norm")},
    "softmax": _spec("softmax", _ROWS, {"b": 64, "l": 768}),
    "softmax_precise": _spec("softmax", _ROWS, {"b": 64, "l": 768}, port="softmax_precise"),
    **{
        f"matmul-{k}": _spec("matmul", {"a": "m k", "b": "k n"}, {"m": 32, "n": 32, "k": k})
        for k in (192, 768, 3072)
    },
    **{
        f"fft_convolution-{n}": _spec("fft_convolution", {"u": "d l", "k": "d l"}, {"d": 8, "l": n})
        for n in (64, 512, 8192)
    },
}

BAD = {("softmax", "float16"), ("softmax", "bfloat16")}
"""MLX accumulates a half-precision softmax in half precision unless it is told ``precise=True``."""


@pytest.mark.parametrize("dtype", WORKING)
@pytest.mark.parametrize("name", SPECS)
def test_calibration(name: str, dtype: str) -> None:
    """Sequential sums, other libraries' functions and FFTs are honest; half-precision accumulation is not."""
    side = sides.get("mlx")
    device = side.devices()[0]
    if device != "cpu":
        pytest.skip("the figures are of MLX's CPU operations")
    verdict = judge(named(SPECS[name], "", WORKING[dtype]), "mlx", device, seeds=5).verdicts["output"]
    assert verdict.status == ("fail" if (name, dtype) in BAD else "pass"), verdict.reasons
