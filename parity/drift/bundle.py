"""A folder that reproduces a finding: the numbers as safetensors, and a short script that exits 1.

A word's script needs MLX, NumPy, safetensors and the word; that of a module or parameter the harness too.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from parity import numerics, swap
from parity.compare import Expected, compare
from parity.dtypes import AnyArray
from parity.rules import Exact, Ratio, Rule
from parity.sides.points import Point
from parity.spec import LayerSpec

from .finding import Culprit
from .local import Local, Made, rule_of
from .prober import Prober

WORD = '''\
"""{title}

Exits with 1 while {what} is off by more than its limit, with 0 when it is mended.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
{imports}
CALL, DATA = json.loads((HERE / "call.json").read_text()), load_file(HERE / "data.safetensors")


def value(x):  # "$name" stands for an array
    if not (isinstance(x, str) and x.startswith("$")):
        return x
    array = mx.array(DATA[x[1:]])
    return array.view(mx.bfloat16) if x in CALL["bfloat16"] else array


args, kwargs = [value(x) for x in CALL["args"]], {{k: value(x) for k, x in CALL["kwargs"].items()}}
{call}
bad = False
for i, (rms_limit, max_limit) in enumerate(CALL["limits"]):
    error = np.array(results[i].astype(mx.float32)).astype(np.float64) - DATA[f"exact.{{i}}"]
    rms, largest = float(np.sqrt(np.mean(error**2))), float(np.max(np.abs(error)))
    print(f"{what} {{i}}: error {{rms:.3g}} RMS, limit {{rms_limit:.3g}};", end=" ")
    print(f"largest {{largest:.3g}}, limit {{max_limit:.3g}}")
    bad |= not (rms <= rms_limit and largest <= max_limit)
sys.exit(bad)
'''

FORWARD = """\
result = {word}(*args, **kwargs)
results = list(result) if isinstance(result, (tuple, list)) else [result]"""

BACKWARD = """\
xs = [x for x in (*args, *kwargs.values()) if isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating)]


def forward(*ys):
    new = {{id(x): y for x, y in zip(xs, ys)}}
    given = [new.get(id(x), x) for x in args], {{k: new.get(id(x), x) for k, x in kwargs.items()}}
    result = {word}(*given[0], **given[1])
    return list(result) if isinstance(result, (tuple, list)) else [result]


_, results = mx.vjp(forward, xs, [value(g) for g in CALL["cotangents"]])"""

HARNESS = '''\
"""{title}

Exits with 1 while it is so, with 0 when it is mended. Needs the project installed.
"""

import sys
from pathlib import Path

from parity.drift.replay import replay

