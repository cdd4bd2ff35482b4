"""What a spec may demand of a port: bit for bit, n units in the last place, or a ratio of errors."""

from dataclasses import dataclass

from .errors import SpecError

RMS_LIMIT = 2.0
MAX_LIMIT = 4.0


@dataclass(frozen=True)
class Exact:
    """Bit for bit, the sign of zero included: data movement, indexing, integers."""

    def __str__(self) -> str:
        return "exact"


@dataclass(frozen=True)
class Ulp:
    """At most `n` units in the last place of the correctly rounded result, element by element.

    `source` says where n comes from: a bound in a paper, a specification's table, a measurement.
    """

    n: int
    source: str

    def __post_init__(self) -> None:
        if self.n < 0:
            raise SpecError(f"Ulp(n={self.n}): n counts units in the last place, it cannot be negative")
        if not self.source:
            raise SpecError("Ulp needs a source for its n: a paper, a specification, a measurement")

    def __str__(self) -> str:
        return f"{self.n} ulp"


@dataclass(frozen=True)
class Ratio:
    """error(port) ≤ k · max(error(reference), floor), in RMS and in the largest element.

    The floor is measured on the reference; see `parity.floor`. Limits above 2 and 4 need a `reason`.
    """

    rms: float = RMS_LIMIT
    max: float = MAX_LIMIT
    reason: str = ""

    def __post_init__(self) -> None:
        if not (self.rms > 0 and self.max > 0):
            raise SpecError(f"Ratio(rms={self.rms}, max={self.max}): limits must be positive")
        if (self.rms > RMS_LIMIT or self.max > MAX_LIMIT) and not self.reason:
            raise SpecError(
                f"Ratio(rms={self.rms}, max={self.max}) is looser than {RMS_LIMIT} and {MAX_LIMIT}: "
                "write the reason next to it, Ratio(..., reason='...')"
            )

    def __str__(self) -> str:
        return f"{self.rms:g}× rms, {self.max:g}× max"


Rule = Exact | Ulp | Ratio
