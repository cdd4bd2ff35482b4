// A row walked by a SIMD group in chunks of 32 samples, each loaded once and from an aligned place: what an output
// needs of its neighbours comes from other lanes, and over the ends of a chunk from the chunks beside it.

template <typename P>
float sample(P x, int row, int t, int length) {
  return t >= 0 && t < length ? float(x[row + t]) : 0.0f;
}

struct Row {
  float before, here, after;  // this lane's samples of three chunks

  // The sample O places further on than this lane's own.
  template <int O>
  float at(int lane) {
    if (O == 0) return here;
    const ushort from = (lane + O) & 31;
    const float inside = simd_shuffle(here, from);
    const float outside = simd_shuffle(O < 0 ? before : after, from);
    return lane + O < 0 || lane + O > 31 ? outside : inside;
  }
};

// The first chunk of a walk, with the few samples before it that outputs reach back to.
template <int BACK, typename P>
Row start(P x, int row, int t, int lane, int length) {
  Row r;
  r.before = lane >= 32 - BACK ? sample(x, row, t - 32, length) : 0.0f;
  r.here = sample(x, row, t, length);
  r.after = 0.0f;
  return r;
}

// Loads the chunk after this one, or of the last chunk of a walk only what its outputs reach ahead to.
template <int AHEAD, typename P>
void look_ahead(thread Row& r, P x, int row, int t, int lane, int length, bool last) {
  r.after = !last || lane < AHEAD ? sample(x, row, t + 32, length) : 0.0f;
}
