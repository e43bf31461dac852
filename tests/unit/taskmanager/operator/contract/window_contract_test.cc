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

struct ModelSession {
  int64_t start, last;
  std::vector<const Row*> rows;
};

Contract Sessions(Rng& rng) {
  static constexpr int64_t kGaps[] = {1, 2, 5, 12};
  const int64_t gap = kGaps[rng.Below(std::size(kGaps))];
  const Keys& keys = RandomKeys(rng);
  const bool distinct = rng.Below(3) == 0;
  const bool fixed = !distinct && rng.Below(2) == 0;  // no aggregate needs a text
  Contract contract;
  contract.nodes = Nodes(keys.yaml, absl::StrCat("{session: ", gap, "s}"), "", distinct);
  if (fixed) contract.nodes.replace(contract.nodes.find(", low: min(s)"), 13, "");
  contract.model = [=, gap = gap * kSecond](const History& history) {
    Expected expected;
    std::map<std::string, std::vector<ModelSession>> open;
    auto fire = [&](const std::string& key, const ModelSession& session) {
      std::string values = Aggregates(session.rows, distinct);
      if (fixed) values = WithoutLast(values, 1);
      expected.rows.push_back(
          absl::StrCat(key, TimeText(session.start), "|", TimeText(session.last + gap), values));
    };
    for (const Fed& fed : history) {
      const int64_t ts = fed.row().ts;
      if (fed.watermark != batch::kMinTimestamp && ts + gap <= fed.watermark) {
        ++expected.late;
        continue;
      }
      std::vector<ModelSession>& sessions = open[keys.text(fed.row())];
      ModelSession joined{ts, ts, {&fed.row()}};
      std::vector<ModelSession> rest;
      for (ModelSession& session : sessions) {
        if (fed.watermark != batch::kMinTimestamp && session.last + gap <= fed.watermark) {
          fire(keys.text(fed.row()), session);
        } else if (ts < session.last + gap && session.start < ts + gap) {
          joined.start = std::min(joined.start, session.start);
          joined.last = std::max(joined.last, session.last);
          joined.rows.insert(joined.rows.end(), session.rows.begin(), session.rows.end());
        } else {
          rest.push_back(std::move(session));
        }
      }
      rest.push_back(std::move(joined));
      sessions = std::move(rest);
    }
    for (const auto& [key, sessions] : open) {
      for (const ModelSession& session : sessions) fire(key, session);
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: session windows", "[contract][window]") { KeepAll(Sessions, 60); }

}  // namespace
}  // namespace weir::taskmanager::contract