sys.exit(replay(Path(__file__).resolve().parent))
'''


@dataclass(frozen=True)
class Context:
    """What a bundle says of where it comes from."""

    case: str
    side: str
    device: str
    swaps: tuple[str, ...]
    specs: tuple[str, ...]
    repeat: str
    node: str


def write(folder: Path, prober: Prober, culprit: Culprit, context: Context) -> Path:
    """Write the bundle of one culprit; the folder, which is made and must not hold another's files.

    Raises: OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "culprit": {"what": culprit.what, "name": culprit.name, "places": list(culprit.places)},
        "case": context.case,
        "side": context.side,
        "device": context.device,
        "specs": list(context.specs),
        "swaps": _with_files(folder, context.swaps),
        "numerics": numerics.current(),
        "node": context.node,
        "repeat": context.repeat,
        "figures": {"alone": str(culprit.alone), "without": str(culprit.without)},
    }
    title = str(culprit)
    if culprit.what == "parameter":
        _, pair = prober.pair()
        save_file({"given": _storable(pair.given[culprit.name])}, folder / "data.safetensors")
        script = HARNESS.format(title=title)
    else:
        point = Point.parse(culprit.places[0])
        made, exact, limits = _numbers(prober, point)
        tensors, template = _template(made)
        tensors |= {f"exact.{i}": x for i, x in enumerate(exact)}
        save_file(tensors, folder / "data.safetensors")
        call = template | {"limits": limits}
        (folder / "call.json").write_text(json.dumps(call, indent=1) + "\n", encoding="utf-8")
        script = HARNESS.format(title=title)
        if point.word:
            imports, word = _import_of(prober, point, about["swaps"])
            what = "output" if made.cotangents is None else "gradient"
            body = (FORWARD if made.cotangents is None else BACKWARD).format(word=word)
            script = WORD.format(title=title, what=what, imports=imports, call=body)
    (folder / "bundle.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "repro.py").write_text(script, encoding="utf-8")
    return folder


def _numbers(prober: Prober, point: Point) -> tuple[Made, list[AnyArray], list[list[float]]]:
    """A call on the reference's inputs, its exact results, and the limits of its errors."""
    _, pair = prober.pair()
    kept: list[tuple[Any, Any, Any]] = []
    portable = pair.reference.portable

    def around(at: Point, call: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        result = call(*args, **kwargs)
        if at == point:
            kept.append((portable(args), portable(dict(kwargs)), portable(result)))
        return result

    pair.reference.run(around)
    args, kwargs, _ = kept[0]
    local = Local(pair, nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
    made = Made(point, (args, kwargs))
    if prober.case.vjp and local.judge(made) is None:  # its results hold: it is the gradient
        made = local.with_cotangents(made)
    wanted = local.expected(made)
    limits = [list(_limits(e, rule_of(made))) for e in wanted]
    return made, [e.oracle.astype(np.float64) for e in wanted], limits


def _limits(expected: Expected, rule: Rule) -> tuple[float, float]:
    """The largest errors that pass, RMS and largest element."""
    if expected.dtype is None or isinstance(rule, Exact) or expected.reference is None:
        return 0.0, 0.0
    own = compare(expected, expected.reference, nonfinite="any")
    rms = max(own.error.rms if own.error else 0.0, expected.floor.rms if expected.floor else 0.0)
    largest = max(own.error.max if own.error else 0.0, expected.floor.max if expected.floor else 0.0)
    factors = (rule.rms, rule.max) if isinstance(rule, Ratio) else (float(rule.n), float(rule.n))
    return factors[0] * rms, factors[1] * largest


def _template(made: Made) -> tuple[dict[str, AnyArray], dict[str, Any]]:
    """The arrays of a call by name, and the call with ``$name`` in their places."""
    tensors: dict[str, AnyArray] = {}
    halves: list[str] = []

    def name(prefix: str, x: Any) -> Any:
        if isinstance(x, tuple | list):
            return [name(f"{prefix}.{i}", v) for i, v in enumerate(x)]
        if isinstance(x, np.generic):
            return x.item()
        if not isinstance(x, np.ndarray):
            return x
        tensors[prefix] = _storable(x)
        if x.dtype == ml_dtypes.bfloat16:
            halves.append(f"${prefix}")
        return f"${prefix}"

    args, kwargs = made.arguments
    template: dict[str, Any] = {
        "args": [name(f"args.{i}", x) for i, x in enumerate(args)],
        "kwargs": {k: name(f"kwargs.{k}", x) for k, x in kwargs.items()},
        "cotangents": [name(f"cotangent.{i}", x) for i, x in enumerate(made.cotangents or ())],
        "point": made.point.address,
    }
    return tensors, template | {"bfloat16": halves}


def _storable(x: AnyArray) -> AnyArray:
    """An array that MLX reads: bfloat16 as its bits, integers of 32 bits."""
    x = np.ascontiguousarray(x)
    if x.dtype == ml_dtypes.bfloat16:
        return x.view(np.uint16)
    return x.astype(np.int32) if x.dtype == np.int64 else x


def _with_files(folder: Path, swaps: Sequence[str]) -> list[str]:
    """The swaps with their files copied beside the script."""
    found = []
    for text in swaps:
        target, _, where = text.partition("=")
        location, _, function = where.rpartition(":")
        if location.endswith(".py"):
            shutil.copyfile(location, folder / Path(location).name)
            where = f"{Path(location).name}:{function}"
        found.append(f"{target}={where}")
    return found


def _import_of(prober: Prober, point: Point, swaps: Sequence[str]) -> tuple[str, str]:
    """The line that imports the port's word, as it is said at a point, and how to call it."""
    spec = prober.case.spec
    assert isinstance(spec, LayerSpec)
    assert spec.words is not None
    found = ""
    for text in swaps:
        target, _, where = text.partition("=")
        at_path = "/" in target and target.rpartition("/")[2] == point.word
        if target == f"{spec.words[1]}.{point.word}" or (
            at_path and swap.matches(target.rpartition("/")[0], point.path)
        ):
            found = where
    profile = ""
    if numerics.current() != numerics.NAMES[0]:
        package = spec.port.partition(".")[0]
        profile = f"\nfrom {package} import use\n\nPROFILE = use({numerics.current()!r})\nPROFILE.__enter__()"
    if not found:
        return f"import {spec.words[1]} as words" + profile, f"words.{point.word}"
    location, _, function = found.rpartition(":")
    return f"from {location.removesuffix('.py')} import {function} as word" + profile, "word"


def name_of(culprit: Culprit) -> str:
    """A folder's name for a culprit."""
    place = culprit.places[0] if culprit.places else ""
    text = f"{culprit.name}-{place}" if culprit.what == "word" else culprit.name or "outermost"
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)
