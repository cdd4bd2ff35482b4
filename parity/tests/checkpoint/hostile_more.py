"""More checkpoints that must never get in: lists that lie, pickles that unfold, links and pipes beside."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .hostile import CORPUS, _config, _folder, _saved, entry, hostile, old, rewritten, safetensors
from .published import LAYOUTS

_TOP = "model"

# -- lists of members -------------------------------------------------------------------------------------


def _ended(folder: Path, count: int, size: int, *, wide: bool = False, offset: bytes = b"") -> Path:
    """A good zip file whose end says that its list has so many members and bytes."""
    path = rewritten(folder, lambda members: members)
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\5\6")
    if wide:
        record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
        tail = bytearray(data[end:])
        tail[8:20] = b"\xff" * 12
        data[end:] = record + locator + tail
    else:
        data[end + 8 : end + 16] = struct.pack("<HHI", count, count, size)
        data[end + 16 : end + 20] = offset or data[end + 16 : end + 20]
    path.write_bytes(data)
    return path


def _end(name: str, says: str, *numbers: int, **options: Any) -> None:
    CORPUS[f"zip-list-{name}"] = (lambda folder: _ended(folder, *numbers, **options), says)


_end("of-60000", "60,000 members", 60_000, 100)
_end("of-a-gigabyte", "a list of members of 1,073,741,824 bytes", 10, 1 << 30)
_end("of-a-trillion", "1,099,511,627,776 members", 1 << 40, 1 << 46, wide=True)
_end("of-exabytes", "a list of members of", 10, 1 << 60, wide=True)
_end("of-65535-and-no-wider-end", "65,535 members", 0xFFFF, 0xFFFFFFFF)
_end("with-an-end-within-the-end", "a list of members of", 10, 1 << 30, offset=b"PK\5\6")
_end("of-nothing", "0 data.pkl", 0, 0)
_end("longer-than-the-file", "damaged", 10, 1 << 22)


@hostile("700 bytes after the end of the zip file")
def _zip_with_more_behind(folder: Path) -> Path:
    path = rewritten(folder, lambda members: members)
    path.write_bytes(path.read_bytes() + b"program" * 100)
    return path


@hostile("protocol 99, the newest is 5")
def _pickle_of_a_protocol_to_come(folder: Path) -> Path:
    def newer(members: dict[str, bytes]) -> None:
        name = next(n for n in members if n.endswith("data.pkl"))
        members[name] = b"\x80\x63" + members[name][2:]

    return rewritten(folder, newer)


def _out(name: str, member: str) -> None:
    def make(folder: Path) -> Path:
        return rewritten(folder, lambda members: members.update({member: b"x"}))

    CORPUS[f"zip-member-{name}"] = make, "leads out of the file"


_out("above", "../model/data/99")
_out("above-within", "model/data/../../../x")
_out("of-the-root", "/etc/cron.d/x")
_out("above-in-windows", "..\\..\\x")
_out("of-a-drive", "C:/x")


@hostile("leads out of the file")
def _zip_member_that_is_a_link(folder: Path) -> Path:
    path = rewritten(folder, lambda members: members)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("model/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
    return path


@hostile("a list of members of")
def _zip_with_long_names(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        for i in range(200):
            archive.writestr(f"model/data/{i:060000d}", b"")
    return folder / "model.pt"


@hostile("0 data.pkl")
def _zip_comment_with_an_end_of_its_own(folder: Path) -> Path:
    """The last end is believed by everybody, and this one says that there is nothing."""
    path = _saved(LAYOUTS[1].state(), folder)
    data = path.read_bytes()
    path.write_bytes(data[:-2] + struct.pack("<H", 30) + b"PK\5\6" + bytes(16) + struct.pack("<HQ", 8, 0))
    return path


@hostile("2 data.pkl")
def _zip_of_two_checkpoints(folder: Path) -> Path:
    return rewritten(folder, lambda m: m.update({"other/data.pkl": m["model/data.pkl"]}))


@hostile("leads out of the file")
def _zip_with_storages_elsewhere(folder: Path) -> Path:
    def moved(members: dict[str, bytes]) -> None:
        for name in [n for n in members if "/data/" in n]:
            members[f"../{name}"] = members.pop(name)

    return rewritten(folder, moved)


# -- pickles ----------------------------------------------------------------------------------------------

_STORAGE = b"(X\x07\0\0\0storagectorch\n%s\nX\x01\0\0\0%sX\x03\0\0\0cpuK\x10tQ"
_FLOATS = _STORAGE % (b"FloatStorage", b"0")


def _tensor(
    name: str, says: str, offset: bytes, shape: bytes, strides: bytes, storage: bytes = _FLOATS
) -> None:
    body = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides
    body += b"\x89Ntm." if name == "a-list" else b"\x89NtRs."
    CORPUS[f"tensor-{name}"] = (
        lambda folder: rewritten(folder, lambda m: m.update({f"{_TOP}/data.pkl": body})),
        says,
    )


_tensor("of-negative-size", "sizes are no sizes", b"K\0", b"J\xff\xff\xff\xff\x85", b"K\1\x85")
_tensor("of-negative-stride", "sizes are no sizes", b"K\0", b"K\2\x85", b"J\xff\xff\xff\xff\x85")
_tensor("at-negative-offset", "without storage", b"J\xff\xff\xff\xff", b"K\2\x85", b"K\1\x85")
_tensor("of-half-a-size", "sizes are no sizes", b"K\0", b"G?\xe0" + bytes(6) + b"\x85", b"K\1\x85")
_tensor("of-true-size", "sizes are no sizes", b"K\0", b"\x88\x85", b"K\1\x85")
_tensor("of-text-size", "sizes are no sizes", b"K\0", b"X\1\0\0\x004\x85", b"K\1\x85")
_tensor("of-two-lengths", "of two lengths", b"K\0", b"K\2\x85", b"K\1K\1\x86")
_tensor("of-petabytes", "reaches to element", b"K\0", b"\x8a\6" + b"\xff" * 5 + b"\x7f\x85", b"K\1\x85")
_tensor("of-a-list", "sizes are no sizes", b"K\0", b"]", b"K\1\x85")
_tensor("of-many-axes", "sizes are no sizes", b"K\0", b"(" + b"K\1" * 100 + b"t", b"(" + b"K\1" * 100 + b"t")
_tensor("in-no-storage", "has no storage", b"K\0", b"K\2\x85", b"K\1\x85", _STORAGE % (b"FloatStorage", b"x"))
_tensor(
    "of-complex", "is of complex64", b"K\0", b"K\2\x85", b"K\1\x85", _STORAGE % (b"ComplexFloatStorage", b"0")
)
_tensor(
    "of-a-module", "which no weights need", b"K\0", b"K\2\x85", b"K\1\x85", _STORAGE % (b"nn.Linear", b"0")
)


def _pickled(name: str, says: str, body: bytes) -> None:
    CORPUS[f"pickled-{name}"] = (lambda folder: old(folder, b"\x80\x02" + body), says)


_DEEP = b"]q\0" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(40))
_pickled("list-that-doubles", "no dictionary of tensors", _DEEP + b".\x80\x02].")
_pickled("key-that-doubles", "no tensors", b"}N" + b"2\x86" * 60 + b"K\1s.\x80\x02].")
_pickled("value-in-itself", "no tensors", b"}q\0X\x05\0\0\0modelh\0s.\x80\x02].")
_pickled("state-in-itself", "no tensors", b"}q\0X\x05\0\0\0stateh\0sX\x05\0\0\0modelh\0s.\x80\x02].")
_pickled("never-ends", "damaged", b"}(" + b"X\1\0\0\0aK\1" * 10)
_pickled("of-marks", "damaged", b"(" * 200_000 + b"}.")
_pickled("takes-what-is-not-there", "damaged", b"h\x07.")
_pickled("persistent-number", "damaged", b"K\1Q.")
_pickled("persistent-text", "which no file of weights needs", b"P0\n.")
_pickled("calls-a-call", "damaged", b"ccollections\nOrderedDict\n)R)R.")
_pickled("builds-a-number", "damaged", b"K\1}b.")
_pickled("frozenset-by-name", "no tensors", b"}cbuiltins\nfrozenset\n]\x85RK\1s.\x80\x02].")
_pickled(
    "integer-of-megabytes",
    "no tensors",
    b"}X\1\0\0\0a\x8b" + struct.pack("<i", 1 << 20) + bytes(1 << 20) + b"s.\x80\x02].",
)


# -- names, configuration, what lies beside ---------------------------------------------------------------


def _named(name: str, says: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    CORPUS[f"names-{name}"] = (lambda folder: _saved(change(LAYOUTS[1].state()), folder), says)


_named(
    "of-two-models",
    "unexpected model.bert",
    lambda s: {**s, **{f"model.{k}": v for k, v in s.items()}},
)
_named(
    "of-a-loss-beside",
    "--not-strict",
    lambda s: {"state_dict": {**{f"model.{k}": v for k, v in s.items()}, "loss_fn.weight": torch.zeros(2)}},
)
_named("of-a-megabyte", "unexpected", lambda s: {**s, "bert." + "x" * (1 << 20): torch.zeros(1)})
_named("of-float8", "float8_e4m3fn", lambda s: {**s, "bert.e": torch.zeros(2).to(torch.float8_e4m3fn)})
_named("of-nothing", "unexpected", lambda s: {**s, "": torch.zeros(1)})

_config("infinite-besides", "infinite", '{"id2label": {"0": 1e999}}')
_config("labels-in-themselves", "nested too deeply", '{"id2label": ' + '{"a":' * 50_000)


def _besides(name: str, says: str, text: str) -> None:
    def make(folder: Path) -> Path:
        header = {"__metadata__": {"config": "{}", "config_besides": text}, "a": entry("F32", [1], 0, 4)}
        return safetensors(folder, {**header, "bert.x": entry("F32", [1], 4, 8)}, bytes(8))

    CORPUS[f"metadata-{name}"] = (make, says)


_besides("not-json", "not JSON", "{")
_besides("a-list", "no object of keys", "[]")
_besides("unknown-key", "unknown key 'evil'", '{"evil": 1}')


@hostile("link out of the folder")
def _tokenizer_that_is_a_link(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir()
    (folder / "secret").write_text("{}")
    (inner / "tokenizer.json").symlink_to(folder / "secret")
    return _folder(inner)


@hostile("link out of the folder")
def _vocabulary_that_is_a_device(folder: Path) -> Path:
    (folder / "vocab.txt").symlink_to("/dev/zero")
    return _folder(folder)


@hostile("is not a file")
def _weights_that_are_a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.pt")
    return folder / "model.pt"


@hostile("is not a file")
def _config_that_is_a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "config.json")
    return _folder(folder)


TOGETHER = CORPUS
"""Those of the first file, and of this one."""
