"""Whether a word runs on its Metal kernel: asked by the caller, by the context, or by the device."""

import difflib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import mlx.core as mx

POLICIES = ("auto", "on", "off")
VARIABLE = "MLX_IMPL_KERNELS"
"""The policy where no context has one: ``auto`` if the variable is not set."""
FLOATS = (mx.float32, mx.float16, mx.bfloat16)
LARGEST = 2**29
"""Elements of an input: kernels index with 32 bits, and most write at most four times as many.
One whose results are larger than that asks :func:`writes` as well."""

WRITTEN = 2**31
"""Elements of an output that signed 32-bit indices do not reach any more."""


@dataclass(frozen=True)
class Support:
    """Yes, or no with a reason."""

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


YES = Support()


@dataclass(frozen=True)
class Decision:
    """What a word ran on: its kernel, or MLX's own operations for a reason."""

    word: str
    kernel: str
    ran: bool
    reason: str


_policy: ContextVar[str | None] = ContextVar("kernels", default=None)
_observers: ContextVar[tuple[Callable[[Decision], None], ...]] = ContextVar("observers", default=())


@contextmanager
def use(policy: str) -> Iterator[None]:
    """Within the context words run on kernels: ``auto`` on an Apple GPU, ``on`` wherever `supports` says
    yes (somebody executes them), or ``off``.

    Raises: ValueError if there is no such policy.
    """
    token = _policy.set(_known(policy, "kernels"))
    try:
        yield
    finally:
        _policy.reset(token)


def _known(policy: str, origin: str) -> str:
    if policy in POLICIES:
        return policy
    near = difflib.get_close_matches(policy, POLICIES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{origin}={policy!r}, expected one of {', '.join(POLICIES)}{hint}")


@contextmanager
def natively() -> Iterator[None]:
    """Within the context words run on MLX's own operations, and nobody hears of it: what the derivative of a
    kernel is made of is no word's choice.
    """
    heard = _observers.set(())
    try:
        with use("off"):
            yield
    finally:
        _observers.reset(heard)


@contextmanager
def observing(callback: Callable[[Decision], None]) -> Iterator[None]:
    """Within the context `callback` hears of every word that has a kernel, and what it ran on."""
    token = _observers.set((*_observers.get(), callback))
    try:
        yield
    finally:
        _observers.reset(token)


def device() -> Support:
    """Whether operations run on an Apple GPU now."""
    if not mx.metal.is_available():
        return Support("MLX has no Metal here")
    if mx.default_device().type != mx.gpu:
        return Support("the default device is the CPU; set the GPU with mx.set_default_device(mx.gpu)")
    return YES


def running() -> Support:
    """Whether words that are not told otherwise run on kernels now."""
    policy = _in_force()
    if policy == "off":
        return Support("kernels are off")
    return YES if policy == "on" else device()


def _in_force() -> str:
    """The policy of the context, or that of the environment."""
    return _policy.get() or _known(os.environ.get(VARIABLE) or "auto", VARIABLE)


def wanted(kernel: bool | None, word: str, name: str, supports: Support) -> bool:
    """Whether a word should run on its kernel.

    Args:
        kernel: the caller's wish: True it must, False it must not, None as the context and the device say.
        word: the word.
        name: its kernel.
        supports: what the kernel says of these arguments.

    Raises: ValueError if it must and cannot, or the environment asks for a policy that there is not.
    """
    on = running() if kernel is None else YES if kernel else Support("kernels are off")
    answer = on and supports
    if kernel and not answer:
        raise ValueError(f"{word}(kernel=True): kernel {name} cannot run this: {answer.reason}; leave it out")
    for observer in _observers.get():
        observer(Decision(word, name, bool(answer), answer.reason))
    return bool(answer)


def floats(*arrays: mx.array | None) -> Support:
    """Whether all arrays have one and the same dtype that kernels know, and not too many elements."""
    dtypes = {a.dtype for a in arrays if a is not None}
    most = max(a.size for a in arrays if a is not None)
    if most > LARGEST:
        return Support(f"{most:,} elements, and kernels index at most {LARGEST:,}")
    if len(dtypes) > 1:
        return Support(f"the dtypes differ ({', '.join(sorted(map(str, dtypes)))})")
    (dtype,) = dtypes
    return YES if dtype in FLOATS else Support(f"dtype {dtype} is none of float32, float16, bfloat16")


def writes(most: int) -> Support:
    """Whether the kernels' 32-bit indices reach all of a result of so many elements."""
    if most < WRITTEN:
        return YES
    return Support(f"a result of {most:,} elements, and kernels index fewer than {WRITTEN:,}")
