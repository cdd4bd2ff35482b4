"""The gradients of parameters, as parts of several models give them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from parity.dtypes import AnyArray
from parity.sides.spill import Spill, Spilled

Found = Sequence[Mapping[str, AnyArray]]
"""Gradients by name, of one part of each model; what is not there is zero."""


class Gradients:
    """Gradients that are whole are handed on at once; those of which more may come wait in a file.

    Args:
        zeros: what the gradient of each parameter is that nothing reaches, a mapping a model.
        shared: the parameters that several parts may have gradients for.
        folder: where the file may lie.
    """

    def __init__(
        self, zeros: Sequence[Mapping[str, AnyArray]], shared: Collection[str], folder: Path | None
    ) -> None:
        self._zeros = zeros
        self._shared = shared
        self._spill = Spill(folder)
        self._waiting: list[dict[str, Spilled]] = [{} for _ in zeros]
        self._whole: set[str] = set()
        self.late: set[str] = set()
        """Parameters for which something came after they had been handed on."""

    @property
    def names(self) -> list[str]:
        """The parameters that all models have, in the order of the first."""
        return [n for n in (self._zeros[0] if self._zeros else ()) if all(n in z for z in self._zeros)]

    def of(self, found: Found) -> Iterator[tuple[str, list[AnyArray]]]:
        """Of a part: each parameter with the gradients of all models, if they are whole."""
        for name in dict.fromkeys(name for own in found for name in own):
            if not all(name in zeros for zeros in self._zeros):
                continue
            if name in self._shared or name in self._whole:
                self._wait(name, found)
                continue
            self._whole.add(name)
            yield name, [own.get(name, zeros[name]) for own, zeros in zip(found, self._zeros, strict=True)]

    def add(self, found: Found) -> None:
        """Of what is no part."""
        for name in dict.fromkeys(name for own in found for name in own):
            self._wait(name, found)

    def rest(self) -> Iterator[tuple[str, list[AnyArray]]]:
        """All that was not handed on, when nothing more comes."""
        for name in self.names:
            if name not in self._whole:
                yield (
                    name,
                    [
                        self._spill.get(own[name]) if name in own else zeros[name]
                        for own, zeros in zip(self._waiting, self._zeros, strict=True)
                    ],
                )

    def _wait(self, name: str, found: Found) -> None:
        if name in self._whole:
            self.late.add(name)
            return
        for own, waiting in zip(found, self._waiting, strict=True):
            if name in own:
                known = waiting.get(name)
                total = own[name] if known is None else self._spill.get(known) + own[name]
                waiting[name] = self._spill.put(total)
