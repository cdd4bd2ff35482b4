"""What a run is told: options of pytest and of every command, and the same keys in ``[tool.parity]``."""

import argparse
import dataclasses
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .dtypes import WORKING, WorkingDtype, parse_dtype
from .errors import UsageError, unknown
from .sides import NAMES

PORT_SIDES = ("mlx", "metal", "msl")
DEVICES = ("cpu", "gpu")
PROFILES = ("quick", "default", "deep")
ORACLES = ("live", "golden")
BLAS = ("own", "openblas")
NUMERICS = ("canonical", "stable", "fast")


@dataclass(frozen=True)
class Settings:
    """How to run.

    Attributes:
        sides: which of the port's sides to judge.
        dtypes: in which working dtypes.
        devices: on which devices; none means each side's default.
        seed: where all random numbers start.
        profile: how many inputs: ``quick``, ``default`` or ``deep``.
        numerics: the port's numerical profile: ``canonical``, ``stable`` or ``fast``.
        oracle: ``live`` runs the reference, ``golden`` needs no PyTorch.
        require_side: sides without which the run is a failure (exit code 12).
        swap: words to replace, ``mlx_impl.ops.gelu=path/to/file.py:function``.
        update_golden: rewrite our own golden cases instead of comparing with them.
        update_baseline: put this run's figures into the ledger.
        baseline: the ledger, the figures that a case must not fall behind.
        out: the folder for rows and reports.
        specs: modules that declare specs.
        fixtures: the folder of golden cases.
        blas: ``own`` is what MLX brings; ``openblas`` loads the system's into MLX (Linux).
        seeds: inputs a case; none means the profile's.
        bisect: have a failing layer or model test find what makes it fail.
        threads: PyTorch's threads. Sums are split between threads, so everything but the main job's model
            runs with one unless told otherwise: then rows are the same on any number of cores.
    """

    sides: tuple[str, ...] = PORT_SIDES
    dtypes: tuple[str, ...] = tuple(WORKING)
    devices: tuple[str, ...] = ()
    seed: int = 0
    profile: str = "default"
    numerics: str = "canonical"
    oracle: str = "live"
    require_side: tuple[str, ...] = ()
    swap: tuple[str, ...] = ()
    update_golden: bool = False
    update_baseline: bool = False
    baseline: Path = Path("reports/baseline.json")
    out: Path = Path("reports")
    specs: tuple[str, ...] = ("parity.specs",)
    fixtures: Path = Path("fixtures")
    blas: str = "own"
    seeds: int | None = None
    threads: int | None = None
    bisect: bool = False

    def __post_init__(self) -> None:
        for what, given, among in (
            ("side of the port", self.sides, PORT_SIDES),
            ("side", self.require_side, NAMES),
            ("device", self.devices, DEVICES),
        ):
            for name in given:
                if name not in among:
                    raise UsageError(unknown(what, name, among))
        for name, items in (("sides", self.sides), ("dtypes", self.dtypes)):
            if not items:
                raise UsageError(f"{name} is empty: leave it out for all")
        for name, value, known in (
            ("profile", self.profile, PROFILES),
            ("numerics", self.numerics, NUMERICS),
            ("oracle", self.oracle, ORACLES),
            ("blas", self.blas, BLAS),
        ):
            if value not in known:
                raise UsageError(unknown(name, value, known))
        for name, number in (("seeds", self.seeds), ("threads", self.threads)):
            if number is not None and number < 1:
                raise UsageError(f"{name}={number}, expected at least 1")
        for dtype in self.dtypes:
            parse_dtype(dtype)

    def working_dtypes(self) -> list[WorkingDtype]:
        """The formats to run in."""
        return [parse_dtype(name) for name in self.dtypes]

    @classmethod
    def load(cls, root: Path, overrides: Mapping[str, Any]) -> Self:
        """``[tool.parity]`` of the project at `root`, with what the command line gives on top.

        Raises: UsageError if a key is unknown (naming the nearest) or a value has the wrong type.
        """
        values: dict[str, Any] = {}
        file = root / "pyproject.toml"
        if file.is_file():
            table = _table(file)
            for key, value in table.items():
                if key != "lint":  # a table of its own, see parity.lint.config
                    values[_known_key(key, f"[tool.parity] in {file}")] = value
        given = {k: v for k, v in overrides.items() if v is not None}
        values = {k: _coerce(k, v) for k, v in (values | given).items()}
        if "fixtures" in values:
            folder = values["fixtures"] if "fixtures" in given else root / values["fixtures"]
            if not folder.is_dir():
                raise UsageError(f"fixtures={str(values['fixtures'])!r}: there is no folder {str(folder)!r}")
        for name in (
            "out",
            "fixtures",
            "baseline",
        ):  # what the project says is relative to it, not to where we are
            if name not in given:
                values[name] = root / values.get(name, _FIELDS[name].default)
        return cls(**values)

    def as_options(
        self, root: Path, names: Mapping[str, str] | None = None, skip: Sequence[str] = ()
    ) -> list[str]:
        """The options that make a run like this one, those that the project at `root` sets left out."""
        plain = self.load(root, {})
        words = []
        for name, (metavar, _) in _OPTIONS.items():
            value = getattr(self, name.replace("-", "_"))
            if name in ("out", *skip) or value == getattr(plain, name.replace("-", "_")):
                continue
            flag = "--" + (names or {}).get(name, name)
            if metavar is None:
                words.append(flag)
            elif name == "swap":
                words += [word for swap in value for word in (flag, swap)]
            else:
                text = ",".join(value) if isinstance(value, tuple) else str(value)
                words += [flag, text]
        return words


