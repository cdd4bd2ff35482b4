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
    # Of a gradient of 4·exp(−2x), which 1 − tanh² has none of: the oracle has to have it.
    "BertPooler;b=1;l=1;d=1;arg.hidden_size=1;arg.intermediate_size=2;arg.max_position_embeddings=1"
    ";arg.long_conv_l_max=1;arg.hidden_dropout_prob=0.0;arg.vocab_size=97;arg.hyena_filter_order=8"
    ";arg.hyena_emb_dim=5;arg.pool_all=False;dtype=f32;kind=offset;seed=0;vjp",
    # A subnormal factor read as zero, times a large one.
    "exponential_modulation;l=1;d=1;opt.shift=0.0;dtype=f32;kind=cancel;seed=406;vjp",
    # Subnormal half-precision numbers are whole units in the last place: their errors lean.
    "fftconv;b=1;d=26;l=26;opt.gelu=True;dtype=f16;kind=subnormal;seed=0;vjp",
    # A result where overflow begins, behind others that were rounded to half precision.
    "blockdiag_glu;b=3;l=241;k=4;q=3;p=1;dtype=f16;kind=offset;seed=63151;vjp",
    # A gradient that is infinite in half precision, times a padding of zeros.
    "BertLayer;b=1;l=1;d=5;arg.hidden_size=5;arg.intermediate_size=10;arg.max_position_embeddings=1"
    ";arg.long_conv_l_max=1;arg.hidden_dropout_prob=0.0;arg.vocab_size=97;arg.hyena_filter_order=8"
    ";arg.hyena_emb_dim=5;arg.use_monarch_mlp=True;arg.use_glu_mlp=True;arg.residual_long_conv=True"
    ";arg.bidirectional=True;arg.hyena_w=1;arg.hyena_w_mod=2;arg.hyena_training_additions=False"
    ";arg.hyena_lr_pos_emb=1e-05;dtype=f16;kind=offset;seed=0;vjp",
    # Products of inputs near 10⁴, whose variance overflows on both sides: NaN in PyTorch, 0 in MLX.
    "BertLayer;b=1;l=1;d=5;arg.hidden_size=5;arg.intermediate_size=10;arg.max_position_embeddings=1"
    ";arg.long_conv_l_max=1;arg.hidden_dropout_prob=0.0;arg.vocab_size=97;arg.hyena_filter_order=8"
    ";arg.hyena_emb_dim=5;arg.use_monarch_mlp=True;arg.use_glu_mlp=True;arg.residual_long_conv=False"
    ";arg.bidirectional=False;arg.hyena_w=1;arg.hyena_w_mod=1;arg.hyena_training_additions=False"
    ";arg.hyena_lr_pos_emb=1e-05;dtype=f32;kind=wide;seed=14867;vjp",
    # Too few inputs to decide, until more are drawn.
    "cross_entropy;n=33;c=2;dtype=f32;kind=offset;layout=broadcast;seed=102",
)

EXECUTED = (
    # GELU in its lower tail, where 1 + erf is zero and the kernel is right: the oracle has to be right too.
    "blockdiag_glu;b=1;l=1;k=1;q=2;p=2;dtype=f32;kind=integers;seed=259",
    # A cotangent times a gate, that cancels in a tap's sum: half precision must not round it before.
    "gated_long_conv;b=2;d=1;l=2;m=1;dtype=bf16;kind=grid;seed=2297;vjp",
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
