"""Real sentences as inputs: one a line, in tokens of the checkpoint's own vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .dtypes import AnyArray
from .errors import ParityError, UsageError
from .given import Trained

LARGEST = 64 << 20
EXTRA = "pip install 'm2bert-parity[text]'"


@dataclass(frozen=True)
class Tokens:
    """Sequences of token ids, cut to a length, and what they are called in a report."""

    ids: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    length: int
    padding: int
    cut: int = 0

    def inputs(self, i: int) -> dict[str, AnyArray]:
        """The i-th sequence: ids filled up to the length, and a mask that is 0 there.

        The canonical encoder fills up to the full length too: a Monarch Mixer has no mask in its
        convolutions, so that what it computes depends on it.
        """
        row = self.ids[i % len(self.ids)]
        ids = np.full((1, self.length), self.padding, dtype=np.int32)
        ids[0, : len(row)] = row
        mask = np.zeros((1, self.length), dtype=np.int32)
        mask[0, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}


def from_text(path: Path, model: Trained, length: int) -> Tokens:
    """The sentences of a file in the tokens of a checkpoint's tokenizer.json or vocab.txt.

    Raises: UsageError if there is no sentence or no tokenizer, or it has more tokens than the model.
    """
    sentences = [line.strip() for line in _lines(path) if line.strip()]
    if not sentences:
        raise UsageError(f"{path} has no sentence: write one a line")
    tokenizer = _tokenizer(model)
    rows = [list(tokenizer.encode(sentence).ids) for sentence in sentences]
    return _made(path, rows, sentences, model, length)


def from_ids(path: Path, model: Trained, length: int) -> Tokens:
    """Token ids from a file: a sequence a line, numbers apart by spaces or commas.

    Raises: UsageError if there is none, or one is no token of the model.
    """
    rows, names = [], []
    for number, line in enumerate(_lines(path), start=1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([int(word) for word in words])
        except ValueError:
            raise UsageError(f"{path}:{number}: {line.strip()[:60]!r} is no line of token ids") from None
        names.append(f"line {number}")
    if not rows:
        raise UsageError(f"{path} has no token ids: write a sequence a line, numbers apart by spaces")
    return _made(path, rows, names, model, length)


def _made(path: Path, rows: Sequence[list[int]], names: Sequence[str], model: Trained, length: int) -> Tokens:
    for name, row in zip(names, rows, strict=True):
        bad = [i for i in row if not 0 <= i < model.vocabulary]
        if bad:
            raise UsageError(
                f"{path}: {name[:60]!r} has token {bad[0]}, the model knows 0 to {model.vocabulary - 1}; "
                "is the tokenizer the checkpoint's?"
            )
    cut = sum(len(row) > length for row in rows)
    ids = tuple(tuple(row[:length]) for row in rows)
    return Tokens(ids, tuple(names), length, model.padding, cut)


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} has more than {LARGEST:,} bytes: give a part of it")
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from None


def _tokenizer(model: Trained) -> Any:
    """The tokenizer beside a checkpoint: whole, or made from its list of word pieces as BERT's is.

    Raises: UsageError if there is none, the package is missing, or the file cannot be read.
    """
    whole, pieces = model.beside("tokenizer.json"), model.beside("vocab.txt")
    if whole is None and pieces is None:
        raise UsageError(
            f"{model.folder} has neither tokenizer.json nor vocab.txt: put one there, or give --tokens"
        )
    try:
        import tokenizers
    except ImportError:
        raise UsageError(f"--text needs the package tokenizers: {EXTRA}; or give --tokens FILE") from None
    try:
        if whole is None:
            assert pieces is not None
            return _of_pieces(tokenizers, pieces, model.beside("tokenizer_config.json"))
        found = tokenizers.Tokenizer.from_file(str(whole))
    except ParityError:
        raise
    except Exception as error:  # the package raises plain ones
        raise UsageError(f"the tokenizer in {model.folder} cannot be read: {str(error)[:200]}") from error
    found.no_padding()
    found.no_truncation()
    return found


def _of_pieces(tokenizers: Any, pieces: Path, told: Path | None) -> Any:
    """BERT's tokenizer from vocab.txt: lower case unless tokenizer_config.json says otherwise."""
    import json

    settings: dict[str, Any] = {}
    if told is not None:
        settings = json.loads(told.read_text("utf-8"))
    vocabulary = {word: i for i, word in enumerate(pieces.read_text("utf-8").splitlines())}
    missing = [word for word in ("[UNK]", "[CLS]", "[SEP]") if word not in vocabulary]
    if missing:
        raise UsageError(
            f"{pieces} has no {' and no '.join(missing)}, which BERT's tokenizer needs: "
            "put the checkpoint's own vocab.txt there, or give --tokens FILE"
        )
    found = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    lower = bool(settings.get("do_lower_case", True))
    found.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lower)
    found.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    found.post_processor = tokenizers.processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return found
