"""A folder that reproduces a finding: the numbers as safetensors, and a short script that exits 1.

A word's script needs MLX, NumPy, safetensors and the word; that of a module or parameter the harness too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from parity import numerics, swap
from parity.compare import Expected, compare
from parity.dtypes import AnyArray, cast, is_floating, ulp
from parity.rules import Exact, Rule, Ulp
from parity.settings import project_root
from parity.sides.points import Point
from parity.spec import LayerSpec

from .carry import carried
from .finding import Culprit
from .inner import made_at
from .local import Local, Made, rule_of
from .prober import Prober
from .unsteady import CALLS

BITS, CALL, VERDICT, WHOLE, WRITES = "bits", "call", "verdict", "whole", "writes"
"""What a bundle asks: do calls differ, is one off by more than two limits say, or only by the whole verdict
on it, or does nothing but the whole fail with it planted?"""

WORD = '''\
"""{title}

Exits with 1 while {what}, with 0 when it is mended."""
import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
from safetensors.numpy import load_file
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE), *sys.path, {root!r}]
{imports}
CALL, DATA = json.loads((HERE / "call.json").read_text()), load_file(HERE / "data.safetensors")
def value(x):  # "$name" stands for an array
    if not (isinstance(x, str) and x.startswith("$")):
        return x
    return mx.array(DATA[x[1:]]).view(mx.bfloat16) if x in CALL["bfloat16"] else mx.array(DATA[x[1:]])

def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]

args, kwargs = [value(x) for x in CALL["args"]], {{k: value(x) for k, x in CALL["kwargs"].items()}}
{call}
{end}
'''

FORWARD = """\
results = flat({word}(*args, **kwargs))"""

BACKWARD = """\
every = [*args, *kwargs.values()]
def forward(*xs):
    given = [xs[CALL["floating"].index(i)] if i in CALL["floating"] else x for i, x in enumerate(every)]
    return flat({word}(*given[: len(args)], **dict(zip(kwargs, given[len(args) :]))))
cotangents = [value(g) for g in CALL["cotangents"]]
results = mx.vjp(forward, [every[i] for i in CALL["floating"]], cotangents)[1]"""

LIMITS = """\
bad = len(results) != len(CALL["limits"])
for i, (have, limits) in enumerate(zip(results, CALL["limits"])):
    have, exact = np.array(have.astype(mx.float32)).astype(np.float64), DATA[f"exact.{{i}}"]
    assert have.shape == exact.shape, f"{name} {{i}}: shape {{have.shape}}, expected {{exact.shape}}"
    error = np.where((have == exact) | (np.isnan(have) & np.isnan(exact)), 0, have - exact)
    sizes = [float(np.sqrt(np.mean(error**2))), float(np.max(np.abs(error)))]
    print(f"{name} {{i}}: error (RMS, largest) {{sizes}}, limits {{limits}}")
    bad |= not (sizes[0] <= limits[0] and sizes[1] <= limits[1])
sys.exit(bad)"""

SEVERAL = """\
seen = set()
for _ in range({calls}):
    seen.add(tuple(bytes(np.array(x.astype(mx.float32))) for x in flat({word}(*args, **kwargs))))
