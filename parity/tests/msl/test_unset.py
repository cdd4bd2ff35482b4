"""Which local variables are filled with NaN: those that nothing sets, and nothing that is not a variable."""

import pytest

from parity.msl.unset import with_nan


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ("float a;", "a"),
        ("thread float a[4][2], b = 1, c;", "a c"),
        ("half4 v; vec<T, 4> w[2];", "v w"),
        ("for (int i = 0; i < 3; ++i) { T a; a = 1; }", "a"),
        ("switch (n) { case 1: break; default: { float a; } }", "a"),
        ("const auto f = [&](float u) { float w; return w; };", "w"),
        ("float a = 1, b(2), c{3}; threadgroup float t[2]; device float* p; thread float& r = a;", ""),
        ("for (float a; n < 3; ++n) { } return n; n = 3; f(n);", ""),
        ("static constexpr float a[2] = {1, 2}; constexpr int m = 3;", ""),
        ("struct P { float a; float b; }; float c;", ""),
        ("NAMED; float NAME;", ""),
    ],
)
def test_what_is_filled(body: str, filled: str) -> None:
    text = f"#define NAMED float x\n#define NAME y\nvoid k(int n) {{\n{body}\n}}\n"
    out = with_nan(text)
    assert out.count("\n") == text.count("\n")
    assert [w.split(")")[0] for w in out.split("msl_unset(")[1:]] == filled.split()
