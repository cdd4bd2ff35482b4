"""A bundle of a module or a parameter, run again."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import load_file

from parity import sides
from parity.case import Case
from parity.dtypes import AnyArray, is_floating
from parity.judge import task_of
from parity.nodes import Target
from parity.numerics import NAMES, chosen
from parity.session import import_specs
from parity.settings import project_root
from parity.sides.live import Live, leaves
from parity.sides.points import Point
from parity.swap import swapped

from .bundle import BITS, VERDICT, WHOLE, WRITES
from .local import Local, Made
from .prober import Prober
from .said import as_layer
from .unsteady import CALLS
from .writes import writers


def replay(folder: Path) -> int:
    """Do again what a bundle says is wrong: 1 while it is, 0 when it is mended."""
    about = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    data: dict[str, AnyArray] = load_file(folder / "data.safetensors")
    import_specs(about["specs"], project_root())
    swaps = [_beside(folder, text) for text in about["swaps"]]
    with chosen(about.get("numerics", NAMES[0])), swapped(swaps):
        case = as_layer(Case.parse(about["case"]))
        places = [Point.parse(place) for place in about["culprit"]["places"]]
        prober = Prober(case, Target(about["side"], about["device"], about["side"]))
        if about.get("asks") == WHOLE:
            return _whole(prober, places)
        port = sides.get(about["side"]).open(task_of(case, case.seed))
        if about.get("asks") == WRITES:
            return _writes(port, places)
        if about["culprit"]["what"] == "parameter":
            return _parameter(port, about["culprit"]["name"], data["given"])
        call = json.loads((folder / "call.json").read_text(encoding="utf-8"))
        if about.get("asks") == VERDICT:
            return _verdict(prober, call, data)
        return _bits(port, call, data) if about.get("asks") == BITS else _call(port, call, data)


def _beside(folder: Path, text: str) -> str:
    """A swap whose file lies in the bundle."""
    target, _, where = text.partition("=")
    location, _, function = where.rpartition(":")
    return f"{target}={folder / location}:{function}" if location.endswith(".py") else text


def _parameter(port: Live, name: str, given: AnyArray) -> int:
    have = np.ascontiguousarray(port.parameters()[name])
    if have.shape == given.shape and have.tobytes() == given.tobytes():
        print(f"{name} is as given")
        return 0
    print(f"{name} is not as given")
    return 1


def _writes(port: Live, places: list[Point]) -> int:
    """Calls that write into their arguments."""
    found = [p for p in writers(port) if p in places]
    print(", ".join(f"{p} writes into its arguments" for p in found) or "no call writes into its arguments")
    return int(bool(found))


def _whole(prober: Prober, points: list[Point]) -> int:
    """Nothing but these calls run by the port, in the reference."""
    score = prober.score("planted", points)
    print(f"planted in the reference: {score}")
    return int(score.bad)


def _verdict(prober: Prober, call: dict[str, Any], data: dict[str, AnyArray]) -> int:
    """One call by its own gate, with its floor measured anew."""
    point, args, kwargs, cotangents = _question(call, data)
    local = Local(prober.pair()[1], nonfinite=prober.case.spec.nonfinite, vjp=prober.case.vjp)
    wrong = local.judge(Made(point, (args, kwargs), tuple(cotangents) or None))
    print(f"{point} by itself: " + ("holds" if wrong is None else f"{wrong.gate:.3g} times its own gate"))
    return int(wrong is not None)


def _bits(port: Live, call: dict[str, Any], data: dict[str, AnyArray]) -> int:
    """Several results of one call on the same numbers."""
    point, args, kwargs, _ = _question(call, data)
    seen = {tuple(x.tobytes() for x in leaves(port.call(point, args, kwargs))) for _ in range(CALLS)}
    print(f"{len(seen)} different results in {CALLS} calls on the same numbers")
    return int(len(seen) > 1)


def _question(
    call: dict[str, Any], data: dict[str, AnyArray]
) -> tuple[Point, tuple[Any, ...], dict[str, Any], list[Any]]:
    """The point, the arguments and the cotangents of a call."""

    def value(x: Any) -> Any:
        if isinstance(x, list):
            return [value(v) for v in x]
        if not (isinstance(x, str) and x.startswith("$")):
            return x
        array = data[x[1:]]
        return array.view(ml_dtypes.bfloat16) if x in call["bfloat16"] else array

    args, kwargs = tuple(value(x) for x in call["args"]), {k: value(x) for k, x in call["kwargs"].items()}
    return Point.parse(call["point"]), args, kwargs, [value(g) for g in call["cotangents"]]


def _call(port: Live, call: dict[str, Any], data: dict[str, AnyArray]) -> int:
    """The errors of one call beside their limits."""
    point, args, kwargs, cotangents = _question(call, data)
    if cotangents:
        gradients, parameters = port.vjp(point, args, kwargs, cotangents)
        results = [*gradients, *(parameters[n] for n in sorted(parameters))]
    else:
        results = [x for x in leaves(port.call(point, args, kwargs)) if isinstance(x, np.ndarray)]
    bad = len(results) != len(call["limits"])
    for i, (result, (rms_limit, max_limit)) in enumerate(zip(results, call["limits"], strict=False)):
        if result.shape != data[f"exact.{i}"].shape:
            print(f"{point} {i}: shape {result.shape}, expected {data[f'exact.{i}'].shape}")
            bad = True
            continue
        error = result.astype(np.float64) - data[f"exact.{i}"]
        rms, largest = float(np.sqrt(np.mean(error**2))), float(np.max(np.abs(error), initial=0.0))
        print(
            f"{point} {i}: error {rms:.3g} RMS, limit {rms_limit:.3g}; largest {largest:.3g}, {max_limit:.3g}"
        )
        within = rms <= rms_limit and largest <= max_limit
        bad |= not within and (is_floating(result) or largest > 0)
    return int(bad)
