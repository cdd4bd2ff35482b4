"""Whether layers say several words as one, that a fused kernel computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mlx_impl.kernels.dispatch import running
from mlx_impl.profiles import resolve

_apart: ContextVar[bool] = ContextVar("words apart", default=False)


def fuses() -> bool:
    """Whether the profile in force wants it, words run on kernels, and nobody wants to hear them apart."""
    return resolve(None).layers == "fused" and not _apart.get() and bool(running())


@contextmanager
def unfused() -> Iterator[None]:
    """Within the context layers say every word by itself, whatever the profile: each has its twin then."""
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)
