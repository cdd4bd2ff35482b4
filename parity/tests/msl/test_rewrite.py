"""From Metal's words to C++: what each becomes, with every line where it was."""

import mlx.core as mx
import pytest

from parity.msl.rewrite import rewrite
from parity.msl.tokens import tokens

from .helpers import run

pytestmark = pytest.mark.parity_slow


def _plain(text: str) -> str:
    return " ".join(rewrite(text).split())


@pytest.mark.parametrize(
    "text",
    [
        'float a = 1.0e-3f; // device "x"\n/* thread\n constant */ int b;',
        "a->xyz = b.zyx; '\\'' \"a\\\"b\"",
        "x <<= 2; #define A(x) \\\n x",
    ],
)
def test_tokens_are_the_text(text: str) -> None:
    assert "".join(t.text for t in tokens(text)) == text


@pytest.mark.parametrize(
    ("metal", "cpp"),
    [
        ("device float* p = q;", "float* p = q;"),
        ("threadgroup float* p = tile;", "float* p = tile;"),
        ("f((threadgroup float*)p);", "f(( float*)p);"),
        ("void f(threadgroup float a[32], threadgroup T& b)", "void f( float a[32], T& b)"),
        ("const device T* x", "const T* x"),
        ("const constant int* shape", "const int* shape"),
        ("constant int* shape", "const int* shape"),
        ("constant const int* shape", "const int* shape"),
        ("constant float table[2] = {1, 2};", "const float table[2] = {1, 2};"),
        ("static constexpr constant int n = 4;", "static constexpr int n = 4;"),
        ("constexpr constant bool v = true;", "constexpr bool v = true;"),
        ("thread float v[4];", "float v[4];"),
        ("void next() thread { }", "void next() { }"),
        ("T get() const constant { }", "T get() const { }"),
        ("#include <metal_stdlib>\nint a;", "int a;"),
        ("v.xy", "v.template sw<0,1>()"),
        ("p->bgra", "p->template sw<2,1,0,3>()"),
        ("v.xz = w;", "v.template lv<0,2>() = w;"),
        ("v.zw *= 2;", "v.template lv<2,3>() *= 2;"),
        ("v.xy == w", "v.template sw<0,1>() == w"),
        ("v.x", "v.x"),
        ("v.xyz()", "v.xyz()"),
        ("struct P { float2 xy; }; p.xy", "struct P { float2 xy; }; p.xy"),
        ("1.0.xx", "1.0.xx"),
        (
            "threadgroup_barrier(mem_flags::mem_threadgroup)",
            "threadgroup_barrier(mem_flags::mem_threadgroup)",
        ),
        ("thread_position_in_grid.xy", "thread_position_in_grid.template sw<0,1>()"),
        ("threadgroup T* m [[threadgroup(0)]]", "T* m"),
        ("coherent(system) device float* p = q;", "float* p = q;"),
        ("device coherent float* p = q;", "float* p = q;"),
        ("coherent(device) device atomic_uint* p", "atomic_uint* p"),
        ("bool coherent = f(device_scope);", "bool coherent = f(device_scope);"),
        ('"threadgroup float x;" // device', '"threadgroup float x;" // device'),
    ],
)
def test_words(metal: str, cpp: str) -> None:
    assert _plain(metal) == " ".join(cpp.split())


@pytest.mark.parametrize(
    "declaration",
    [
        "threadgroup float a[8];",
        "threadgroup float a[8], b[8];",
        "threadgroup float a[2][4], b;",
        "threadgroup metal::vec<float, 4> a[2 * (1 + 3)];",
        "threadgroup unsigned int a[8];",
        "alignas(16) threadgroup float a[8];",
        "threadgroup alignas(16) half a[8];",
        "static threadgroup float a[8];",
        "threadgroup\n  float\n  a[8];",
        "threadgroup float a[8] = {0};",
        "threadgroup atomic_uint a;",
        "threadgroup array<float, 8> a;",
    ],
)
def test_declarations_become_references(declaration: str) -> None:
    out = rewrite(declaration)
    assert out.count("\n") == declaration.count("\n")
    assert 'msl_declare<msl_tg_1_a>(1, "a")' in out
    assert out.lstrip().startswith("typedef")
    assert ("msl_declare<msl_tg_2_b>" in out) == (
        "b" in declaration.replace("threadgroup", "").replace("unsigned", "")
    )


