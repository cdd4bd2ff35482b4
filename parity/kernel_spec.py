"""What is claimed of a Metal kernel: where it is, what it is launched with, and what its profile may cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .axes import names
from .errors import SpecError, unknown


@dataclass(frozen=True)
class Launching:
    """One launch: sizes of the axes, and the choices that the kernel's geometry takes, with those that follow
    the working dtype in `by_dtype`.
    """

    sizes: Mapping[str, int]
    choices: Mapping[str, Any] = field(default_factory=dict)
    by_dtype: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def choices_in(self, dtype: str) -> dict[str, Any]:
        """The choices in a working dtype."""
        return {**self.choices, **self.by_dtype.get(dtype, {})}

    @property
    def label(self) -> str:
        """``b2.l64-padding2``."""
        sizes = ".".join(f"{n}{v}" for n, v in self.sizes.items())
        choices = ".".join(f"{n}{v}" for n, v in self.choices.items())
        return f"{sizes}-{choices}" if choices else sizes


@dataclass(frozen=True)
class Bars:
    """What a profile may cost.

    Args:
        bytes: device memory moved over the least that the algorithm needs.
        coalescing: the least share of device transactions that had to be.
        bank_conflicts: of threadgroup memory, per access of it, that cannot be avoided.
        threadgroup: bytes of threadgroup memory.
        reason: why a bar is not the usual one.
    """

    bytes: float = 1.15
    coalescing: float = 0.9
    bank_conflicts: float = 0.0
    threadgroup: int = 32 * 1024
    reason: str = ""

    def __post_init__(self) -> None:
        usual = self.bytes <= 1.15 and self.coalescing >= 0.9 and not self.bank_conflicts
        if not usual and not self.reason:
            raise SpecError("Bars: a bar below the usual needs a reason=")


@dataclass(frozen=True)
class KernelSpec:
    """A kernel's claims.

    Args:
        target: the kernel, ``"package.module:NAME"``.
        inputs: axes of each input, ``"b c l"``, drawn standard-normal in the working dtype; or ``"=b l"``,
            integers that are the sizes of axes.
        launches: at and around every edge of a tile; all are checked.
        profiled: a launch large enough to be typical, on which the bars are held.
        bars: of the profile.
        dtypes: working dtypes of the inputs.
        fixed: dtypes of inputs that do not follow the working dtype.
    """

    target: str
    inputs: Mapping[str, str]
    launches: tuple[Launching, ...]
    profiled: Launching
    bars: Bars = field(default_factory=Bars)
    dtypes: tuple[str, ...] = ("float32", "float16", "bfloat16")
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.partition(":")[2].lower()

    def __post_init__(self) -> None:
        known = {n for axes in self.inputs.values() for n in names(axes.removeprefix("="))}
        for launching in (*self.launches, self.profiled):
            missing = known - set(launching.sizes)
            if missing:
                raise SpecError(
                    f"{self.target}: launch {launching.label} has no size of {', '.join(sorted(missing))}"
                )


KERNELS: dict[str, KernelSpec] = {}
POLICIES: list[str] = []
"""Context managers of ports, ``"package.module:name"``, called with ``"on"`` on the sides that run kernels
and with ``"off"`` on the side that runs MLX's own operations."""
OBSERVERS: list[str] = []
"""Context managers of ports, ``"package.module:name"``, called with a function that hears of every call of a
word that has a kernel: an object with `word`, `kernel`, `ran` (whether it runs on it), `reason` (why not)."""


def kernel(
    target: str,
    inputs: Mapping[str, str],
    launches: tuple[Launching, ...],
    profiled: Launching,
    **more: Any,
) -> KernelSpec:
    """Declare a kernel.

    Raises: SpecError if it is declared already, or a launch has not the size of an axis.
    """
    spec = KernelSpec(target, inputs, launches, profiled, **more)
    if KERNELS.setdefault(spec.name, spec) != spec:
        raise SpecError(f"kernel {spec.name} is declared twice")
    return spec


def policy(target: str, *, observe: str = "") -> None:
    """Declare how a port is told to use its kernels or not, a context manager called with on or off; and how
    it says what it does, see `OBSERVERS`. Of a port that does not say, the executor knows only whether it
    launched any kernel, and ``metal`` not even that.
    """
    if target not in POLICIES:
        POLICIES.append(target)
    if observe and observe not in OBSERVERS:
        OBSERVERS.append(observe)


def find(name: str) -> KernelSpec:
    """The kernel of that name.

    Raises: SpecError if there is none.
    """
    if name not in KERNELS:
        raise SpecError(unknown("kernel", name, KERNELS))
    return KERNELS[name]
