"""Checkpoints that must never get in, each made by a function: lies, bombs, programs, links, nonsense."""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .published import LAYOUTS

Make = Callable[[Path], Path]
CORPUS: dict[str, tuple[Make, str]] = {}
"""Name → what makes it in a folder, and what the message has to say."""

_WORD = "bert.embeddings.word_embeddings.weight"
_BIAS = "bert.encoder.layer.1.mlp.wo.bias"

CANARY = "canary"
"""A file that a program in a checkpoint would leave."""


def hostile(says: str) -> Callable[[Make], Make]:
    """Put a function into the corpus."""

    def add(make: Make) -> Make:
        CORPUS[make.__name__.strip("_").replace("_", "-")] = (make, says)
        return make

    return add


# -- safetensors ------------------------------------------------------------------------------------------


def safetensors(folder: Path, header: Any, body: bytes = b"", *, length: int | None = None) -> Path:
    """A file with a header as given, bytes or what becomes JSON, or a function that gives one of them."""
    if callable(header):
        header = header()
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    """One tensor of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _st(name: str, says: str, header: Any, body: bytes = b"", **options: Any) -> None:
    CORPUS[f"safetensors-{name}"] = (lambda folder: safetensors(folder, header, body, **options), says)


_F4 = entry("F32", [1], 0, 4)
_st("empty-header", "truncated", b"", length=9)
_st("header-longer-than-file", "truncated", {}, length=4096)
_st("header-of-exabytes", "header of", {}, length=1 << 62)
_st("big-endian", "big-endian", {}, length=struct.unpack("<Q", struct.pack(">Q", 2))[0])
_st("not-json", "not JSON", b"{nonsense")
_st("not-utf8", "not JSON", b'{"\xff": 1}')
_st("a-list", "not an object", [])
_st("deep", "nested too deeply", b"[" * 100_000)
_st("name-twice", "twice", b'{"a": %b, "a": %b}' % ((json.dumps(_F4).encode(),) * 2), bytes(4))
_st("nan-in-header", "NaN is not JSON", b'{"a": NaN}')
_st("number-of-a-million-digits", "not JSON", b'{"a": ' + b"9" * 1_000_000 + b"}")
_st("unknown-dtype", "'F33'", {"a": entry("F33", [1], 0, 4)}, bytes(4))
_st("negative-size", "sizes from 0 up", {"a": entry("F32", [-1], 0, 4)}, bytes(4))
_st("true-as-size", "sizes from 0 up", {"a": entry("F32", [True], 0, 4)}, bytes(4))
_st("size-that-overflows", "needs", {"a": entry("F32", [1 << 40, 1 << 40], 0, 4)}, bytes(4))
_st("a-thousand-axes", "sizes from 0 up", {"a": entry("F32", [1] * 1000, 0, 4)}, bytes(4))
_st("lying-size", "the header lies", {"a": entry("F32", [2], 0, 4)}, bytes(4))
_st("overlap", "overlaps", {"a": entry("F32", [2], 0, 8), "b": entry("F32", [1], 4, 8)}, bytes(8))
_st("hole", "hole", {"a": entry("F32", [1], 4, 8)}, bytes(8))
_st("past-the-end", "truncated", {"a": entry("F32", [1 << 30], 0, 1 << 32)}, bytes(4))
_st("backwards", "not a stretch", {"a": entry("F32", [1], 4, 0)}, bytes(4))
_st("rest", "belong to no tensor", {"a": _F4}, bytes(40))
_st("extra-field", "malformed", {"a": {**_F4, "url": "x"}}, bytes(4))
_st("metadata-of-numbers", "metadata", {"__metadata__": {"a": 1}})
_st("100000-tensors", "100,000 tensors", lambda: {f"t{i}": entry("F32", [0], 0, 0) for i in range(100_000)})
_st("another-model", "has a name of M2-BERT", {"wte.weight": _F4}, bytes(4))
_st(
    "layers-from-a-billion",
    "without a gap",
    {
        "bert.embeddings.word_embeddings.weight": _F4,
        "bert.encoder.layer.999999.mlp.wo.bias": entry("F32", [1], 4, 8),
    },
    bytes(8),
)


@hostile("is empty")
def _empty_file(folder: Path) -> Path:
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@hostile("too few")
def _seven_bytes(folder: Path) -> Path:
    (folder / "model.safetensors").write_bytes(b"1234567")
    return folder


# -- PyTorch's files --------------------------------------------------------------------------------------


class Call:
    """Pickles as a call of a function, as anybody may write it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def _touch(folder: Path) -> str:
    return f"touch {folder / CANARY}"


