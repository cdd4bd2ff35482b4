"""rearrange beside the einops package: the same elements in the same places, the same patterns refused."""

from collections import Counter
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl.einops import EinopsError, rearrange

from .beside import both, here, numbers, peculiar, there
from .conftest import Search
from .patterns import Case, cases

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")


def test_random_patterns(search: Search) -> None:
    """Bit for bit, and refused on one side exactly when it is on the other."""
    seen: Counter[str] = Counter()

    def agrees(case: Case) -> None:
        ours, theirs = both(case, numbers(case.shape))
        if why := peculiar(case):
            assert ours is None, why
        else:
            assert (ours is None) == (theirs is None), "refused on one side only"
        if ours is not None and theirs is not None:
            np.testing.assert_array_equal(ours, theirs, strict=True)
        seen["refused" if ours is None else "done"] += 1

    search(cases("rearrange"), agrees, 350)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


DTYPES = (
    "bool_", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "complex64",
)  # fmt: skip
PATTERNS: tuple[tuple[str, dict[str, int]], ...] = (
    ("a (b c) d -> c (d a) b", {"c": 2}),
    ("a b c -> (a b c)", {}),
    ("... c -> c ...", {}),
    ("a b c -> a b c", {}),
)


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(name: str) -> None:
    """Any bits whatever, NaNs, infinities and signed zeros among them, come out as they went in."""
    dtype = getattr(mx, name)
    size = mx.zeros((), dtype=dtype).nbytes
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2 if name == "bool_" else 256, (2, 4, 3, size), dtype=np.uint8)
    x = mx.view(mx.array(bits.reshape(2, 4, 3 * size)), dtype)
    for pattern, sizes in PATTERNS:
        y = rearrange(x, pattern, **sizes)
        assert y.dtype == dtype
        expected = _moved(bits, pattern, sizes)
        np.testing.assert_array_equal(np.array(mx.view(mx.flatten(y), mx.uint8)), expected)


def _moved(bits: np.ndarray[Any, Any], pattern: str, sizes: dict[str, int]) -> np.ndarray[Any, Any]:
    """The bytes of every element where the einops package puts the element."""
    places = einops.rearrange(torch.arange(24).reshape(2, 4, 3), pattern, **sizes).flatten().numpy()
    return np.ravel(bits.reshape(24, -1)[places])


def test_lists_are_stacked() -> None:
    """On a new first axis, and only lists of arrays of one shape."""
    x = numbers((3, 2, 2))
    for pattern, sizes in (("n a b -> a (n b)", {}), ("(m n) a b -> n m b a", {"m": 3}), ("... -> ...", {})):
        ours = here(lambda p=pattern, s=sizes: rearrange([mx.array(i) for i in x], p, **s))  # type: ignore[misc]
        theirs = there(
            lambda p=pattern, s=sizes: einops.rearrange([torch.from_numpy(i) for i in x], p, **s)  # type: ignore[misc]
        )
        assert ours is not None
        np.testing.assert_array_equal(ours, theirs)
    a = mx.zeros((2,))
    for wrong in ([], (a, a), [a, mx.zeros((3,))], [a, None], None, 3.0, np.zeros((2, 2))):
        with pytest.raises(EinopsError, match=r"list|array"):
            rearrange(wrong, "a b -> b a")  # type: ignore[arg-type]


def test_the_result_is_an_array_of_its_own() -> None:
    """Where nothing moves too: the package hands back its argument, which in-place addition then changes."""
    x = mx.zeros((2, 3))
    y = rearrange(x, "a b -> a b")
    y += 1
    assert not mx.any(x).item()


@pytest.mark.parametrize("size", [2.0, "2", [2], None, float("nan"), mx.array(2)])
def test_sizes_are_integers(size: Any) -> None:
    """Whatever the pattern does with them, and NumPy's are integers.

    In the package it depends. Where nothing is split, it compares the size with what is there, so that 2.0
    passes, "2" and [2] too; where something is, PyTorch refuses 2.0, and NumPy's 2 as well, and of a tensor
    that holds 2 the package makes a wrong shape.
    """
    x = mx.zeros((2, 3))
    rearrange(x, "a b -> a b", a=2)  # the plan is there: 2.0 must not find it
    for pattern in ("a b -> a b", "(a c) b -> c a b"):
        with pytest.raises(EinopsError, match="'a'"):
            rearrange(x, pattern, a=size)
        assert rearrange(x, pattern, a=np.int64(2)).size == 6  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", [None, b"a b -> b a", ["a b -> b a"], 3])
def test_patterns_are_text(pattern: Any) -> None:
    """Anything else is refused by the one error."""
    with pytest.raises(EinopsError, match="expected text"):
        rearrange(mx.zeros((2, 3)), pattern)


def test_gradients() -> None:
    """The gradient of a movement is the movement back: bit for bit that of the package on PyTorch."""
    rng = np.random.default_rng(0)
    x, flow = (rng.standard_normal((2, 4, 3)).astype(np.float32) for _ in range(2))
    for pattern, sizes in PATTERNS:
        ct = einops.rearrange(torch.from_numpy(flow), pattern, **sizes)
        t = torch.from_numpy(x).requires_grad_()
        einops.rearrange(t, pattern, **sizes).backward(ct)
        _, (ours,) = mx.vjp(
            lambda z, p=pattern, s=sizes: rearrange(z, p, **s),
            [mx.array(x)],
            [mx.array(ct.numpy())],
        )
        np.testing.assert_array_equal(np.array(ours), t.grad.numpy())


def test_transformations() -> None:
    """Inside ``mx.compile`` and ``mx.vmap`` it does what it does outside."""
    x = mx.array(numbers((5, 2, 4, 3)))

    def move(z: mx.array) -> mx.array:
        return rearrange(z, "a (b c) d -> c (d a) b", c=2)

    expected = mx.stack([move(z) for z in x])
    assert mx.array_equal(mx.vmap(move)(x), expected)
    assert mx.array_equal(mx.vmap(mx.compile(move))(x), expected)
    assert mx.array_equal(mx.compile(move)(x[0]), expected[0])
    columns = mx.moveaxis(x, 0, 2)  # not contiguous, and mapped over an inner axis
    assert mx.array_equal(mx.vmap(move, in_axes=2, out_axes=1)(columns), mx.moveaxis(expected, 0, 1))
