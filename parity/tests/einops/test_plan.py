"""Plans: cached, frozen, and of the fewest steps; with messages that say what does not fit."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import mlx.core as mx
import pytest

from mlx_impl.einops import EinopsError, rearrange, reduce, repeat
from mlx_impl.einops.plan import plan
from mlx_impl.einops.recipe import recipe

SHAPE = (2, 4, 3)


@pytest.mark.parametrize(
    ("word", "pattern", "sizes", "steps"),
    [
        ("rearrange", "a b c -> a b c", {}, ["broadcast_to"]),  # a new handle
        ("rearrange", "a b c -> c a b", {}, ["transpose"]),
        ("rearrange", "a b c -> a (b c)", {}, ["reshape"]),
        ("rearrange", "a (b d) c -> a b d c", {"d": 2}, ["reshape"]),
        ("rearrange", "a (b d) c -> a c (b d)", {"d": 2}, ["transpose"]),  # not taken apart
        ("rearrange", "a b c -> 1 a b 1 c", {}, ["reshape"]),
        ("rearrange", "a (b d) c -> c (d a) b", {"d": 2}, ["reshape", "transpose", "reshape"]),
        ("repeat", "a b c -> n a b c", {"n": 5}, ["broadcast_to"]),
        ("repeat", "a b c -> a b c n", {"n": 5}, ["reshape", "broadcast_to"]),  # not copied
        ("repeat", "a b c -> a b (c n)", {"n": 5}, ["reshape", "broadcast_to", "reshape"]),
        ("repeat", "a b c -> a b c n", {"n": 1}, ["reshape"]),
        ("sum", "a b c -> a c", {}, ["sum"]),
        ("sum", "a b c -> a 1 c", {}, ["keeping"]),
        ("sum", "a b c -> c a", {}, ["sum", "transpose"]),
        ("sum", "a (b d) c -> a b c", {"d": 2}, ["reshape", "sum"]),
    ],
)
def test_the_fewest_steps(word: str, pattern: str, sizes: dict[str, int], steps: list[str]) -> None:
    """No axis is moved, split or copied that need not be."""
    found = plan(word, pattern, SHAPE, tuple(sizes.items()))
    assert [step.__name__ for step, _ in found.before] == steps


def test_plans_are_values_made_once() -> None:
    """The same call finds the same plan, and nobody can change it."""
    plan.cache_clear()
    recipe.cache_clear()
    for shape in (SHAPE, SHAPE, (5, 4, 3)):
        rearrange(mx.zeros(shape), "a b c -> c (b a)")
    assert (plan.cache_info().misses, plan.cache_info().hits) == (2, 1)
    assert (recipe.cache_info().misses, recipe.cache_info().hits) == (1, 1)
    found = plan("rearrange", "a b c -> c (b a)", SHAPE, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.before = ()  # type: ignore[misc]
    assert isinstance(hash(found), int)


@pytest.mark.parametrize(
    ("word", "pattern", "sizes", "why"),
    [
        ("rearrange", "a b -> b a", {}, "has 2 axes, but the array has 3"),
        ("rearrange", "a b c d ... -> ...", {}, "Only on the left: 'a', 'b', 'c', 'd'"),
        ("rearrange", "a b c d ... -> a b c d ...", {}, "has 4 axes or more, but the array has 3"),
        ("rearrange", "a b c -> a b c d", {}, "Only on the right: 'd'"),
        ("rearrange", "a (b d) c -> a b c d", {"d": 3}, "Axis 1 has 4 elements, which do not divide"),
        ("rearrange", "a (b d) c -> a b c d", {}, "give all but one"),
        ("rearrange", "a (b d) c -> a b c d", {"d": 0}, "do not divide"),
        ("rearrange", "a (b d) c -> a b c d", {"b": 3, "d": 2}, "but .b=3 d=2. has 6"),
        ("rearrange", "a b c -> a b c", {"e": 3}, "no such axis"),
        ("rearrange", "a b 1 -> a b", {}, "Axis 2 has 3 elements"),
        ("rearrange", "a b c -> a b c ...", {}, "on the right, but not on the left"),
        ("rearrange", "(...) c -> ... c", {}, "in brackets on the left"),
        ("repeat", "a b c -> a b c d", {}, "new axis 'd' is not given"),
        ("repeat", "a b c -> a b", {"d": 2}, "Only on the left: 'c'"),
        ("sum", "a b c -> a b d", {}, "Only on the right: 'd'"),
        ("sum", "a b c -> a 2", {}, "Only on the right: 2"),
    ],
)
def test_what_does_not_fit(word: str, pattern: str, sizes: dict[str, int], why: str) -> None:
    """The message names the axis, the sizes, and what was given."""
    x = mx.zeros(SHAPE)
    call = {"rearrange": rearrange, "repeat": repeat, "sum": partial(reduce, reduction="sum")}[word]
    with pytest.raises(EinopsError, match=why) as caught:
        call(x, pattern, **sizes)  # type: ignore[operator]
    message = str(caught.value)
    assert repr(pattern) in message
    assert str(SHAPE) in message
    assert all(f"{name}={size}" in message for name, size in sizes.items())


def test_threads() -> None:
    """Caches are shared by threads."""
    x = mx.zeros(SHAPE)

    def call(i: int) -> tuple[int, ...]:
        return rearrange(x, f"a{i % 50} b c -> c (b a{i % 50})").shape

    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(call, range(400))} == {(3, 8)}


def test_importing_the_port_does_not_import_it() -> None:
    """``from mlx_impl import einops`` does, and brings neither NumPy nor the package of that name."""
    code = (
        "import sys, mlx_impl; before = 'mlx_impl.einops' in sys.modules; from mlx_impl import einops;"
        "print(before, einops.__name__, *(name in sys.modules for name in ('numpy', 'einops')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "mlx_impl.einops", "False", "False"]
