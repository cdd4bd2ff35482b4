"""Where loops begin and end."""

import pytest

from parity.msl.loops import loops

pytestmark = pytest.mark.parity_slow


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("for (;;) {\n a;\n}\nb;", [(1, 3)]),
        ("for (;;)\n  for (int i = 0; i < f(1); ++i)\n    x;\ny;", [(1, 3), (2, 3)]),
        ("while (a) b;", [(1, 1)]),
        ("do {\n x;\n} while (y);", [(1, 3), (3, 3)]),
        ("for (;;)\n if (a) { b; }\n else c;\nd;", [(1, 3)]),
        ('// for (;;)\n"while";', []),
        ("x = forward(1);", []),
    ],
)
def test_spans(text: str, spans: list[tuple[int, int]]) -> None:
    assert loops(text) == spans
