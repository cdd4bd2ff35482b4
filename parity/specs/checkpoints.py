"""Checkpoints of M2-BERT as cases: both sides' own readers, and their tensors bit for bit."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from parity.dtypes import AnyArray, cast, is_floating, of_array
from parity.errors import ParityError
from parity.given import Narrow, Trained, WeightCheck

SPECS = {"mlm": "BertForMaskedLM", "cls": "SequenceClassification", "model": "BertModel"}


def trained(
    path: Path, *, root: Path | None = None, config: Path | None = None, length: int | None = None
) -> Trained:
    """A checkpoint, read by the port's reader and by the reference's, which have to give the same bits.

    With a `length` above the tables' both sides extend them, each in its own way, before they are compared.

    Raises: ParityError if it cannot be taken, or the two readers differ in anything.
    """
    import mlx_impl.checkpoint as port
    from mlx_impl.weights import key_map

    try:
        source = port.read(path, root=root, config=config)
        if "quantization" in source.metadata:
            raise ParityError(f"{path} is quantized: give it as --port, and the original as --checkpoint")
        plain = port.assemble(source)
        longest = plain.config.long_conv_l_max
        extended = length is not None and length > longest
        made = port.assemble(source, length=length) if extended else plain
    except port.CheckpointError as error:
        raise ParityError(str(error)) from error
    arrays = _arrays(made)
    named = key_map(made.model).to_canonical(arrays)
    longer = [f"positions extended from {longest} to {length} on both sides"] if extended else []
    compared = _compare(source.files, named, made, length if extended else None)
    return Trained(
        spec=_spec(made),
        arguments=made.config.to_dict(),
        parameters=named,
        title=(
            f"{path.name}, {made.head}, {made.config.num_hidden_layers} layers, d = {made.config.hidden_size}"
        ),
        folder=str(source.folder),
        root=str(source.root or ""),
        length=made.config.long_conv_l_max,
        vocabulary=made.config.vocab_size,
        padding=made.config.pad_token_id,
        notes=(compared, *_told(made.configuration), *longer),
    )


def _told(configuration: Any) -> tuple[str, ...]:
    """Which keys of the configuration the shapes told, and which nothing did."""
    listed = {
        "inferred from the shapes": configuration.inferred,
        "assumed, which no shape tells": configuration.assumed,
    }
    return tuple(
        f"configuration: {', '.join(f'{k}={v!r}' for k, v in keys.items())} {how}"
        for how, keys in listed.items()
        if keys
    )


def _arrays(made: Any) -> dict[str, AnyArray]:
    """The port's parameters by its own names."""
    from mlx.utils import tree_flatten

    from parity.sides.mlx_side import to_numpy

    return {name: to_numpy(x) for name, x in dict(tree_flatten(made.model.parameters())).items()}


def _spec(made: Any) -> str:
    if made.head == "model" and made.model.pooler is None:
        raise ParityError("the checkpoint is an encoder without pooler, for which there is no spec")
    if made.head == "cls" and made.config.gather_sentence_embeddings:
        return "SentenceEmbedding"
    return SPECS[made.head]


def _compare(files: tuple[Path, ...], named: dict[str, AnyArray], made: Any, length: int | None) -> str:
    """Hold the port's tensors against the reference's, name by name, bit by bit; what was compared.

    Raises: ParityError naming the tensors that differ.
    """
    import reference
    from parity.sides.torch_side import to_numpy
    from reference import checkpoint

    weights = [f for f in files if not f.name.endswith(".index.json")]
    try:
        tensors = checkpoint.read(weights)
        if length is not None:
            tensors = checkpoint.extend_positions(tensors, length)
        config = reference.M2BertConfig.from_dict(made.config.to_dict())
        model = reference.HEADS[made.head](config)
        checkpoint.load_canonical(model, tensors)
    except checkpoint.CheckpointError as error:
        raise ParityError(f"the reference's reader: {error}") from error
    # A name that the file leaves out because its tensor is shared is there in the model.
    state = {n: to_numpy(x) for n, x in tensors.items()}
    wrong = [n for n, x in sorted(state.items()) if n not in named or not same_bits(x, named[n])]
    if wrong:
        raise ParityError(
            f"the two readers differ in {len(wrong)} tensors: {', '.join(wrong[:5])}; one of them is wrong"
        )
    loaded = {n: to_numpy(x) for n, x in model.state_dict().items()}
    off = [n for n, x in named.items() if not np.array_equal(loaded[n], x.astype(loaded[n].dtype))]
    if off:
        raise ParityError(f"the reference has other values in {', '.join(off[:5])} than the file")
    numbers = sum(x.size for x in state.values())
    return f"{len(state)} tensors of {numbers:,} numbers are equal bit for bit in both sides' readers"


