"""A port that says several words as one while nobody listens: what is wrong there is not lost."""

import dataclasses
from pathlib import Path

import pytest

from parity import numerics
from parity.case import Case
from parity.drift.finding import AS_ONE, HOLDS, Finding
from parity.drift.investigate import investigate
from parity.msl import compiler
from parity.nodes import Target
from parity.settings import Settings
from parity.swap import swapped
from parity.tests.drift.conftest import CULPRITS

pytestmark = [
    pytest.mark.parity_live,
    pytest.mark.parity_slow,
    pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not())),
]

CASE = (
    "MonarchMixerSequenceMixing;b=1;l=8;d=4;arg.d_model=4;arg.l_max=8;arg.bidirectional=False;arg.residual_long_conv=False"
    ";arg.hyena_training_additions=False;arg.hyena_emb_dim=3;arg.hyena_filter_order=4;arg.hyena_w=1;arg.hyena_w_mod=1"
    ";arg.hyena_lr_pos_emb=1e-05;dtype=f32;seed=0"
)
SWAP = f"mlx_impl.ops.gated_long_conv={CULPRITS}:gated_long_conv_skips_more"


def _found(folder: Path, swaps: tuple[str, ...]) -> Finding:
    settings = dataclasses.replace(Settings(), out=folder, swap=swaps, seeds=1, numerics="fast")
    with numerics.chosen("fast"), swapped(swaps):
        return investigate(Case.parse(CASE), Target("msl", "cpu", "msl"), settings, repeat="")


def test_a_fused_word_is_found(tmp_path: Path) -> None:
    """Word by word the layer holds; as it runs it does not, and the fused word's own spec says why."""
    finding = _found(tmp_path, (SWAP,))
    assert finding.kind == AS_ONE
    assert "hyena_filter_forward" in finding.text
    text = "\n".join(finding.lines())
    assert "gated_long_conv FAILS by its own spec" in text
    assert "gated_short_conv FAILS" not in text
    assert f"--swap {SWAP}" in text


def test_fused_words_that_are_right(tmp_path: Path) -> None:
    """Then the layer holds."""
    assert _found(tmp_path, ()).kind == HOLDS
