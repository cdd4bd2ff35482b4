"""``parity run --checkpoint``: two readers that must agree, tokens from text, what narrow weights cost."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch

from mlx_impl.checkpoint import convert
from parity import errors
from parity.cli import main
from parity.errors import ParityError, UsageError
from parity.given import Trained
from parity.record import read_rows
from parity.specs.checkpoints import same_bits, trained
from parity.text import from_ids, from_text

from .published import LAYOUTS, Layout

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "cat",
    "sat",
    "on",
    "mat",
    "dog",
    "##s",
    ".",
    "ran",
]


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A checkpoint with a list of word pieces, and a text."""
    pytest.importorskip("tokenizers", reason="texts need the extra 'text'")
    folder = tmp_path / "spoken"
    folder.mkdir()
    layout = Layout("one layer", 8, 8, more={"num_hidden_layers": 1})
    torch.save(layout.state(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(layout.config()))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "text.txt").write_text("The cat sat.\n\nDogs ran on the mat.\n  The mat\n", encoding="utf-8")
    return folder


@pytest.mark.parity_slow
def test_sentences_through_both_models(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every layer judged on the text, a row for each sentence, the cost of four bits beside."""
    port = tmp_path / "port"
    assert main(["convert", str(spoken), str(port), "--dtype", "float16"]) == errors.EXIT_OK
    words = ["--checkpoint", str(spoken), "--text", str(tmp_path / "text.txt"), "--port", str(port)]
    capsys.readouterr()
    assert main(["run", *words, "--seeds", "3", "--out", str(tmp_path / "r")]) == errors.EXIT_OK
    printed = capsys.readouterr()
    rows = list(read_rows(tmp_path / "r" / "rows.jsonl"))
    traced = [r for r in rows if r.kind == "trace"]
    assert {"logits", "bert.encoder.layer.0", "bert.encoder.layer.0.mlp/gate#0"} <= {r.result for r in traced}
    assert all(r.seeds == 3 and r.status == "pass" for r in traced)
    sentences = [r for r in rows if "-sequence-" in r.id]
    notes = ["6 tokens: The cat sat.", "8 tokens: Dogs ran on the mat.", "4 tokens: The mat"]
    assert [r.notes for r in sentences] == [(note,) for note in notes]
    assert all(r.status == "pass" for r in sentences)
    noted = next(r for r in traced if r.result == "logits")
    assert any("equal bit for bit in both sides' readers" in note for note in noted.notes)
    drift = {r.result: r for r in rows if r.kind == "drift" and r.rule == "information"}
    assert drift["logits"].figures["narrow"] > 10 * drift["logits"].figures["port"] > 0
    weights = [r for r in rows if "-weights-" in r.id]
    assert weights
    assert all(r.status == "pass" for r in weights)
    assert "what narrower weights cost" in printed.out
    text = (tmp_path / "r" / "report.md").read_text()
    assert "## What narrower weights cost" in text
    assert "Dogs ran on the mat." in text
    assert "3 sequences, 1 cut to 8 tokens" in next(r.case for r in traced)


@pytest.mark.parity_slow
def test_a_bug_is_found_with_trained_weights_too(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words of the port are the ones that run; without text, tokens come from the seed."""
    swap = ["--swap", "mlx_impl.ops.gelu=parity.mutants.bugs.activations:gelu_tanh"]
    out = ["--seeds", "1", "--out", str(tmp_path / "r")]
    assert main(["run", "--checkpoint", str(good), "--length", "8", *swap, *out]) == errors.EXIT_MISMATCH
    assert "gelu" in capsys.readouterr().out
    row = next(r for r in read_rows(tmp_path / "r" / "rows.jsonl") if r.status == "fail")
    assert f"--checkpoint {good}" in row.repeat
    assert "--length 8" in row.repeat
    assert "--dtypes f32 --seed 0" in row.repeat


def test_both_readers_agree_on_every_layout(tmp_path: Path) -> None:
    """PyTorch's loaders and the port's own; longer positions made on each side too."""
    for layout in (LAYOUTS[0], LAYOUTS[5]):
        path = tmp_path / f"{layout.name}.pt"
        torch.save(layout.state(), path)
        found = trained(path)
        assert found.spec == ("BertModel" if layout.retrieval else "BertForMaskedLM")
        assert found.length == layout.length
        convert(path, tmp_path / layout.name, dtype="bfloat16")
        again = trained(tmp_path / layout.name)
        assert set(again.parameters) == set(found.parameters)
        assert again.folder == str(tmp_path / layout.name)
        longer = trained(path, length=4 * layout.length)
        assert longer.length == 4 * layout.length
        assert any("extended" in note for note in longer.notes)


def test_readers_that_differ_are_an_error(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bit of one tensor is enough, and it is named."""
    from reference import checkpoint

    plain = checkpoint.read

    def one_bit_off(paths: Any) -> Any:
        found = plain(paths)
        name = "bert.encoder.layer.1.mlp.wo.bias"
        bits = found[name].view(torch.int32).clone()
        bits[3] ^= 1
        return found | {name: bits.view(torch.float32)}

    monkeypatch.setattr(checkpoint, "read", one_bit_off)
    with pytest.raises(ParityError, match=r"differ in 1 tensors: bert\.encoder\.layer\.1\.mlp\.wo\.bias"):
        trained(good)


def test_same_bits() -> None:
    """Not the same values: negative zeros differ, NaN with the same payload do not."""
    zero = np.zeros(2, np.float32)
    assert not same_bits(zero, -zero)
    assert same_bits(np.full(2, np.nan), np.full(2, np.nan))
    assert not same_bits(zero, zero.astype(np.float16))
    assert not same_bits(zero, zero[:1])


def _model(folder: Path, **more: Any) -> Trained:
    keys: dict[str, Any] = {"spec": "BertForMaskedLM", "arguments": {}, "parameters": {}, "title": "x"}
    keys |= {"folder": str(folder), "length": 8, "vocabulary": 40, "padding": 0}
    return Trained(**(keys | more))


def test_text_to_tokens(spoken: Path, tmp_path: Path) -> None:
    """As BERT's tokenizer does: lower case, word pieces, [CLS] and [SEP]; cut and filled up with a mask."""
    found = from_text(tmp_path / "text.txt", _model(spoken), 7)
    assert found.ids == ((2, 5, 6, 7, 12, 3), (2, 10, 11, 13, 8, 5, 9), (2, 5, 9, 3))
    assert found.cut == 1
    inputs = found.inputs(2)
    assert inputs["input_ids"].tolist() == [[2, 5, 9, 3, 0, 0, 0]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0, 0]]
    assert inputs["input_ids"].dtype == np.int32


def test_a_whole_tokenizer_goes_first(spoken: Path, tmp_path: Path) -> None:
    """tokenizer.json, its own padding and cutting put aside."""
    import tokenizers

    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"the": 7, "[UNK]": 9}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.enable_padding(length=50)
    made.enable_truncation(1)
    made.save(str(spoken / "tokenizer.json"))
    assert from_text(tmp_path / "text.txt", _model(spoken), 7).ids[2] == (9, 9)


