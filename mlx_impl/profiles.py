"""Numerical profiles: which of several honest ways a word takes to its result.

    y = ops.gelu(x, profile="stable")          # this call
    with mlx_impl.use(mlx_impl.FAST):          # every word said within
        y = model(ids)

A profile is a value; the one in force belongs to the context (`contextvars`), so threads and tasks do not
disturb each other. Under ``mx.compile`` the choice is made once, when the function is traced.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_type_hints

Kernels = Literal["frequency", "time"]
Scale = Literal["spectrum", "inverse"]
Points = Literal["double", "smooth"]
Erf = Literal["mlx", "rational", "complement"]
Softmax = Literal["fused", "precise", "blocks"]
Sums = Literal["sequence", "blocks"]
Products = Literal["whole", "blocks"]
Taps = Literal["convolution", "shifts"]
Transforms = Literal["float", "double-double"]
Layers = Literal["words", "fused"]
Means = Literal["once", "mlx"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The choices of a numerical profile; each has the canonical one as its default.

    Attributes:
        name: what reports call it.
        kernels: where the two directions of a long convolution become one: the sum of their spectra
            (``frequency``, two transforms) or of their taps (``time``, one).
        scale: where 1/n of an FFT convolution stands: on the kernel's ``spectrum``, or in the ``inverse``.
        points: how many points an FFT convolution has: ``double`` the length, or the next ``smooth`` number,
            with no prime factor above 5: a signal of 1,021 takes less time over 2,048 points than over 2,042.
        erf: GELU's error function: ``mlx`` has ``mx.erf``; ``rational`` a quotient of polynomials in x²;
            ``complement`` computes the small erfc(|x|/√2), so that nothing cancels in the tail.
        softmax: ``fused`` is ``mx.softmax`` on float32; ``precise`` leaves half precision to MLX, which
            accumulates in float32 without a copy of the input; ``blocks`` sums exponentials in blocks.
        sums: reductions over an axis: ``sequence`` is ``mx.sum`` and MLX's fused normalizations;
            ``blocks`` sums runs of √n terms and then their sums, with an error of √n in place of n.
        products: the inner sum of dense products: ``whole`` is one product, ``blocks`` adds products over
            runs of 64 terms.
        taps: a depthwise filter as one grouped ``convolution``, or as a sum of ``shifts``.
        transforms: on the Metal kernel of the long convolution, in ``float`` or in ``double-double`` from end
            to end, a few times the arithmetic; MLX's own transforms have float32 alone.
        layers: layers say their words one by one, as the reference does; or where words run on Metal kernels,
            ``fused``: short convolution and first gate, long convolution with second gate and residual, the
            filter's whole network, block-diagonal product and GELU gate are a kernel each, which rounds once.
        means: of half precision by einops: summed in float32 and rounded ``once``; or over the leading axes
            or short rows of bfloat16, on a CPU, by ``mlx``, which rounds the sum, 1/n and their product.

    Raises: ValueError if a choice is not one of those.
    """

    name: str
    kernels: Kernels = "frequency"
    scale: Scale = "spectrum"
    points: Points = "double"
    erf: Erf = "mlx"
    softmax: Softmax = "fused"
    sums: Sums = "sequence"
    products: Products = "whole"
    taps: Taps = "convolution"
    transforms: Transforms = "float"
    layers: Layers = "words"
    means: Means = "once"

    def __post_init__(self) -> None:
        for field, known in _choices().items():
            value = getattr(self, field)
            if value not in known:
                raise ValueError(
                    f"profile {self.name!r}: {field}={value!r}, expected one of "
                    f"{', '.join(map(repr, known))}{_nearest(value, known)}"
                )


def _choices() -> Mapping[str, tuple[str, ...]]:
    """Every field of a profile that is a choice, and what it may be."""
    hints = get_type_hints(Profile)
    return {f.name: get_args(hints[f.name]) for f in fields(Profile) if f.name != "name"}


def _nearest(name: Any, known: Any) -> str:
    """What somebody may have meant, as the end of a message."""
    found = get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


CANONICAL = Profile(name="canonical")
"""The order of operations of the reference: the default."""

STABLE = Profile(
    name="stable", kernels="time", points="smooth", erf="complement", softmax="blocks", sums="blocks",
    products="blocks", taps="shifts", transforms="double-double",
)  # fmt: skip
"""The most accurate way of each word that is known here."""

FAST = Profile(
    name="fast", kernels="time", scale="inverse", points="smooth", erf="rational", sums="blocks",
    taps="shifts", layers="fused", means="mlx",
)  # fmt: skip
"""The fastest way of each word that keeps the gate. Its products stay whole: what blocks gain on MLX's
reference BLAS, a GPU would lose."""

PROFILES: Mapping[str, Profile] = {p.name: p for p in (CANONICAL, STABLE, FAST)}
"""The named profiles."""

_IN_FORCE: ContextVar[Profile] = ContextVar("mlx_impl profile", default=CANONICAL)


def resolve(profile: Profile | str | None) -> Profile:
    """The profile that an argument stands for: a value, a name, or None for the one in force.

    Raises: ValueError naming the nearest if there is no such profile, TypeError for anything else.
    """
    if profile is None:
        return _IN_FORCE.get()
    if isinstance(profile, Profile):
        return profile
    if not isinstance(profile, str):
        raise TypeError(
            f"profile={profile!r} is {type(profile).__name__}, expected a Profile, the name of one "
            f"({', '.join(PROFILES)}), or None for the one in force"
        )
    if profile not in PROFILES:
        raise ValueError(
            f"there is no profile {profile!r}, only {', '.join(PROFILES)}{_nearest(profile, PROFILES)}"
        )
    return PROFILES[profile]


@contextmanager
def use(profile: Profile | str | None) -> Iterator[Profile]:
    """Within the context, words that are not told otherwise take this profile; None changes nothing.

    Raises: ValueError naming the nearest if there is no such profile.
    """
    token = _IN_FORCE.set(resolve(profile))
    try:
        yield _IN_FORCE.get()
    finally:
        _IN_FORCE.reset(token)
