#include "tests/unit/taskmanager/operator/contract/window_job.h"

// window_aggregate over slices keeps the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

/// Rows behind a watermark, in a sink of their own.
constexpr char kLateSink[] =
    "  late: {type: file, path: /z, format: {type: json}, input: w.late}\n";

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
  contract.late_sink = rng.Below(2) == 0;
  // The last result of a window stands.
  if (lateness > 0) contract.nodes.insert(contract.nodes.rfind('}'), ", parallelism: 1");
  if (lateness > 0)
    contract.key = [distinct](const std::string& text) {
      return WithoutLast(text, distinct ? 4 : 3);
    };
  if (contract.late_sink) contract.nodes += kLateSink;
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
      if (counts) continue;
      ++expected.late;
      expected.late_rows.push_back(Text(fed.row()));
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
  bool fired = false;
};

/// Sessions of one key. A row that comes within the allowed lateness joins what is kept and makes
/// it fire again, whole; once a batch.
class ModelSessions {
 public:
  using Fire = std::function<void(const ModelSession&)>;
  ModelSessions(int64_t gap, int64_t lateness, Fire fire)
      : gap_(gap), lateness_(lateness), fire_(std::move(fire)) {}

  void Add(const Fed& fed) {
    if (batch_ != fed.batch) {
      if (batch_ != 0) Advance(watermark_);  // what the batch before it made late
      if (fed.watermark != batch::kMinTimestamp) Advance(fed.watermark);
      batch_ = fed.batch;
      watermark_ = fed.watermark;
    }
    const int64_t ts = fed.row().ts;
    ModelSession joined{ts, ts, {&fed.row()}};
    std::erase_if(sessions_, [&](const ModelSession& other) {
      if (ts >= other.last + gap_ || other.start >= ts + gap_) return false;
      joined.start = std::min(joined.start, other.start);
      joined.last = std::max(joined.last, other.last);
      joined.rows.insert(joined.rows.end(), other.rows.begin(), other.rows.end());
      return true;
    });
    sessions_.push_back(std::move(joined));
  }
  void Advance(int64_t watermark) {
    for (ModelSession& session : sessions_) {
      if (session.fired || session.last + gap_ > watermark) continue;
      fire_(session);
      session.fired = true;
    }
    std::erase_if(sessions_, [&](const ModelSession& session) {
      return session.fired && session.last + gap_ + lateness_ <= watermark;
    });
  }

 private:
  int64_t gap_, lateness_;
  Fire fire_;
  std::vector<ModelSession> sessions_;
  int64_t batch_ = 0;
  int64_t watermark_ = batch::kMinTimestamp;
};

Contract Sessions(Rng& rng) {
  static constexpr int64_t kGaps[] = {1, 2, 5, 12};
  const int64_t gap = kGaps[rng.Below(std::size(kGaps))];
  static constexpr int64_t kLateness[] = {0, 0, 3, 10};
  const int64_t lateness = kLateness[rng.Below(std::size(kLateness))];
  const Keys& keys = RandomKeys(rng);
  const bool distinct = rng.Below(3) == 0;
  const bool fixed = !distinct && rng.Below(2) == 0;  // no aggregate needs a text
  Contract contract;
  contract.nodes = Nodes(keys.yaml, absl::StrCat("{session: ", gap, "s}"),
                         absl::StrCat("    allowed_lateness: ", lateness, "s\n"), distinct);
  if (fixed) contract.nodes.replace(contract.nodes.find(", low: min(s)"), 13, "");
  contract.late_sink = rng.Below(2) == 0;
  if (contract.late_sink) contract.nodes += kLateSink;
  contract.model = [=, gap = gap * kSecond, lateness = lateness * kSecond](const History& history) {
    Expected expected;
    std::map<std::string, ModelSessions> open;
    for (const Fed& fed : history) {
      if (fed.is_behind(fed.row().ts + gap + lateness)) {
        ++expected.late;
        expected.late_rows.push_back(Text(fed.row()));
        continue;
      }
      const std::string key = keys.text(fed.row());
      auto fire = [&expected, distinct, fixed, gap, key](const ModelSession& session) {
        std::string values = Aggregates(session.rows, distinct);
        if (fixed) values = WithoutLast(values, 1);
        expected.rows.push_back(
            absl::StrCat(key, TimeText(session.start), "|", TimeText(session.last + gap), values));
      };
      open.try_emplace(key, gap, lateness, fire).first->second.Add(fed);
    }
    // Those that fire again do so at the watermark of their batch; the others at the end.
    for (auto& [key, sessions] : open) sessions.Advance(batch::kMaxTimestamp);
    return expected;
  };
  return contract;
}

TEST_CASE("contract: session windows", "[contract][window]") { KeepAll(Sessions, 60); }

}  // namespace
}  // namespace weir::taskmanager::contract
