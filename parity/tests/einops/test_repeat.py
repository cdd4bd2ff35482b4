"""repeat beside the einops package: the same elements as often, and the same patterns refused."""

from collections import Counter

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl.einops import EinopsError, repeat

from .beside import both, numbers, peculiar
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

    search(cases("repeat"), agrees, 350)
    assert min(seen["refused"], seen["done"]) > 0.2 * seen.total(), "a search of one kind only"


def test_a_negative_size_is_refused() -> None:
    """PyTorch's expand takes −1 for 'as it is', and with it the package: one copy. Other backends refuse."""
    x = numbers((2, 3))
    assert einops.repeat(torch.from_numpy(x), "a b -> a b c", c=-1).shape == (2, 3, 1)
    with pytest.raises(EinopsError, match="negative"):
        repeat(mx.array(x), "a b -> a b c", c=-1)


PATTERNS: tuple[tuple[str, dict[str, int]], ...] = (
    ("a b -> a n b", {"n": 3}),
    ("a b -> (b 2) (n a)", {"n": 2}),
    ("a b -> 2 b a", {}),
)


@pytest.mark.parametrize(("pattern", "sizes"), PATTERNS)
def test_gradients(pattern: str, sizes: dict[str, int]) -> None:
    """The gradient of a copy is a sum over its copies: exact for small integers, whatever the order."""
    x = numbers((2, 3)).astype(np.float32)
    t = torch.from_numpy(x).requires_grad_()
    y = einops.repeat(t, pattern, **sizes)
    ct = torch.arange(y.numel(), dtype=torch.float32).reshape(y.shape)
    y.backward(ct)
    _, (ours,) = mx.vjp(lambda z: repeat(z, pattern, **sizes), [mx.array(x)], [mx.array(ct.numpy())])
    np.testing.assert_array_equal(np.array(ours), t.grad.numpy())


@pytest.mark.parametrize(("pattern", "sizes"), PATTERNS)
def test_transformations(pattern: str, sizes: dict[str, int]) -> None:
    """Inside ``mx.compile`` and ``mx.vmap`` it does what it does outside, in half precision too."""
    x = mx.array(numbers((4, 2, 3))).astype(mx.bfloat16)
    expected = mx.stack([repeat(z, pattern, **sizes) for z in x])
    assert expected.dtype == mx.bfloat16
    assert mx.array_equal(mx.vmap(lambda z: repeat(z, pattern, **sizes))(x), expected)
    assert mx.array_equal(mx.compile(lambda z: repeat(z, pattern, **sizes))(x[0]), expected[0])