def test_upper_case_where_told(spoken: Path, tmp_path: Path) -> None:
    """tokenizer_config.json says whether case matters."""
    (spoken / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    assert from_text(tmp_path / "text.txt", _model(spoken), 7).ids[0] == (2, 1, 6, 7, 12, 3)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt", "tokenizer_config.json"])
def test_tokenizers_that_are_links_out_of_the_folder(name: str, spoken: Path, tmp_path: Path) -> None:
    """Are refused, as by a conversion; within the folder, or where a download keeps files, they are fine."""
    (tmp_path / "text").write_text("a\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    file = spoken / name
    text = file.read_text() if file.exists() else "{}"
    file.unlink(missing_ok=True)
    (outside / name).write_text(text)
    file.symlink_to(outside / name)
    with pytest.raises(ParityError, match=r"is a link out of the folder, to .*; copy the file itself there"):
        from_text(tmp_path / "text", _model(spoken), 4)
    if name == "vocab.txt":
        assert from_text(tmp_path / "text", _model(spoken, root=str(tmp_path)), 4).ids


def test_token_ids_from_a_file(tmp_path: Path) -> None:
    """A sequence a line."""
    (tmp_path / "ids").write_text("1 2 3\n\n4,5, 6\n")
    found = from_ids(tmp_path / "ids", _model(tmp_path), 8)
    assert found.ids == ((1, 2, 3), (4, 5, 6))
    assert found.names == ("line 1", "line 3")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no token ids"),
        (b"1 x", "no line of token ids"),
        (b"1 40", "0 to 39"),
        (b"-1", "0 to 39"),
        (b"\xff", "UTF-8"),
    ],
)
def test_tokens_that_are_none(text: bytes, says: str, tmp_path: Path) -> None:
    """Are errors that say which."""
    (tmp_path / "ids").write_bytes(text)
    with pytest.raises(UsageError, match=says):
        from_ids(tmp_path / "ids", _model(tmp_path), 8)


