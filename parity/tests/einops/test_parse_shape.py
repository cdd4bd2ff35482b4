"""parse_shape beside the einops package: the same sizes by name, the same patterns refused."""

import warnings
from typing import Any

import mlx.core as mx
import pytest
from hypothesis import strategies as st

from mlx_impl.einops import EinopsError, parse_shape, rearrange

from .conftest import Search

einops = pytest.importorskip("einops", reason="the einops package is what ours is compared with")
torch = pytest.importorskip("torch", reason="the einops package is compared on PyTorch's tensors")

WORDS = ("a", "b", "for", "ß", "_", "_", "...", "1", "()", "2", "3", "(c1)", "(_)", "(1)",
         "(a c1)", "a", "_a", "0", "(", "2b", "a,", "...b", "->", "(...)", "((a))")  # fmt: skip


def test_random_patterns(search: Search) -> None:
    """The same dictionary, or refused on both sides."""
    seen = {True: 0, False: 0}

    def agrees(case: tuple[list[int], list[str]]) -> None:
        shape, pattern = case[0], " ".join(case[1])
        ours = _sizes(lambda: parse_shape(mx.zeros(shape), pattern), EinopsError)
        # Brackets around '...' the package refuses by Python's error, for what it looks for in a list.
        theirs = _sizes(lambda: einops.parse_shape(torch.zeros(shape), pattern), (RuntimeError, ValueError))
        assert ours == theirs
        seen[ours is None] += 1

    word = st.sampled_from(WORDS[:9]) | st.sampled_from(WORDS)
    size = st.integers(1, 3)
    cases = st.lists(word, max_size=4).flatmap(
        lambda words: st.tuples(
            st.lists(size, min_size=len(words), max_size=len(words)) | st.lists(size, max_size=4),
            st.just(words),
        )
    )
    search(cases, agrees, 250)
    assert min(seen.values()) > 0.05 * sum(seen.values()), f"a search of one kind only: {seen}"


def _sizes(call: Any, errors: Any) -> dict[str, int] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are keywords
        try:
            return dict(call())
        except errors:
            return None


def test_sizes_for_another_pattern() -> None:
    """What it is for."""
    x = mx.zeros((2, 3, 4, 5))
    y = rearrange(x, "b c h w -> (b h w) c")
    assert rearrange(y, "(b h w) c -> b c h w", **parse_shape(x, "b _ h w")).shape == x.shape


def test_the_result_is_the_callers() -> None:
    """Changing it changes no later one."""
    x = mx.zeros((2, 3))
    parse_shape(x, "a b")["a"] = 7
    assert parse_shape(x, "a b") == {"a": 2, "b": 3}


@pytest.mark.parametrize("wrong", [None, [mx.zeros((2,))], 3])
def test_what_is_no_array(wrong: Any) -> None:
    """Refused by the one error."""
    with pytest.raises(EinopsError, match="expected an MLX array"):
        parse_shape(wrong, "a")
