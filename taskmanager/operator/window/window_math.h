#pragma once

#include <cstdint>

namespace weir::taskmanager {

/// Where windows and slices lie on the time axis; all in microseconds, ends exclusive.
/// Slice `end` covers [end - slice, end); window `end` covers [end - size, end). Windows start at multiples of `slide`
/// counted from the epoch, as Flink's do; a slice begins wherever one starts or ends.
/// Source: Traub et al., Scotty (EDBT 2019): aggregate once per slice, merge slices per window.
struct WindowMath {
  int64_t size = 0, slide = 0, slice = 0, lateness = 0;

  static int64_t FloorTo(int64_t t, int64_t unit) {
    const int64_t rest = t % unit;
    return rest < 0 ? t - rest - unit : t - rest;
  }
  int64_t SliceEndOf(int64_t t) const { return FloorTo(t, slice) + slice; }
  int64_t FirstWindowEnd(int64_t slice_end) const { return FloorTo(slice_end - size + slide - 1, slide) + size; }
  int64_t LastWindowEnd(int64_t slice_end) const { return FloorTo(slice_end - slice, slide) + size; }
  /// The least window end above `t`.
  int64_t NextWindowEnd(int64_t t) const { return FloorTo(t - size, slide) + size + slide; }
  /// No window covers it (slide > size leaves gaps).
  bool InNoWindow(int64_t slice_end) const { return FirstWindowEnd(slice_end) > LastWindowEnd(slice_end); }
  /// Nothing that still comes for the slice counts, and its state may go.
  bool IsClosed(int64_t slice_end, int64_t watermark) const {
    return LastWindowEnd(slice_end) + lateness <= watermark;
  }
  bool tumbling() const { return size == slide; }
};

}  // namespace weir::taskmanager