def test_texts_that_are_none(spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text, no tokenizer, none that can be read, one of another model, no package."""
    text = tmp_path / "text.txt"
    with pytest.raises(UsageError, match="cannot be read"):
        from_text(tmp_path / "nowhere", _model(spoken), 8)
    with pytest.raises(UsageError, match=r"neither tokenizer\.json nor vocab\.txt"):
        from_text(text, _model(tmp_path), 8)
    with pytest.raises(UsageError, match="0 to 3"):
        from_text(text, _model(spoken, vocabulary=4), 8)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(UsageError, match=r"m2bert-parity\[text\]"):
            from_text(text, _model(spoken), 8)
    (spoken / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        from_text(text, _model(spoken), 8)
    (tmp_path / "empty").write_text("\n \n")
    with pytest.raises(UsageError, match="no sentence"):
        from_text(tmp_path / "empty", _model(spoken), 8)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "--text", "x"], errors.EXIT_USAGE, "--text goes with --checkpoint"),
        (["run", "--port", "x"], errors.EXIT_USAGE, "--port goes with --checkpoint"),
        (["run", "--checkpoint", "x", "--case", "gelu"], errors.EXIT_USAGE, "seeded weights"),
        (["run", "--checkpoint", "x", "--text", "a", "--tokens", "b"], errors.EXIT_USAGE, "give one"),
        (["run", "--checkpoint", "x", "--length", "0"], errors.EXIT_USAGE, "at least 1"),
        (["convert", "x"], errors.EXIT_USAGE, "--help"),
        (["convert", "x", "y", "--extend", "copies"], errors.EXIT_USAGE, "--length"),
        (["convert", "x", "y", "--group-size", "32"], errors.EXIT_USAGE, "--quantize"),
        (["convert", "x", "y", "--length", "0"], errors.EXIT_USAGE, "at least 1"),
        (["convert", "nowhere", "y"], errors.EXIT_MISMATCH, "nowhere is not a file"),
    ],
)
def test_mistakes(
    words: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the value, and the exit code."""
    if words[0] == "run":
        words = [*words, "--out", str(tmp_path)]
    assert main(words) == code
    assert says in capsys.readouterr().err


def test_convert_says_what_it_did(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Read, inferred, assumed, ignored, mapped, written; the same as JSON."""
    words = ["convert", str(good / "pytorch_model.bin"), str(tmp_path / "out")]
    assert main([*words, "--json"]) == errors.EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert found["tensors"] == 130
    assert found["dtypes"] == {"I64": 1, "F32": 129}
    assert found["tied"] == 21
    assert found["ignored"]
    assert main([*words[:2], str(tmp_path / "longer"), "--length", "16"]) == errors.EXIT_OK
    printed = capsys.readouterr().out
    for part in (
        "read ",
        "sha256",
        "model ",
        "inferred",
        "ignored",
        "mapped",
        "wrote",
        "note ",
        "first block",
    ):
        assert part in printed, part


@pytest.mark.parametrize("word", ["[SEP]", "[CLS]", "[UNK]"])
def test_a_vocabulary_without_a_token(word: str, spoken: Path) -> None:
    """Is named with the token that it lacks."""
    (spoken / "vocab.txt").write_text("\n".join(w for w in WORDS if w != word) + "\n")
    with pytest.raises(UsageError, match=rf"has no \{word}, which BERT's tokenizer needs"):
        from_text(spoken.parent / "text.txt", trained(spoken), 8)