print(f"{{len(seen)}} different results in {calls} calls on the same numbers")
sys.exit(len(seen) > 1)"""

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
    swaps = carried(folder, context.swaps)
    about: dict[str, Any] = {
        "culprit": {"what": culprit.what, "name": culprit.name, "places": list(culprit.places)},
        "case": context.case,
        "side": context.side,
        "device": context.device,
        "specs": list(context.specs),
        "swaps": swaps,
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
        made, exact, limits = _numbers(prober, culprit)
        tensors, template = _template(made)
        tensors |= {f"exact.{i}": x for i, x in enumerate(exact)}
        save_file(tensors, folder / "data.safetensors")
        call = template | {"limits": limits}
        (folder / "call.json").write_text(json.dumps(call, indent=1) + "\n", encoding="utf-8")
        about["asks"] = asks = _asks(prober, culprit, made, exact, limits)
        script = HARNESS.format(title=title)
        if made.point.word and asks in (BITS, CALL):
            script = _script(title, made, asks, *_import_of(prober, culprit, made, swaps))
    (folder / "bundle.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "repro.py").write_text(script, encoding="utf-8")
    return folder


def _asks(
    prober: Prober, culprit: Culprit, made: Made, exact: Sequence[AnyArray], limits: Sequence[Sequence[float]]
) -> str:
    """The shortest question whose answer is yes while it is so."""
    if culprit.writes:
        return WRITES
    if culprit.fickle:
        return BITS
    _, pair = prober.pair()
    local = Local(pair, nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
    try:
        have = local.ask(pair.port, made)
    except Exception:  # raising is an answer
        return CALL
    if len(have) != len(exact) or not all(map(_within, have, exact, limits)):
        return CALL
    return VERDICT if local.judge(made) is not None else WHOLE


def _within(have: AnyArray, exact: AnyArray, limits: Sequence[float]) -> bool:
    """What the script asks of one array."""
    if have.shape != exact.shape:
        return False
    with np.errstate(invalid="ignore"):
        x = have.astype(np.float64)
        error = np.where((x == exact) | (np.isnan(x) & np.isnan(exact)), 0, x - exact)
    return bool(np.sqrt(np.mean(error**2)) <= limits[0] and np.max(np.abs(error), initial=0) <= limits[1])


def _script(title: str, made: Made, asks: str, imports: str, word: str) -> str:
    name = "output" if made.cotangents is None else "gradient"
    call = (FORWARD if made.cotangents is None else BACKWARD).format(word=word)
    if asks == BITS:
        what, end = "several calls differ", SEVERAL.format(calls=CALLS, word=word)
    else:
        what, end = f"{name} is off by more than its limit", LIMITS.format(name=name)
    root = str(project_root())  # a port may lie there, without being installed
    return WORD.format(title=title, what=what, root=root, imports=imports, call=call, end=end)


def _numbers(prober: Prober, culprit: Culprit) -> tuple[Made, list[AnyArray], list[list[float]]]:
    """A call on the reference's inputs, its exact results, and the limits of its errors."""
    _, pair = prober.pair()
    made = made_at(pair, Point.parse(culprit.places[0]), culprit.within)
    assert made is not None
    local = Local(pair, nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
    if prober.case.vjp and not culprit.fickle and local.judge(made) is None:  # then it is the gradient
        made = local.with_cotangents(made)
    wanted, rule = local.expected(made), rule_of(made)
    rounded = isinstance(rule, Exact | Ulp)
    exact = [cast(e.oracle, e.dtype) if rounded and e.dtype else e.oracle for e in wanted]
    return made, [x.astype(np.float64) for x in exact], [list(_limits(e, rule)) for e in wanted]


def _limits(expected: Expected, rule: Rule) -> tuple[float, float]:
    """The largest errors that pass, RMS and largest element."""
    if expected.dtype is None or isinstance(rule, Exact) or expected.reference is None:
        return 0.0, 0.0
    if isinstance(rule, Ulp):
        assert expected.dtype is not None
        steps = rule.n * ulp(cast(expected.oracle, expected.dtype).astype(np.float64), expected.dtype)
        steps = np.where(np.isfinite(steps), steps, 0.0)
        return float(np.sqrt(np.mean(steps**2))), float(np.max(steps, initial=0))
    own = compare(expected, expected.reference, nonfinite="any")
    rms = max(own.error.rms if own.error else 0.0, expected.floor.rms if expected.floor else 0.0)
    largest = max(own.error.max if own.error else 0.0, expected.floor.max if expected.floor else 0.0)
    return rule.rms * rms, rule.max * largest


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
        "floating": [i for i, x in enumerate((*args, *kwargs.values())) if _is_floating(x)],
        "point": made.point.address,
    }
    return tensors, template | {"bfloat16": halves}


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and is_floating(x)


def _storable(x: AnyArray) -> AnyArray:
    """An array that MLX reads: bfloat16 as its bits, integers of 32 bits."""
    x = np.ascontiguousarray(x)
    if x.dtype == ml_dtypes.bfloat16:
        return x.view(np.uint16)
    return x.astype(np.int32) if x.dtype == np.int64 else x


def _import_of(prober: Prober, culprit: Culprit, made: Made, swaps: Sequence[str]) -> tuple[str, str]:
    """The lines that import the port's word, as it is said at a point, and how to call it.

    A swap at a path goes before one of the word everywhere, and does not reach what another word says. What
    a word says in turn is swapped too.
    """
    spec = prober.case.spec
    assert isinstance(spec, LayerSpec)
    assert spec.words is not None
    point, lines, found = made.point, [f"import {spec.words[1]} as words"], ""
    for text in swaps:
        target, _, where = text.partition("=")
        location, _, function = where.rpartition(":")
        module = Path(location).stem if location.endswith(".py") else location
        path, _, word = target.rpartition("/")
        if target.startswith(f"{spec.words[1]}."):
            lines += [f"import {module}", f"words.{target.rpartition('.')[2]} = {module}.{function}"]
        elif path and word == point.word and not culprit.within and swap.matches(path, point.path):
            found = f"{module}.{function}"
            lines.append(f"import {module}")
    if numerics.current() != numerics.NAMES[0]:
        package = spec.words[1].partition(".")[0]
        lines += [
            f"from {package} import use",
            f"(PROFILE := use({numerics.current()!r})).__enter__()",
        ]
    return "\n".join(dict.fromkeys(lines)), found or f"words.{point.word}"


def name_of(culprit: Culprit) -> str:
    """A folder's name for a culprit."""
    place = culprit.places[0] if culprit.places else ""
    text = f"{culprit.name}-{place}" if culprit.what == "word" else culprit.name or "outermost"
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)
