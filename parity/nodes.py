"""From specs to tests: which case runs on which side, and what each is called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from . import sides
from .case import Case, named
from .dtypes import FLOAT32, WorkingDtype
from .errors import NotOnKernelError
from .numerics import PROFILED, words_with_a_choice
from .record import Row
from .relations import Relation
from .settings import PORT_SIDES, Settings
from .spec import REGISTRY, ErrorCase, OpSpec


@dataclass(frozen=True)
class Target:
    """Where something runs: a side of the port on a device."""

    side: str
    device: str
    label: str


@dataclass(frozen=True)
class Node:
    """One test: a spec in a dtype on a target, with the name of its case where it has one."""

    id: str
    spec: OpSpec
    dtype: WorkingDtype
    target: Target
    case_name: str = ""
    vjp: bool = False
    seed: int = 0
    relation: Relation | None = None
    error: ErrorCase | None = None

    def case(self) -> Case:
        """The node's named case."""
        return named(self.spec, self.case_name, self.dtype, seed=self.seed, vjp=self.vjp)


EXECUTOR = "msl"
KERNEL_SIDES = ("metal", EXECUTOR)
SLOW = "thousands of times slower than a device: it runs words, and models only if --sides names it"

ONE_IN = 6
"""What the executor runs in turn, it runs of one spec in so many; the profile ``deep`` has them all."""


def targets(settings: Settings, *, executor: bool = False) -> list[Target]:
    """Every side and device that can run here, of those asked for.

    The executor of kernels, too slow for whole models, is among them if the sides are named one by one, or
    with `executor` beyond the profile ``quick``.
    """
    found = []
    for name in settings.sides:
        if sides.why_not(name) is not None or (name == EXECUTOR and _too_slow(settings, executor)):
            continue
        side = sides.get(name)
        here = side.devices()
        devices = [d for d in settings.devices if d in here] if settings.devices else here[:1]
        for device in devices:
            label = name if len(devices) == 1 else f"{name}.{device}"
            found.append(Target(name, device, label))
    return found


def _named(settings: Settings) -> bool:
    return EXECUTOR in settings.sides and settings.sides != PORT_SIDES


def _too_slow(settings: Settings, executor: bool) -> str:
    """Why the executor is left out, or nothing."""
    if _named(settings):
        return ""
    if settings.profile == "quick" and not (executor and EXECUTOR in settings.require_side):
        return "the quick profile compiles no kernels, unless --sides or --require-side names it"
    return "" if executor else SLOW


def not_run(settings: Settings, *, executor: bool = False) -> list[Row]:
    """A row with the reason for every side and device that was asked for and does not run."""
    rows = []
    for name in dict.fromkeys((*settings.sides, *settings.require_side)):
        reason = sides.why_not(name)
        if reason is None and name == EXECUTOR and (slow := _too_slow(settings, executor)):
            rows.append(_absent(name, "", slow))
            continue
        if reason is not None:
            rows.append(_absent(name, "", reason))
            continue
        for device in settings.devices:
            if device not in sides.get(name).devices():
                rows.append(_absent(name, device, sides.why_not(name, device) or ""))
    return rows


def _absent(side: str, device: str, reason: str) -> Row:
    return Row(
        kind="side",
        id=f"side-{side}" + (f"-{device}" if device else ""),
        status="not run",
        side=side,
        device=device,
        reasons=(reason,),
        repeat="parity doctor",
    )


