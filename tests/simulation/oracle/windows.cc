#include "tests/simulation/oracle/windows.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::sim {
namespace {
// Many keys: the last change of some lies in any delta.
constexpr int64_t kKeys = 61;
constexpr int64_t kMicrosPerRecord = 20'000;
constexpr int64_t kFirstTime = int64_t{1'700'000'000} * 1'000'000;
}  // namespace

Content ContentOf(int32_t split, int64_t seq) {
  const uint64_t mixed = (static_cast<uint64_t>(seq) * 2654435761u) ^ (static_cast<uint64_t>(split) * 40503u);
  return {static_cast<int64_t>(mixed % kKeys), kFirstTime + seq * kMicrosPerRecord, mixed % 7 != 0};
}

std::vector<std::string> WindowsOf(const Ranges& records) {
  struct Sums {
    int64_t count = 0, seqs = 0, splits = 0;
  };
  std::map<std::pair<int64_t, int64_t>, Sums> windows;  // by window and key
  for (const auto& [split, range] : records) {
    for (int64_t seq = range.from; seq < range.to; ++seq) {
      const Content content = ContentOf(split, seq);
      if (!content.passes) continue;
      Sums& sums = windows[{content.time_micros / kWindowMicros, content.key}];
      ++sums.count;
      sums.seqs += seq;
      sums.splits += split;
    }
  }
  std::vector<std::string> rows;
  for (const auto& [window, sums] : windows) {
    rows.push_back(absl::StrCat("{\"k\":", window.second, ",\"b\":", window.first * kWindowMicros / 1000,
                                ",\"c\":", sums.count, ",\"s\":", sums.seqs, ",\"q\":", sums.splits, "}"));
  }
  return rows;
}

}  // namespace weir::sim
