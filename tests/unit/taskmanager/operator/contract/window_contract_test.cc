#include "tests/unit/taskmanager/operator/contract/window_job.h"

// window_aggregate over slices keeps the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

Contract Slices(Rng& rng) {
  static constexpr std::pair<int64_t, int64_t> kWindows[] = {
      {10, 10}, {2, 2}, {10, 2}, {10, 5}, {12, 1}};
  const auto [size, slide] = kWindows[rng.Below(std::size(kWindows))];
  const int64_t lateness = rng.Below(3) == 0 ? 4 : 0;
  const Keys& keys = RandomKeys(rng);
  const bool distinct = rng.Below(3) == 0;
  Contract contract;
  contract.nodes =
      Nodes(keys.yaml,
            size == slide ? absl::StrCat("{tumbling: ", size, "s}")
                          : absl::StrCat("{sliding: ", size, "s, slide: ", slide, "s}"),
            absl::StrCat("    allowed_lateness: ", lateness, "s\n"), distinct);
  // The last result of a window stands.
  if (lateness > 0) contract.nodes.insert(contract.nodes.rfind('}'), ", parallelism: 1");
  if (lateness > 0)
    contract.key = [distinct](const std::string& text) {
      return WithoutLast(text, distinct ? 4 : 3);
    };
  contract.model = [=, size = size * kSecond, slide = slide * kSecond,
                    lateness = lateness * kSecond](const History& history) {
    Expected expected;
    std::map<std::pair<std::string, int64_t>, std::vector<const Row*>> windows;
    for (const Fed& fed : history) {
      bool counts = false;
      for (int64_t start = FloorTo(fed.row().ts, slide); start + size > fed.row().ts;
           start -= slide) {
        if (fed.watermark != batch::kMinTimestamp && start + size + lateness <= fed.watermark)
          continue;
        windows[{keys.text(fed.row()), start}].push_back(&fed.row());
        counts = true;
      }
      if (!counts) ++expected.late;
    }
    for (const auto& [window, rows] : windows) {
      expected.rows.push_back(absl::StrCat(window.first, TimeText(window.second), "|",
                                           TimeText(window.second + size),
                                           Aggregates(rows, distinct)));
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: tumbling and sliding windows", "[contract][window]") { KeepAll(Slices, 60); }

}  // namespace
}  // namespace weir::taskmanager::contract