def test_lines_stay() -> None:
    text = "\n".join(
        [
            "threadgroup float a[4];",
            "#include <x>",
            "void f(device int* p) {}",
            "void f(constant int* p) {",
            "}",
            "v.xy;",
        ]
    )
    assert rewrite(text).count("\n") == text.count("\n")


def test_functions_that_differ_in_address_space_alone() -> None:
    text = """
        int get(device const int* p) { return *p; }
        int get(threadgroup const int* p) { return *p; }
        int get(constant int* p) { return *p; }
        int get(device const float* p) { return 2; }
        struct S { int v; S(int x) thread : v(x) {} S(int x) threadgroup : v(x) {} int f() { return 1; } int f() const { return 2; } };
    """
    out = rewrite(text)
    assert out.count("return *p") == 1
    assert "return 2; }" in out
    assert out.count("S(int x)") == 1
    assert out.count("int f()") == 2


def test_a_macro_for_threadgroup_memory() -> None:
    out = run(
        "SHARED float a[32];\nuint t = thread_position_in_threadgroup.x;\na[t] = t;\n"
        "threadgroup_barrier(mem_flags::mem_threadgroup);\nout[t] = a[31 - t];",
        header="#define SHARED threadgroup\n",
    )
    assert out.tolist() == [float(31 - t) for t in range(32)]


def test_a_macro_that_declares() -> None:
    header = "#define TILE(T, n, size) threadgroup T n[size]\n#define TWO(a, b) threadgroup float a[32]; threadgroup int b[32];\n"
    out = run(
        "TILE(float, a, 32); TILE(float, b, 32);\nTWO(c, d)\nuint t = thread_position_in_threadgroup.x;\n"
        "a[t] = t; b[t] = 2 * t; c[t] = 3 * t; d[t] = 4 * t;\n"
        "threadgroup_barrier(mem_flags::mem_threadgroup);\nout[t] = a[31 - t] + 100 * b[31 - t] + c[31 - t] + d[31 - t];",
        header=header,
    )
    assert out.tolist() == [208.0 * (31 - t) for t in range(32)]


def test_metal_that_needs_it_all() -> None:
    """Address spaces in templates, member functions, pointers advanced in place, tables, mixed declarations."""
    header = """
        #include <metal_stdlib>
        #include <metal_simdgroup>
        using namespace metal;
        constant constexpr int WIDTH = 4;
        constant float weights[WIDTH] = {1, 2, 3, 4};
        template <typename T> struct Loader {
          const device T* src;
          threadgroup T* dst;
          METAL_FUNC Loader(const device T* s, threadgroup T* d, uint lane) thread : src(s + lane), dst(d + lane) {}
          METAL_FUNC void load() const thread { *dst = *src; }
          void next() thread { src += 32; }
        };
        template <typename T, int N = 2>
        METAL_FUNC T total(const threadgroup T* p) { T s = 0; _Pragma("clang loop unroll(full)") for (int i = 0; i < N; i++) s += p[i]; return s; }
        inline float weigh(constant float* w, int i) { return w[i % WIDTH]; }
        typedef struct { float2 lo; packed_float3 p; } Pair;
        enum Mode : uint { first, second };
    """
    source = """
        threadgroup float tile[32 + 1], scale;
        uint t = thread_index_in_simdgroup;
        Loader<float> loader(x, tile, t);
        loader.load();
        loader.next();
        if (t == 0) { tile[32] = 0; scale = 2; }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        Pair p = {float2(total<float, 2>(tile + t), scale), packed_float3(1, 2, 3)};
        const Mode mode = Mode::second;
        const auto square = [&](float v) { return v * v; };
        switch (mode) { case first: break; case second: p.lo.xy = p.lo.yx; break; }
        out[t] = square(p.lo.x) * p.lo.y + weigh(weights, t) + p.p.z;
    """
    x = mx.arange(64).astype(mx.float32)
    out = run(source, inputs={"x": x}, header=header)
    expected = [4.0 * (t + (t + 1 if t < 31 else 0)) + (t % 4 + 1) + 3 for t in range(32)]
    assert out.tolist() == expected
