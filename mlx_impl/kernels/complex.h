// Complex numbers in float, and in double-double: pairs of floats whose exact sum is the value.

float2 from(float re, float im, float2) { return float2(re, im); }
float2 add(float2 a, float2 b) { return a + b; }
float2 subtract(float2 a, float2 b) { return a - b; }
float2 multiply(float2 a, float2 b) {
  return float2(fma(a.x, b.x, -(a.y * b.y)), fma(a.x, b.y, a.y * b.x));
}
float2 scale(float2 a, float s) { return a * s; }
float2 conjugate(float2 a) { return float2(a.x, -a.y); }
float2 times_i(float2 a) { return float2(-a.y, a.x); }

// Double-double: about 48 bits. Products go through fma with a zero addend, which no compiler fuses with what
// follows, so that an error term belongs to the product that was rounded.
struct Twofold { float hi, lo; };

Twofold quick_sum(float a, float b) {  // |a| ≥ |b| or a = 0
  const float s = a + b;
  return {s, b - (s - a)};
}
Twofold exact_sum(float a, float b) {
  const float s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
Twofold exact_product(float a, float b) {
  const float p = fma(a, b, 0.0f);
  return {p, fma(a, b, -p)};
}
Twofold add(Twofold a, Twofold b) {
  const Twofold s = exact_sum(a.hi, b.hi), t = exact_sum(a.lo, b.lo);
  const Twofold u = quick_sum(s.hi, s.lo + t.hi);
  return quick_sum(u.hi, u.lo + t.lo);
}
Twofold negate(Twofold a) { return {-a.hi, -a.lo}; }
Twofold multiply(Twofold a, Twofold b) {
  const Twofold p = exact_product(a.hi, b.hi);
  return quick_sum(p.hi, fma(a.hi, b.lo, fma(a.lo, b.hi, p.lo)));
}

struct TwofoldComplex { Twofold re, im; };

TwofoldComplex from(float re, float im, TwofoldComplex) { return {{re, 0.0f}, {im, 0.0f}}; }
TwofoldComplex add(TwofoldComplex a, TwofoldComplex b) { return {add(a.re, b.re), add(a.im, b.im)}; }
TwofoldComplex conjugate(TwofoldComplex a) { return {a.re, negate(a.im)}; }
TwofoldComplex times_i(TwofoldComplex a) { return {negate(a.im), a.re}; }
TwofoldComplex subtract(TwofoldComplex a, TwofoldComplex b) {
  return {add(a.re, negate(b.re)), add(a.im, negate(b.im))};
}
TwofoldComplex multiply(TwofoldComplex a, TwofoldComplex b) {
  return {add(multiply(a.re, b.re), negate(multiply(a.im, b.im))),
          add(multiply(a.re, b.im), multiply(a.im, b.re))};
}
TwofoldComplex scale(TwofoldComplex a, float s) {  // s is a power of two: exact
  return {{a.re.hi * s, a.re.lo * s}, {a.im.hi * s, a.im.lo * s}};
}

// A value in double-double whatever it was in, and back.
TwofoldComplex precisely(float2 a) { return {{a.x, 0.0f}, {a.y, 0.0f}}; }
TwofoldComplex precisely(TwofoldComplex a) { return a; }
float2 back(TwofoldComplex a, float2) { return float2(a.re.hi, a.im.hi); }
TwofoldComplex back(TwofoldComplex a, TwofoldComplex) { return a; }

// D·u, a gate, and what is added, before the one rounding at the end.
float2 with_skip(float2 y, float2 u, float skip) { return float2(fma(skip, u.x, y.x), fma(skip, u.y, y.y)); }
float2 gated(float2 y, float2 g) { return y * g; }
float2 plus(float2 y, float2 a) { return y + a; }
float2 rounded(float2 y) { return y; }

TwofoldComplex with_skip(TwofoldComplex y, float2 u, float skip) {
  return {add(y.re, exact_product(skip, u.x)), add(y.im, exact_product(skip, u.y))};
}
TwofoldComplex gated(TwofoldComplex y, float2 g) {
  return {multiply(y.re, {g.x, 0.0f}), multiply(y.im, {g.y, 0.0f})};
}
TwofoldComplex plus(TwofoldComplex y, float2 a) {
  return {add(y.re, {a.x, 0.0f}), add(y.im, {a.y, 0.0f})};
}
float2 rounded(TwofoldComplex y) { return float2(y.re.hi + y.re.lo, y.im.hi + y.im.lo); }

// Sums of products x·u of two rows, even and odd samples apart, and their total.
float2 with_product(float2 sum, float2 x, float2 u) { return float2(fma(x.x, u.x, sum.x), fma(x.y, u.y, sum.y)); }
TwofoldComplex with_product(TwofoldComplex sum, float2 x, float2 u) {
  return {add(sum.re, exact_product(x.x, u.x)), add(sum.im, exact_product(x.y, u.y))};
}
float total(float2 sum) { return sum.x + sum.y; }
float total(TwofoldComplex sum) {
  const Twofold both = add(sum.re, sum.im);
  return both.hi + both.lo;
}

template <bool EXACT> struct Complex { typedef float2 type; };
template <> struct Complex<true> { typedef TwofoldComplex type; };