def same_bits(a: AnyArray, b: AnyArray) -> bool:
    """Whether two arrays have one dtype, one shape and the same bytes."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def narrow(path: Path, original: Trained) -> Narrow:
    """A converted port with half-precision or packed weights, and its weights beside the original's.

    Raises: ParityError if it cannot be taken, or is another model.
    """
    import mlx_impl.checkpoint as port

    try:
        made = port.load(path)
    except port.CheckpointError as error:
        raise ParityError(str(error)) from error
    if made.config.to_dict() != dict(original.arguments):
        keys = [k for k, v in made.config.to_dict().items() if original.arguments.get(k) != v]
        raise ParityError(f"{path} is another model than the checkpoint: {', '.join(keys[:5])} differ")
    arrays = _arrays(made)
    checks = []
    for name, array in arrays.items():
        stem, _, leaf = name.rpartition(".")
        if f"{stem}.scales" in arrays:
            if leaf == "weight":
                checks.append(_packed(name, original.parameters[name], arrays, stem, made.bits or 0))
        elif is_floating(array):
            checks.append(_rounded(name, original.parameters[name], array))
    dtypes = sorted({str(x.dtype) for n, x in arrays.items() if is_floating(x)})
    bits = f"{made.bits} bits, " if made.bits else ""
    return Narrow(f"{path.name} ({bits}{', '.join(dtypes)})", lambda: made.model, tuple(checks))


def _rounded(name: str, original: AnyArray, found: AnyArray) -> WeightCheck:
    """A tensor that is not packed is the original, rounded once."""
    dtype = of_array(found)
    expected = original.astype(found.dtype) if dtype is None else cast(original, dtype)
    wrong = int(np.count_nonzero(expected != found))
    problem = f"{wrong} of {found.size} weights are not the original rounded once" if wrong else ""
    return WeightCheck(name, f"the original rounded to {found.dtype}", found.size, problem)


def _packed(name: str, original: AnyArray, arrays: dict[str, AnyArray], stem: str, bits: int) -> WeightCheck:
    """A packed weight is the nearest of its group's levels: half a step away at most, or beyond the last.

    The levels are scale·q + bias, unpacked here and not by MLX. Scale and bias are rounded to their format
    after q is chosen, which moves a level by up to (2ᵇ − 1 + |bias/scale|)·u steps; twice that is allowed for
    the arithmetic that chose q. MLX stretches the scale so that zero and the end of the range that is farther
    from it are levels: the other end may then lie beyond the last level, by less than a step.
    """
    packed, scales, biases = (arrays[f"{stem}.{leaf}"] for leaf in ("weight", "scales", "biases"))
    u = 2.0**-24 if scales.dtype == np.float32 else (2.0**-11 if scales.dtype == np.float16 else 2.0**-8)
    per_word = 32 // bits
    shifts = np.arange(per_word, dtype=np.uint32) * np.uint32(bits)
    q = (packed[..., None] >> shifts) & np.uint32(2**bits - 1)
    groups = scales.shape[-1]
    q = q.reshape(*packed.shape[:-1], groups, -1).astype(np.float64)
    s, b = scales.astype(np.float64)[..., None], biases.astype(np.float64)[..., None]
    w = original.astype(np.float64).reshape(q.shape)
    if scales.dtype != original.dtype:  # packed after the whole model was rounded
        rounded = of_array(scales)
        w = w if rounded is None else cast(original, rounded).astype(np.float64).reshape(q.shape)
    step = np.abs(s)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(step > 0, np.abs(w - (s * q + b)) / step, np.where(w == b, 0.0, np.inf))
        slack = np.where(step > 0, (2**bits - 1 + np.abs(b) / step) * u * 2, 0.0)
    ends = np.stack([b + 0 * s, b + s * (2**bits - 1)])
    low, high = ends.min(axis=0), ends.max(axis=0)
    beyond = ((w < low) & (s * q + b <= low)) | ((w > high) & (s * q + b >= high))
    wrong = ~(off <= 0.5 + slack) & ~(beyond & (off <= 1 + slack))
    count = int(np.count_nonzero(wrong))
    problem = f"{count} of {w.size} weights are not at the nearest level" if count else ""
    figures = {
        "largest_steps": float(off.max(initial=0.0)),
        "beyond_last_level": float(np.count_nonzero(beyond & (off > 0.5 + slack)) / max(w.size, 1)),
        "relative_rms": float(math.sqrt(np.mean((s * q + b - w) ** 2) / max(float(np.mean(w**2)), 1e-300))),
    }
    return WeightCheck(name, f"the nearest of {2**bits} levels", w.size, problem, figures)
