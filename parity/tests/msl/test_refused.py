"""What Apple's compiler refuses is found in the text; what it takes is not."""

import pytest

from parity.msl.refused import Refusal, refused
from parity.msl.signature import Array, generate


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


TOTAL = "float total(device const float* p, int n) { return p[n]; }\n"
TABLE = "namespace n { constant float table[3] = {1, 2, 3}; }\n"


def of_kernel(body: str, header: str = "") -> tuple[Refusal, ...]:
    """What is refused in a kernel as MLX makes it: `x` and `out` are device, `w` and `z` constant memory."""
    text = generate(
        name="k",
        source=f"threadgroup float tile[8][9], line[64], sum;\nfloat acc[4];\n{body}",
        header=header,
        input_names=["x", "w", "z"],
        inputs=[Array("float32", (64,)), Array("float32", (7,)), Array("float32", ())],
        output_names=["out"],
        outputs=["float32"],
        template=[("T", "float32"), ("N", 1)],
    )
    return tuple(Refusal(r.line - text.body_line - 1, r.message, r.remedy) for r in refused(text.text))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("auto p = (threadgroup float4*)x;", "threadgroup memory is made of 'x', which is in device"),
        ("auto p = (const device T*)w + 3;", "device memory is made of 'w', which is in constant"),
        ("auto p = (device float*)(line + 2);", "made of 'line'"),
        ("auto p = (device atomic_uint*)&sum;", "made of 'sum'"),
        ("auto p = (const device float*)&z;", "made of 'z'"),
        ("auto p = reinterpret_cast<threadgroup T*>(out);", "made of 'out'"),
        ("auto p = static_cast<constant float*>(&tile[1][2]);", "made of 'tile'"),
        ("if (z > 0) out[0] = *(threadgroup float*)&out[1];", "made of 'out'"),
        ("device float* p = line;", "'p' points to device memory and is set to 'line'"),
        ("const device float* p = x, *q; q = &w[2];", "'q' points to device memory and is set to 'w'"),
        ("threadgroup float* p; p = acc + 1;", "set to 'acc', which is in thread memory"),
        ("for (device float *p = tile[0] + 1, *q = out; p < q; p = line) { }", "'p' points to device"),
        ("device float* p = (threadgroup float*)something;", "set to a pointer, which is in threadgroup"),
        ("device float* p = table;", "'table', which is in constant memory"),
        ("out[0] = total(line, 3);", "parameter 'p' of 'total' points to device memory and is given 'line'"),
        ("float v = 2 * total(&tile[1][0], 3);", "is given 'tile'"),
        ("float v = 2 * x[0]; threadgroup float* p = (threadgroup float*)x;", "made of 'x'"),
    ],
)
def test_a_pointer_that_changes_its_address_space(body: str, words: str) -> None:
    (found,) = of_kernel("\n\n" + body, TOTAL + TABLE)
    assert found.line == 3
    assert words in found.message


def test_a_small_input_is_told_as_such() -> None:
    (of_input,) = of_kernel("const device float* p = w;")
    (of_tile,) = of_kernel("const device float* p = line;")
    assert "MLX passes an input of fewer than 8 elements in constant memory" in of_input.remedy
    assert (
        of_tile.remedy
        == "a pointer keeps its address space: declare it with threadgroup, or copy the elements"
    )


def test_in_a_function_of_the_header() -> None:
    """Not in a template: what nobody instantiates is not compiled."""
    function = "float f(threadgroup float* p) {\n  device float* q = p; return *q; }\n"
    assert [r.message for r in refused(function)] == [
        "'q' points to device memory and is set to 'p', which is in threadgroup memory"
    ]
    assert refused("template <int N> " + function) == ()


@pytest.mark.parametrize(
    "body",
    [
        "threadgroup float* p = line; device float4* q = (device float4*)out + 1; constant float* c = w + 1;",
        "threadgroup float4* p = (threadgroup float4*)&tile[3][1]; thread float4* q = (thread float4*)acc;",
        "auto p = line; device float* q = p;",
        "float v = w[0]; out[0] = v; *out = w[1]; if (v > 0) *out = line[0]; else *out = acc[0];",
        "float a = (float)w[0]; ulong b = (ulong)x; int c = (int)tile[0][1]; device float* p = (device float*)16;",
        "const device float* p = z > 0 ? x : out; device float* q = out + (x - out);",
        "{ device float* line = out; device float* p = line; }",
        "{ threadgroup float* p; p = line; } device float* p = out;",
        "auto f = [&](device float* line) { device float* p = line; };",
        "auto f = [line = out] { device float* p = line; };",
        "auto [line, b] = pair; device float* p = line;",
        "vec<device float*, 2> line; device float* p = line;",
        "SPACE float* line = out; device float* p = line;",
        "USE(line); device float* p = line;",
        "device float* hidden = out; { DECLARE; hidden = line; }",
        "device float* p = loose;",
        "NAMED(float) line = out; device float* p = line;",
        "decltype(out) line = out; device float* p = line;",
        "{ device float (*line)[4] = 0; device float* p = line; }",
        "struct P { int at(T* line) { device float* p = line; return 0; } };",
        "device float* q[2] = {out, out}; device float* p = q[0]; device Pair* r = pair.line; r->line = acc;",
        "#if OLD\ndevice float* p = line;\n#endif",
        "if constexpr (N > 1) { device T* p = line; } else if (N > 2) device T* q = line; else { }",
        "out[0] = total(x, w[0]); out[1] = any(line); out[2] = two(line); out[4] = two(x); out[3] = MANY(line); o.total(line, 1);",
    ],
)
def test_what_is_not_certain_is_not_said(body: str) -> None:
    header = (
        TOTAL
        + """
        #define SPACE device
        const float loose[2] = {1, 2};
        #define NAMED(argument) device argument*
        #define USE(argument) device float* used = argument
        #define MANY(argument) many(argument)
        #define DECLARE threadgroup float* hidden
        template <typename P> float any(P p) { return p[0]; }
        float two(device float* p) { return p[0]; }
        float two(threadgroup float* p) { return p[0]; }
        float MANY(device float* p);
        struct S { device float* line; float total(threadgroup float* p, int n) { line = p; return 0; } };
    """
    )
    assert of_kernel(body, header) == ()
