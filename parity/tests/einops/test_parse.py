"""Patterns as values, and every way to get one wrong with a message of its own."""

import pytest

from mlx_impl.einops import EinopsError, UnsupportedPatternError
from mlx_impl.einops.parse import Expression, parse, sides


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a bc  d1", (("a",), ("bc",), ("d1",))),
        ("(a b)c", (("a", "b"), ("c",))),
        ("() 1 (1) ( )", ((), (), (), ())),
        ("2 (3 1 a)", ((2,), (3, "a"))),
        ("a ... (b)", (("a",), ..., ("b",))),
        ("(a ... 01)", (("a", ...),)),
        ("", ()),
        ("٣", ((3,),)),
    ],
)
def test_groups(text: str, groups: tuple[object, ...]) -> None:
    """A group for each axis of the array; an axis of one element is an empty group."""
    assert parse(text) == Expression(groups)  # type: ignore[arg-type]
    assert hash(parse(text)) == hash(Expression(groups))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a (b (c))", "within brackets"),
        ("a (b", "without a closing"),
        ("a) b", "without an opening"),
        ("a b a", "'a' stands twice"),
        ("... (a ...)", "More than one"),
        ("a…", "letters, digits"),
        ("…", "letters, digits"),
        ("..", "letters, digits"),
        ("a.", "letters, digits"),
        ("a\tb", "letters, digits"),
        ("1a", "begins with a letter"),
        ("_", "underscore"),
        ("a_", "underscore"),
        ("0", "size 0"),
    ],
)
def test_mistakes(text: str, why: str) -> None:
    """What is wrong stands in the message."""
    with pytest.raises(EinopsError, match=why):
        parse(text)


def test_one_arrow() -> None:
    """None, or two, are counted in the message."""
    assert sides("a->b") == ("a", "b")
    for text, count in (("a b", "0 arrows"), ("a -> b -> c", "2 arrows"), ("a → b", "0 arrows")):
        with pytest.raises(EinopsError, match=count):
            sides(text)


def test_the_error_is_what_other_code_catches() -> None:
    """ValueError as the port's words raise, RuntimeError as the package's error is; one family."""
    assert issubclass(EinopsError, ValueError)
    assert issubclass(EinopsError, RuntimeError)
    assert issubclass(UnsupportedPatternError, EinopsError)
    assert issubclass(UnsupportedPatternError, NotImplementedError)
