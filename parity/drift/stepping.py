"""A model in a thread of its own, which stands still wherever somebody wants to look.

At most one of several such models runs at a time, so what is looked at lives no longer than the look.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from parity.sides.base import Outcome
from parity.sides.live import Live


@dataclass(frozen=True)
class Ended:
    """A model that ran to its end, with what it gave, or the exception that ended it."""

    outcome: Outcome | None
    error: Exception | None = None


class _AbortError(BaseException):
    """Unwinds a model that is no longer wanted."""


_GO = object()
_ABORT = object()

S = TypeVar("S")


class Stepper(Generic[S]):
    """One model; `work` is its run, which calls `stop` with what there is to be seen."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._orders: SimpleQueue[Any] = SimpleQueue()
        self._replies: SimpleQueue[Any] = SimpleQueue()
        self._started = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"model-{live.name}")

    def work(self) -> Outcome:
        """The run, in the model's own thread."""
        raise NotImplementedError

    def advance(self) -> S | Ended:
        """Let the model run to its next stop, or to its own end."""
        if self._started:
            self._orders.put(_GO)
        else:
            self._started = True
            self._thread.start()
        reply: S | Ended = self._replies.get()
        self._ended = isinstance(reply, Ended)
        return reply

    def ask(self, question: Callable[[Live], Any]) -> Any:
        """Have the model's own thread answer while the model stands still.

        Raises: what the question raises.
        """
        self._orders.put(question)
        answer, error = self._replies.get()
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        """End the model wherever it is."""
        if self._started and not self._ended:
            self._orders.put(_ABORT)
        if self._started:
            self._thread.join()

    def stop(self, seen: S) -> None:
        """Stand still, and answer questions, until told to go on."""
        self._replies.put(seen)
        del seen  # whoever looks may let go of it while the model goes on
        while True:
            order = self._orders.get()
            if order is not _ABORT:
                self.live.resume()
            if order is _GO:
                return
            if order is _ABORT:
                raise _AbortError
            try:
                self._replies.put((order(self.live), None))
            except Exception as error:
                self._replies.put((None, error))
            del order

    def _run(self) -> None:
        try:
            self._replies.put(Ended(self.work()))
        except _AbortError:
            return
        except Exception as error:  # the model's answer, for whoever waits for it
            self._replies.put(Ended(None, error))


T = TypeVar("T", bound=Stepper[Any])


@contextmanager
def ending(steppers: Sequence[T]) -> Iterator[Sequence[T]]:
    """The same models, all ended afterwards."""
    try:
        yield steppers
    finally:
        for stepper in steppers:
            stepper.close()
