"""What Apple's compiler refuses is found in the text; what it takes is not."""

import pytest

from parity.msl.refused import refused


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("int n = 1;\ndouble d = 1;", 2, "Metal has no double"),
        ("float total(float* p) { return p[0]; }", 1, "parameter 'p' is a pointer"),
        ("float total(thread float& a,\n  const uint& b) { return b; }", 2, "parameter 'b' is a reference"),
        ("template <typename T> T total(thread T& a, float4* b) { return a; }", 1, "parameter 'b'"),
        ("struct S { float v; float at(const float4& o) const { return o.x; } };", 1, "parameter 'o'"),
        ("void f() {\n  const float* p = q;\n}", 2, "variable 'p' is a pointer"),
        ("void f() {\n  packed_half3 & p = q; }", 2, "variable 'p' is a reference"),
    ],
)
def test_refused(text: str, line: int, words: str) -> None:
    (found,) = refused(text)
    assert found.line == line
    assert words in found.message


@pytest.mark.parametrize(
    "text",
    [
        "float total(const device float* p, thread float& s, threadgroup half* t, constant int& n) { return *p; }",
        "template <typename T, typename P> T total(P p, T& v) { return *p; }",
        "void f() { x * y; device float* p = q; float z = a * b; threadgroup float* t = s; auto p2 = p; }",
        "#define SPACE device\nfloat total(SPACE float* p) { return *p; }",
        "// double\n/* float* p; */ float f(float a) { if (a * b) { return 1; } return 0; }",
        "[[kernel]] void k(const device float* a [[buffer(0)]], uint i [[thread_index_in_simdgroup]]) { }",
        "struct S { S(device float* p) thread : q(p) { } device float* q; };",
        "for (int i = 0; i < n * m; ++i) { while (a & b) { } }",
    ],
)
def test_taken(text: str) -> None:
    assert refused(text) == ()
