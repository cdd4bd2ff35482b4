// The three taps of a channel, and their causal output from a row and the two samples before it.
#include "row.h"

struct Taps {
  float w0, w1, w2, bias;

  float of(thread Row& r, int lane) {
    return w0 * r.at<-2>(lane) + w1 * r.at<-1>(lane) + w2 * r.here + bias;
  }
};

template <typename P, typename Q>
Taps taps(P weight, Q bias, int c) {
  return {float(weight[3 * c]), float(weight[3 * c + 1]), float(weight[3 * c + 2]), float(bias[c])};
}

// The row one chunk further on; beyond the last chunk of a walk nothing is loaded.
template <typename P>
void advance(thread Row& r, P x, int row, int t, int lane, int length, bool last) {
  look_ahead<0>(r, x, row, t, lane, length, last);
  r.before = r.here;
  r.here = r.after;
}