def nodes(
    settings: Settings,
    families: Sequence[str],
    *,
    vjp: bool = False,
    named_cases: str = "all",
    relations: bool = False,
    errors: bool = False,
    first_dtype: bool = False,
    profiles: bool = False,
    kernels: str = "",
    turn: bool = False,
) -> Iterator[Node]:
    """The nodes of some families of specs.

    Args:
        settings: sides, devices, dtypes and seed.
        families: of ``word``, ``layer``, ``model``.
        vjp: gradients; specs without any are left out.
        named_cases: ``all`` of a spec, only the ``first``, or ``none``, a node for the spec as such. The
            profile ``quick`` takes the first of all, ``deep`` all of the first; and ``quick`` takes only
            words in their named cases in every dtype, gradients and all else in the first.
        relations: a node for every relation of a spec.
        errors: a node for every error case of a spec, in float32 and on the spec's first case: the numbers
            that a message must name are of its sizes.
        first_dtype: only in the first dtype, but in the profile ``deep``.
        profiles: only words whose port has a choice of numerical profiles, where it computes with MLX's own
            operations.
        kernels: on the sides that run kernels too: words that have one, in ``all`` dtypes or the ``first``,
            and the first case of layers and models in the first dtype. The profile ``deep`` takes everything
            there, ``quick`` only words. On the executor, unless it is named, ``all`` is the first case in all
            dtypes and the others, and gradients, in the first.
        turn: on the executor, unless it is named, one spec of a family in `ONE_IN`, by the seed.
    """
    chosen = {("quick", "all"): "first", ("deep", "first"): "all"}.get(
        (settings.profile, named_cases), named_cases
    )
    where = targets(settings, executor=True)
    choosing = words_with_a_choice() if profiles else []
    if profiles:
        where = [t for t in where if t.side in PROFILED]
    plain = named_cases != "none" and not relations
    for spec in REGISTRY:
        if profiles and spec not in choosing:
            continue
        if spec.family not in families or (vjp and not _differentiable(spec)):
            continue
        names = spec.cases if chosen == "all" and not errors else spec.cases[:1]
        dtypes = [FLOAT32] if errors else settings.working_dtypes()
        if settings.profile == "quick" and not (plain and spec.family == "word" and not vjp):
            dtypes = dtypes[:1]
        if first_dtype and settings.profile != "deep":
            dtypes = dtypes[:1]
        details: Sequence[Relation | ErrorCase | None] = (None,)
        if relations or errors:
            details = spec.relations if relations else spec.errors
        for name, detail, dtype, target in product(names, details, dtypes, where):
            if target.side in KERNEL_SIDES and not _on_kernels(
                spec, settings, kernels, first=dtype is dtypes[0] and name == names[0]
            ):
                continue
            if target.side == EXECUTOR and not (settings.profile == "deep" or _named(settings)):
                if turn and not _in_turn(spec, settings.seed):
                    continue
                if dtype is not dtypes[0] and (vjp or name != names[0]):
                    continue
            labels = [
                spec.name,
                "" if chosen == "none" else name,
                detail.name if detail else "",
                "vjp" if vjp and spec.family == "word" else "",
                dtype.short,
                target.label,
            ]
            yield Node(
                id="-".join(label.replace(" ", ".") for label in labels if label),
                spec=spec,
                dtype=dtype,
                target=target,
                case_name=name,
                vjp=vjp,
                seed=settings.seed,
                relation=detail if isinstance(detail, Relation) else None,
                error=detail if isinstance(detail, ErrorCase) else None,
            )


def _on_kernels(spec: OpSpec, settings: Settings, kernels: str, *, first: bool) -> bool:
    """Whether a node, perhaps the first of its spec, is for a side that runs kernels as well."""
    if spec.family == "word" and not spec.kernels:
        return False
    if settings.profile == "deep":
        return True
    if spec.family == "word":
        return kernels == "all" or (kernels == "first" and first)
    return bool(kernels) and first and settings.profile != "quick"


def not_on_kernel(
    error: NotOnKernelError, kind: str, id: str, case: Case, target: Target, repeat: str
) -> Row:
    """The row of a case that ran on no kernel where it should have."""
    return Row(
        kind=kind,
        id=id,
        status="not run",
        spec=case.spec.name,
        side=target.side,
        device=target.device,
        dtype=case.dtype.name,
        case=str(case),
        reasons=(str(error),),
        repeat=repeat,
    )


def require_kernel(spec: OpSpec, target: Target) -> None:
    """Raises: NotOnKernelError if a word without a kernel is asked of a side that runs kernels."""
    if target.side in KERNEL_SIDES and spec.family == "word" and not spec.kernels:
        raise NotOnKernelError(
            f"{spec.name} has no kernel: it is judged on MLX's own operations, on side mlx"
        )


def _in_turn(spec: OpSpec, seed: int) -> bool:
    """Whether it is this spec's turn, among those of its family that run kernels."""
    among = [s for s in REGISTRY if s.family == spec.family and (s.kernels or s.family != "word")]
    return among.index(spec) % ONE_IN == seed % ONE_IN


def without_kernels(settings: Settings) -> list[Row]:
    """A row for each side that runs kernels, with the words that have none and are not run there."""
    words = [s.name for s in REGISTRY if s.family == "word" and not s.kernels]
    reason = "no kernel, so judged on MLX's own operations alone: " + ", ".join(words)
    return [
        Row(
            kind="side",
            id=f"side-{t.label}-without-kernels",
            status="not run",
            side=t.side,
            device=t.device,
            reasons=(reason,),
            repeat="parity doctor",
        )
        for t in targets(settings, executor=True)
        if t.side in KERNEL_SIDES and words
    ]


def _differentiable(spec: OpSpec) -> bool:
    return bool(spec.grads) or spec.family != "word"