def _saved(value: Any, folder: Path, **options: Any) -> Path:
    torch.save(value, folder / "model.pt", **options)
    return folder / "model.pt"


_CALLS: dict[str, Callable[[Path], Any]] = {
    "system": lambda folder: Call(os.system, _touch(folder)),
    "eval": lambda folder: Call(eval, f"open({str(folder / CANARY)!r}, 'w')"),
    "getattr": lambda folder: Call(getattr, "text", "upper"),
    "open": lambda folder: Call(open, str(folder / CANARY), "w"),
    "torch-load": lambda folder: Call(torch.hub.load_state_dict_from_url, "http://127.0.0.1:9/x"),
}


def _calls(name: str, call: Callable[[Path], Any]) -> None:
    def in_zip(folder: Path) -> Path:
        return _saved({"weight": call(folder)}, folder)

    def in_old(folder: Path) -> Path:
        return _saved({"weight": call(folder)}, folder, _use_new_zipfile_serialization=False)

    def beside_weights(folder: Path) -> Path:
        return _saved({"state": {"model": LAYOUTS[1].state()}, "x": call(folder)}, folder)

    for where, make in (("zip", in_zip), ("old", in_old), ("training", beside_weights)):
        CORPUS[f"{where}-calls-{name}"] = (make, "which no weights need")


for _name, _call in _CALLS.items():
    _calls(_name, _call)


@hostile("which no weights need")
def _whole_module(folder: Path) -> Path:
    return _saved(torch.nn.Linear(2, 2), folder)


@hostile("not one of torch.save")
def _plain_pickle(folder: Path) -> Path:
    (folder / "model.bin").write_bytes(pickle.dumps({"weight": [1.0, 2.0]}, protocol=4))
    return folder