def _table(file: Path) -> Mapping[str, Any]:
    """``[tool.parity]`` of a pyproject.toml.

    Raises: UsageError if the file is not TOML or the table no table.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("parity", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    if not isinstance(table, Mapping):
        raise UsageError(f"[tool.parity] in {file} is {table!r}, expected a table of keys")
    return table


def project_root(start: Path | None = None) -> Path:
    """The nearest folder from `start` (here) upwards whose pyproject.toml has ``[tool.parity]``.

    Without one it is the checkout that this package runs from, and else the folder itself.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and _table(file):
            return folder
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "fixtures").is_dir() else here


_FIELDS = {f.name: f for f in dataclasses.fields(Settings)}


def _known_key(key: str, where: str) -> str:
    name = key.replace("-", "_")
    if name not in _FIELDS:
        raise UsageError(f"{where}: " + unknown("key", key, [f.replace("_", "-") for f in _FIELDS]))
    return name


def _coerce(name: str, value: Any) -> Any:
    """A TOML value or an option's text in the type of the field."""
    default = _FIELDS[name].default
    if isinstance(default, tuple):
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, Sequence):
            raise UsageError(f"{name}={value!r}, expected a list")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if isinstance(default, Path):
        if not isinstance(value, str | Path):
            raise UsageError(f"{name}={value!r}, expected a path")
        return Path(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{name}={value!r}, expected true or false")
        return value
    if name in ("seed", "seeds", "threads"):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise UsageError(f"{name}={value!r}, expected an integer") from None
    if not isinstance(value, str):
        raise UsageError(f"{name}={value!r}, expected text")
    return value


# option → (metavar, help); flags have no metavar. pytest and every command share the table.
_OPTIONS: dict[str, tuple[str | None, str]] = {
    "sides": ("A,B", f"sides of the port to judge, of {', '.join(PORT_SIDES)} (default: all)"),
    "dtypes": ("A,B", "working dtypes: float32, float16, bfloat16, or f32, f16, bf16 (default: all)"),
    "devices": ("A,B", "devices to run on: cpu, gpu (default: each side's own)"),
    "seed": ("N", "where all random numbers start (default: 0)"),
    "profile": ("NAME", "how much: quick, default or deep"),
    "numerics": ("NAME", "the port's numerical profile: canonical, stable or fast (default: canonical)"),
    "oracle": ("KIND", "live runs the reference; golden needs no PyTorch"),
    "require-side": ("A,B", "exit with 12 if one of these sides cannot run"),
    "swap": ("WORD=FILE:NAME", "run with one word replaced, e.g. mlx_impl.ops.gelu=fast.py:gelu"),
    "update-golden": (None, "rewrite the project's own golden cases"),
    "update-baseline": (None, "put this run's figures into the ledger"),
    "baseline": ("FILE", "the ledger (default: reports/baseline.json)"),
    "out": ("DIR", "where rows and reports go (default: reports)"),
    "specs": ("A,B", "modules that declare specs (default: parity.specs)"),
    "fixtures": ("DIR", "folder of golden cases (default: fixtures)"),
    "blas": ("KIND", "own, or openblas to load the system's OpenBLAS into MLX on Linux"),
    "seeds": ("N", "inputs a case (default: the profile's)"),
    "bisect": (None, "a failing layer or model test finds what makes it fail, and says so"),
    "threads": ("N", "threads of PyTorch (default: 1, all for the main job)"),
}
# pytest has taken some of the plain names, or may.
PYTEST_NAMES = {
    name: f"parity-{name}" for name in ("out", "specs", "fixtures", "seeds", "threads", "baseline")
}


def add_options(
    add: Callable[..., Any], *, names: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> None:
    """Declare every option through `add`, an ``add_argument`` or pytest's ``addoption``."""
    for name, (metavar, text) in _OPTIONS.items():
        if name in without:
            continue
        flag = "--" + (names or {}).get(name, name)
        dest = "parity_" + name.replace("-", "_")
        if metavar is None:
            add(flag, dest=dest, action="store_true", default=None, help=text)
        elif name == "swap":
            add(flag, dest=dest, action="append", default=None, metavar=metavar, help=text)
        else:
            add(flag, dest=dest, default=None, metavar=metavar, help=text)


def from_options(root: Path, get: Callable[[str], Any]) -> Settings:
    """Settings from parsed options; `get` looks one up by its destination.

    Raises: UsageError if one of them, or of the keys in ``[tool.parity]``, is wrong.
    """
    given = {name.replace("-", "_"): get("parity_" + name.replace("-", "_")) for name in _OPTIONS}
    return Settings.load(root, given)


def from_namespace(root: Path, namespace: argparse.Namespace) -> Settings:
    """Settings from a command's arguments."""
    return from_options(root, lambda dest: getattr(namespace, dest, None))
