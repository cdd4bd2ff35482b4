"""Cases on which long searches were red, for a fault of the port or for one of the verdict."""

import pytest

from parity import sides
from parity.case import Case
from parity.judge import SEEDS, judge

pytestmark = pytest.mark.parity_live

OF_THE_PORT = (
    # A large cotangent times a density of zero is no number, where the gradient is derived from the formula.
    "blockdiag_glu;b=1;l=1;k=3;q=2;p=16;dtype=f32;kind=large;seed=1;vjp",
    "monarch_mlp_forward;b=1;l=1;d=1;k=1;p=1;f=2;q=2;r=1;s=2;opt.gated=True;opt.features=2;dtype=f16"
    ";kind=cancel;seed=0;vjp",
    # x/y/y is finite where 1/y is not.
    "safe_divide;b=1;l=31;opt.default=0.0;dtype=f32;kind=subnormal;seed=0;vjp",
)

OF_THE_VERDICT = (
    # A bias that is larger than all terms, added first: each addition rounds at its size.
    "linear;b=3;l=16;i=192;o=1;dtype=f32;kind=small;layout=strided;seed=0;vjp",
    # Taps that meet nothing but padding.
    "conv1d;b=1;g=2;i=1;o=1;k=3;l=1;opt.stride=1;opt.padding=2;opt.dilation=2;opt.groups=2;dtype=f32;kind=nan"
    ";seed=0",
    # Where the reference overflows and the port does not.
    "blockdiag_glu;b=2;l=257;k=1;q=16;p=1;dtype=f16;kind=cancel;seed=0;vjp",
    # A gradient of one element, that half precision happens to get right in the reference.
    "hyena_filter_forward;d=5;l=2;e=5;o=1;j=1;opt.w_mod=2.0;opt.modulate=False;opt.shift=0.0"
    ";opt.normalized=False;dtype=f16;seed=22257;vjp",
    # A lean of 1.02 times what is allowed, in twelve inputs.
    "column_attention;b=1;d=23;l=16;dtype=bf16;seed=0;vjp",
    # Too few inputs to decide, until more are drawn.
    "cross_entropy;n=33;c=2;dtype=f32;kind=offset;layout=broadcast;seed=102",
)

EXECUTED = (
    # GELU in its lower tail, where 1 + erf is zero and the kernel is right: the oracle has to be right too.
    "blockdiag_glu;b=1;l=1;k=1;q=2;p=2;dtype=f32;kind=integers;seed=259",
)


@pytest.mark.parametrize(
    ("text", "side"),
    [(text, "mlx") for text in (*OF_THE_PORT, *OF_THE_VERDICT)] + [(text, "msl") for text in EXECUTED],
)
def test_a_hard_case_holds(text: str, side: str) -> None:
    """The verdict on a case that was red."""
    reason = sides.why_not(side)
    if reason is not None:
        pytest.skip(reason)
    judgement = judge(Case.parse(text), side, "cpu", seeds=SEEDS["quick"])
    assert judgement.status == "pass", judgement.worst