def rewritten(folder: Path, change: Callable[[dict[str, bytes]], object], **options: Any) -> Path:
    """A good zip file whose members have been changed."""
    path = _saved(LAYOUTS[1].state(), folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@hostile("compressed")
def _zip_bomb(folder: Path) -> Path:
    def grow(members: dict[str, bytes]) -> None:
        members["model/data/0"] = bytes(200 << 20)

    return rewritten(folder, grow, compression=zipfile.ZIP_DEFLATED, compresslevel=9)


@hostile("compressed or encrypted")
def _zip_compressed(folder: Path) -> Path:
    path = rewritten(folder, lambda members: None)
    with zipfile.ZipFile(path, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/extra", "incompressible?")
    return path


@hostile("byte order b'big'")
def _zip_big_endian(folder: Path) -> Path:
    return rewritten(folder, lambda members: members.update({"model/byteorder": b"big"}))


@hostile("0 data.pkl")
def _zip_of_something_else(folder: Path) -> Path:
    def another(members: dict[str, bytes]) -> None:
        members.clear()
        members["a.txt"] = b"x"

    return rewritten(folder, another)


@hostile("TorchScript")
def _zip_torchscript(folder: Path) -> Path:
    return rewritten(
        folder, lambda members: members.update({"model/code/__torch__.py": b"def forward(): ..."})
    )


@hostile("has no storage")
def _zip_without_a_storage(folder: Path) -> Path:
    return rewritten(folder, lambda members: members.pop("model/data/3"))


@hostile("reaches to element")
def _zip_short_storage(folder: Path) -> Path:
    return rewritten(folder, lambda members: members.update({"model/data/0": members["model/data/0"][:-8]}))


@hostile("is there twice")
def _zip_member_twice(folder: Path) -> Path:
    path = rewritten(folder, lambda members: None)
    with zipfile.ZipFile(path, "a") as archive:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr("model/data/0", b"other")
    return path


@hostile("truncated or damaged")
def _zip_cut_in_half(folder: Path) -> Path:
    path = _saved(LAYOUTS[1].state(), folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@hostile("checksum")
def _zip_flipped_bit(folder: Path) -> Path:
    path = _saved(LAYOUTS[1].state(), folder)
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model/data/0")
    path.write_bytes(path.read_bytes().replace(weights, weights[:-1] + bytes([weights[-1] ^ 1])))
    return path


@hostile("members")
def _zip_of_30000_members(folder: Path) -> Path:
    path = folder / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(30_000):
            archive.writestr(f"model/data/{i}", b"")
    return path


@hostile("truncated")
def _old_cut_in_half(folder: Path) -> Path:
    path = _saved(LAYOUTS[1].state(), folder, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    return path


@hostile("big-endian")
def _old_big_endian(folder: Path) -> Path:
    path = _saved(LAYOUTS[1].state(), folder, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    flag = data.index(b"little_endian") + len(b"little_endian")
    path.write_bytes(data[: flag + 2] + data[flag + 2 :].replace(b"\x88", b"\x89", 1))
    return path


def old(folder: Path, body: bytes) -> Path:
    """A file in the old format up to the pickle of the value, which is as given."""
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    start = b"".join(pickle.dumps(x, protocol=2) for x in (0x1950A86A20F9469CFC6C, 1001, system))
    (folder / "model.pt").write_bytes(start + body)
    return folder / "model.pt"


@hostile("damaged")
def _pickle_memo_of_gigabytes(folder: Path) -> Path:
    return old(folder, b"\x80\x02Nr\xff\xff\xff\x7fh\x01.")


@hostile("damaged")
def _pickle_bytes_of_exabytes(folder: Path) -> Path:
    return old(folder, b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.")


@hostile("no tensors")
def _pickle_laughs(folder: Path) -> Path:
    """A tuple of a tuple of … as a key: hashing it by value would take 2¹⁰⁰⁰⁰⁰ steps."""
    return old(folder, b"\x80\x02}N" + b"2\x86" * 100_000 + b"K\x01s.\x80\x02].")


@hostile("instructions")
def _pickle_of_ever(folder: Path) -> Path:
    return old(folder, b"\x80\x02" + b"N0" * 1_000_000 + b"}.")


@hostile("damaged")
def _pickle_stack_underflow(folder: Path) -> Path:
    return old(folder, b"\x80\x02000R.")


@hostile("which no file of weights needs")
def _pickle_extension(folder: Path) -> Path:
    return old(folder, b"\x80\x02\x82\x01.")


@hostile("stands there twice")
def _pickle_name_twice(folder: Path) -> Path:
    return old(folder, b"\x80\x02}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x02u.")


@hostile("a version that is a tuple")
def _old_laughing_version(folder: Path) -> Path:
    """A tuple of two of a tuple of two of …: as text it would have 2⁶⁰ numbers."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
    version = b"\x80\x02K\x01" + b"2\x86" * 60 + b"."
    (folder / "model.pt").write_bytes(magic + version + pickle.dumps({}, protocol=2))
    return folder / "model.pt"


@hostile("instructions")
def _pickle_bomb_of_calls(folder: Path) -> Path:
    """One list of pairs, made a dictionary over and over."""
    pairs = b"](" + b"N\x86".join([b"G" + bytes(8)] * 1000) + b"N\x86" + b"eq\x000"
    body = pairs + b"ccollections\nOrderedDict\nq\x010h\x00\x85q\x020" + b"h\x01h\x02R0" * 200_000
    return old(folder, b"\x80\x02" + body + b"}.")


@hostile("a tensor without storage")
def _zip_offset_of_many_digits(folder: Path) -> Path:
    number = (1 << 40_000).to_bytes(5001, "little")
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" + b"0X\x03\0\0\0cpuK\x04tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"\x8b" + struct.pack("<i", 5001) + number
    body = b"\x80\x02}X\x01\0\0\0w" + tensor + b"K\x04\x85K\x01\x85\x89NtRs."
    return rewritten(folder, lambda members: members.update({"model/data.pkl": body}))


@hostile("unfold to more than 4 times the file")
def _one_storage_under_many_names(folder: Path) -> Path:
    state = LAYOUTS[1].state()
    shared = torch.zeros(1 << 18)
    return _saved({**state, **{f"bert.embeddings.e{i}": shared for i in range(50)}}, folder)


@hostile("unfold to more than 4 times the file")
def _strides_of_zero(folder: Path) -> Path:
    state = LAYOUTS[1].state()
    state["bert.huge"] = torch.zeros(1).expand(1 << 20, 1 << 10)
    return _saved(state, folder)


@hostile("a tensor with 'neg' set")
def _negated_view(folder: Path) -> Path:
    """The file has the numbers with the other sign."""
    state = LAYOUTS[1].state()
    x = state[_BIAS]
    state[_BIAS] = torch.conj(torch.complex(x, x)).imag
    assert state[_BIAS].is_neg()
    return _saved(state, folder)


@hostile("what is none")
def _a_number_among_tensors(folder: Path) -> Path:
    return _saved({**LAYOUTS[1].state(), "step": 3}, folder)


@hostile("no dictionary of tensors")
def _a_tensor_alone(folder: Path) -> Path:
    return _saved(torch.zeros(3), folder)


@hostile("no tensors at the top")
def _no_tensors(folder: Path) -> Path:
    return _saved({"epoch": 1, "state": {"model": None}}, folder)


# -- tensors that do not fit ------------------------------------------------------------------------------


def _state(name: str, says: str, change: Callable[[dict[str, Any]], Any]) -> None:
    def make(folder: Path) -> Path:
        state = LAYOUTS[1].state()
        change(state)
        return _saved(state, folder)

    CORPUS[f"state-{name}"] = (make, says)


_state("nan", _WORD, lambda s: s.update({_WORD: s[_WORD].clone().fill_(float("nan"))}))
_state("infinity", f"NaN or infinity in {_BIAS}", lambda s: s.update({_BIAS: s[_BIAS] * float("inf")}))
_state("missing", f"missing {_BIAS}", lambda s: s.pop(_BIAS))
_state("no-embeddings", "is missing", lambda s: [s.pop(n) for n in list(s) if "word_embeddings" in n])
_state("no-layer-0", "without a gap", lambda s: [s.pop(n) for n in list(s) if "layer.0." in n])
_state("unexpected", "unexpected bert.adapter", lambda s: s.update({"bert.adapter": torch.zeros(2)}))
_state("misshapen", "has shape", lambda s: s.update({_BIAS: torch.zeros(3)}))
_state("integers-for-floats", "has dtype", lambda s: s.update({_BIAS: torch.zeros(20, dtype=torch.int64)}))
_IDS = "bert.embeddings.position_ids"
_state("position-ids-zero", "other values than 0, 1, 2", lambda s: s.update({_IDS: s[_IDS] * 0}))
_state("position-ids-far", "other values than 0, 1, 2", lambda s: s.update({_IDS: s[_IDS] + 10**9}))
_state("position-ids-bool", "expected an integer one", lambda s: s.update({_IDS: s[_IDS].bool()}))
_state("untied", "to which it is tied", lambda s: s.update({"cls.predictions.decoder.weight": s[_WORD] + 1}))
_state("two-names-one-tensor", "without the wrappers", lambda s: s.update({f"module.{_BIAS}": s[_BIAS]}))
_EVIL = "bert.\x1b[31m\nparity: holds\u202e"
_state(
    "evil-name", r"unexpected bert.\x1b[31m\nparity: holds\u202e", lambda s: s.update({_EVIL: torch.zeros(2)})
)
_state("evil-nan", r"bert.\x1b[31m", lambda s: s.update({_EVIL: torch.zeros(2) / 0}))
_state(
    "a-thousand-unexpected",
    "995 more like this",
    lambda s: s.update({f"bert.{'x' * 200}{i}": torch.zeros(1) for i in range(1000)}),
)
_state("two-heads", "unexpected classifier.bias", lambda s: s.update({"classifier.bias": torch.zeros(2)}))


# -- folders ----------------------------------------------------------------------------------------------


def _folder(folder: Path) -> Path:
    torch.save(LAYOUTS[1].state(), folder / "pytorch_model.bin")
    return folder


def _config(name: str, says: str, text: str | bytes | dict[str, Any]) -> None:
    def make(folder: Path) -> Path:
        data = json.dumps(LAYOUTS[1].config() | text).encode() if isinstance(text, dict) else text
        (_folder(folder) / "config.json").write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    CORPUS[f"config-{name}"] = (make, says)


_config("not-json", "not JSON", "{hidden_size: 20}")
_config("a-list", "not an object", "[1, 2]")
_config("huge", "bytes, more than", '{"a": "' + "x" * (2 << 20) + '"}')
_config("deep", "nested too deeply", '{"a":' + "[" * 100_000)
_config("key-twice", "twice", '{"hidden_size": 20, "hidden_size": 20}')
_config("nan", "NaN is not JSON", '{"layer_norm_eps": NaN}')
_config("unknown-key", "did you mean 'hidden_size'", {"hiden_size": 20})
_config("text-for-a-number", "expected int", {"hidden_size": "20"})
_config("true-for-a-number", "expected int", {"num_hidden_layers": True})
_config("null-for-a-number", "expected int", {"vocab_size": None})
_config("another-size", "the tensors say 20", {"hidden_size": 768})
_config("a-billion-layers", "the tensors say 2", {"num_hidden_layers": 10**9})
_config("out-of-range", "pad_token_id", {"pad_token_id": 4000})
_config("infinite-number", "layer_norm_eps=inf", '{"layer_norm_eps": 1e999}')
_config("negative-epsilon", "expected a number from 0", {"layer_norm_eps": -1.0})
_config("a-number-beyond-float32", "hyena_w_mod=1e+308", {"hyena_w_mod": 1e308})
_config("a-trillion-labels", "num_labels=1000000000000", {"num_labels": 10**12})
_config("a-dropout-of-two", "expected a probability", {"hidden_dropout_prob": 2.0})
_config("a-size-of-many-digits", "a number of many digits", {"num_labels": 10**4000})
_config("attention", "monarch_mixer_sequence_mixing", {"monarch_mixer_sequence_mixing": False})
_config("unknown-activation", "hidden_act", {"hidden_act": "swoosh"})


@hostile("0 files of weights")
def _folder_without_weights(folder: Path) -> Path:
    (folder / "readme.txt").write_text("nothing here")
    return folder


@hostile("give the one that you mean")
def _folder_with_a_choice(folder: Path) -> Path:
    for name in ("a.bin", "b.bin"):
        torch.save(LAYOUTS[1].state(), folder / name)
    return folder


@hostile("is not a file")
def _nothing_there(folder: Path) -> Path:
    return folder / "nowhere.bin"


@hostile("link out of the folder")
def _link_out_of_the_folder(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir()
    torch.save(LAYOUTS[1].state(), folder / "outside.bin")
    (inner / "pytorch_model.bin").symlink_to(folder / "outside.bin")
    return inner


@hostile("link in a circle")
def _link_to_itself(folder: Path) -> Path:
    (folder / "pytorch_model.bin").symlink_to(folder / "pytorch_model.bin")
    return folder


@hostile("link out of the folder")
def _config_that_is_a_link(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir()
    (folder / "outside.json").write_text(json.dumps(LAYOUTS[1].config()))
    (_folder(inner) / "config.json").symlink_to(folder / "outside.json")
    return inner


def _index(name: str, says: str, weight_map: Any, **metadata: Any) -> None:
    def make(folder: Path) -> Path:
        inner = folder / "inner"
        inner.mkdir()
        for place in (folder / "shard.safetensors", inner / "shard.safetensors"):
            safetensors(place.parent, {"a": _F4}, bytes(4)).rename(place)
        (inner / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": metadata, "weight_map": weight_map})
        )
        return inner

    CORPUS[f"index-{name}"] = (make, says)


_index("out-of-the-folder", "beside their index", {"a": "../shard.safetensors"})
_index("absolute", "beside their index", {"a": "/etc/passwd"})
_index("windows", "beside their index", {"a": "..\\shard.safetensors"})
_index("missing-shard", "is not there", {"a": "other.safetensors"})
_index("other-tensors", "two checkpoints", {"b": "shard.safetensors"})
_index("empty", "no weight_map", {})
_index("of-numbers", "no weight_map", {"a": 1})
_index("of-another-size", "says 1 bytes", {"a": "shard.safetensors"}, total_size=1)
_index("of-no-size", "total_size is a str", {"a": "shard.safetensors"}, total_size="4")
_index("of-infinite-size", "more than any file", {"a": "shard.safetensors"}, total_size=1e300)
_index("of-a-folder", "beside their index", {"a": ".."})
