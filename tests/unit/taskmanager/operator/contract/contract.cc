#include "tests/unit/taskmanager/operator/contract/contract.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/batch/key.h"

namespace weir::taskmanager::contract {
namespace {

Row RandomRow(Rng& rng, int64_t id, int keys) {
  auto null = [&] { return rng.Below(8) == 0; };
  Row row;
  row.id = id;
  // A few keys have most of the rows.
  const auto key = static_cast<int64_t>(rng.Below(2) == 0 ? rng.Below(2)
                                                          : rng.Below(static_cast<uint64_t>(keys)));
  if (!null()) row.k = key * 1'000'003 - 1;
  if (!null())
    row.s = rng.Below(2) == 0 ? "short"
                              : "text of more than twelve bytes " + std::to_string(rng.Below(3));
  if (!null()) row.v = static_cast<int64_t>(rng.Below(9)) - 4;
  return row;
}

/// Rows of all sources in the order in which they come, in runs of one split.
std::vector<Event> RandomEvents(const Contract& contract, Rng& rng, bool late) {
  std::vector<Event> events;
  int64_t now = -20 * kSecond;
  while (static_cast<int>(events.size()) < contract.events) {
    const std::string& source = contract.sources[rng.Below(contract.sources.size())];
    const auto split = static_cast<int32_t>(rng.Below(World::kSplits));
    for (uint64_t n = 1 + rng.Below(rng.Below(4) == 0 ? 20 : 5); n > 0; --n) {
      Row row = RandomRow(rng, static_cast<int64_t>(events.size()), contract.keys);
      const int64_t delay = late && rng.Below(6) == 0 ? 4 * kMaxDelay : kMaxDelay;
      row.ts = FloorTo(now, contract.tick) -
               FloorTo(static_cast<int64_t>(rng.Below(delay + 1)), contract.tick);
      events.push_back({source, split, std::move(row)});
    }
    now += static_cast<int64_t>(rng.Below(2 * kSecond));
    if (rng.Below(40) == 0) now += 30 * kSecond;  // nothing for long
  }
  return events;
}

class Scenario {
 public:
  Scenario(const Contract& contract, uint64_t seed, const Setting& setting)
      : contract_(contract),
        setting_(setting),
        rng_(seed),
        world_(RandomEvents(contract, rng_, setting.mode == Mode::kQuiet && contract.late_allowed),
               rng_.Next()),
        history_(world_.events().size()) {
    cluster_.state_memory = setting.state_memory;
    world_.table = contract.table;
    if (setting.schedule != 0) {
      rng_ = Rng(seed ^ (setting.schedule << 32));
      world_.rng = Rng(rng_.Next());
    }
    for (size_t e = 0; e < history_.size(); ++e)
      history_[e] = {&world_.events()[e], batch::kMinTimestamp};
  }

  void Play() {
    Start(std::nullopt);
    world_.whole_reads = setting_.mode == Mode::kQuiet;
    world_.may_end = setting_.mode == Mode::kRacing;
    setting_.mode == Mode::kQuiet ? PlayQuiet() : PlayRacing();
    world_.may_end = true;
    run_->Settle();
    CHECK(run_->ended());
    run_->Checkpoint();
    run_->Settle();
    Judge();
  }

 private:
  void Start(const std::optional<Completed>& restored) {
    run_.reset();
    world_.Release(restored ? restored->events : 0);
    const int drawn = 1 + static_cast<int>(rng_.Below(3));
    const int parallelism = setting_.parallelism > 0 ? setting_.parallelism : drawn;
    std::string job = absl::StrCat("version: 1\nname: t\nparallelism: ", parallelism,
                                   "\nstate: {backend: ", setting_.backend, "}\nsources:\n");
    for (const std::string& source : contract_.sources) job += SourceYaml(source);
    run_ = std::make_unique<JobRun>(&world_, &cluster_, job + contract_.nodes, restored);
    last_ = restored;
  }
  void Crash() {
    if (++crashes_ > 5) return;
    if (run_->last()) last_ = run_->last();
    Start(last_);
  }

  void PlayQuiet() {
    run_->Settle();
    while (world_.released() < history_.size()) {
      const uint64_t what = rng_.Below(20);
      if (what < 16) {
        const size_t from = world_.released();
        const Event& first = world_.events()[from];
        size_t count = 1;
        const size_t most = 1 + rng_.Below(30);
        while (count < most && from + count < history_.size() &&
               world_.events()[from + count].source == first.source &&
               world_.events()[from + count].split == first.split) {
          ++count;
        }
        const int64_t watermark = run_->WatermarkOf(contract_.judge);
        ++batches_;
        for (size_t e = from; e < from + count; ++e) {
          history_[e].watermark = watermark;
          history_[e].batch = batches_;
          history_[e].clock = cluster_.clock.now;
        }
        world_.Release(from + count);
      } else if (what < 18) {
        run_->Checkpoint();
      } else if (what == 18) {
        run_->Trigger();
        for (uint64_t n = rng_.Below(30); n > 0; --n) run_->StepOne();
        run_->Abort();
      } else {
        Crash();
      }
      run_->Settle();
      cluster_.clock.now += static_cast<SteadyMicros>(rng_.Below(10'000));
    }
  }

  void PlayRacing() {
    while (world_.released() < history_.size() || !run_->ended()) {
      const uint64_t what = rng_.Below(200);
      if (setting_.calm && what >= 193 && what < 199) continue;
      if (what < 160) {
        run_->StepOne();
        cluster_.clock.now += static_cast<SteadyMicros>(rng_.Below(300));
      } else if (what < 193) {
        world_.Release(std::min(history_.size(), world_.released() + rng_.Below(12)));
      } else if (what < 197) {
        run_->Trigger();
      } else if (what == 197) {
        run_->Abort();
      } else if (what == 198 && rng_.Below(4) == 0) {
        Crash();
      } else if (what == 199 && world_.released() == history_.size()) {
        run_->Settle();
      }
    }
  }

  void Judge() {
    if (!contract_.late_allowed) CHECK(run_->late_rows() == 0);
    if (contract_.check) {
      std::vector<std::string> texts;
      for (const Written& written : world_.Visible("out")) texts.push_back(written.text);
      return contract_.check(history_, texts);
    }
    const Expected expected = contract_.model(history_);
    std::vector<std::string> rows;
    std::map<std::string, std::string> last;
    for (const Written& written : world_.Visible("out")) {
      if (!contract_.key) {
        CHECK(written.kind == batch::RowKind::kInsert);
        rows.push_back(written.text);
        continue;
      }
      const std::string key = contract_.key(written.text);
      if (contract_.row_kinds) {
        INFO(written.text);
        CHECK(written.kind ==
              (last.contains(key) ? batch::RowKind::kUpdateAfter : batch::RowKind::kInsert));
      }
      last[key] = written.text;
    }
    for (const auto& [key, text] : last) rows.push_back(text);
    CheckSameRows(std::move(rows), expected.rows);
    if (contract_.counts_late) CHECK(run_->late_rows() == expected.late);
    if (!contract_.late_sink) return;
    INFO("rows of the sink `late`");
    std::vector<std::string> late;
    for (const Written& written : world_.Visible("late")) late.push_back(written.text);
    CheckSameRows(std::move(late), expected.late_rows);
  }

  const Contract& contract_;
  const Setting setting_;
  Rng rng_;
  Cluster cluster_;
  World world_;
  History history_;
  std::optional<Completed> last_;
  std::unique_ptr<JobRun> run_;
  int crashes_ = 0;
  int64_t batches_ = 0;
};

}  // namespace

void CheckSameRows(std::vector<std::string> rows, std::vector<std::string> wanted) {
  std::sort(rows.begin(), rows.end());
  std::sort(wanted.begin(), wanted.end());
  std::vector<std::string> missing, extra;
  std::set_difference(wanted.begin(), wanted.end(), rows.begin(), rows.end(),
                      std::back_inserter(missing));
  std::set_difference(rows.begin(), rows.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(extra));
  for (auto* some : {&missing, &extra}) some->resize(std::min(some->size(), size_t{8}));
  INFO(rows.size() << " rows, " << wanted.size() << " expected");
  CHECK(missing == std::vector<std::string>());
  CHECK(extra == std::vector<std::string>());
}

void Keep(const Contract& contract, uint64_t seed, const Setting& setting) {
  INFO("seed " << seed << (setting.mode == Mode::kQuiet ? ", quiet, " : ", racing, ")
               << setting.backend << "\n"
               << contract.nodes);
  Scenario(contract, seed, setting).Play();
}

void KeepAll(const std::function<Contract(Rng&)>& make, int runs) {
  // More than the usual: WEIR_CONTRACT_RUNS=1000.
  if (const char* wanted = std::getenv("WEIR_CONTRACT_RUNS")) runs = std::atoi(wanted);
  for (int run = 1; run <= runs; ++run) {
    const auto seed = static_cast<uint64_t>(run);
    Rng rng(seed);
    const Contract contract = make(rng);
    const Mode mode = run % 2 == 0 || contract.quiet_only ? Mode::kQuiet : Mode::kRacing;
    Keep(contract, seed, {mode, "memory"});
    if (run % 24 < 2) Keep(contract, seed, {mode, "rocksdb", 16 << 10});
  }
}

std::string Text(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "NULL";
}
std::string Text(const std::optional<std::string>& value) { return value ? *value : "NULL"; }
std::string TimeText(int64_t micros) { return batch::TimestampToString(micros); }
std::string Text(const Row& row) {
  return absl::StrCat(row.id, "|", Text(row.k), "|", Text(row.s), "|", Text(row.v), "|",
                      TimeText(row.ts));
}
std::vector<std::string> Values(const std::string& text) { return absl::StrSplit(text, '|'); }
std::string WithoutLast(const std::string& text, int count) {
  size_t cut = text.size();
  for (int i = 0; i < count; ++i) cut = text.rfind('|', cut - 1);
  return text.substr(0, cut);
}

std::string CanonicalBytes(const Row& row) {
  static const auto& schema = *new batch::SchemaPtr([] {
    auto made = std::make_shared<batch::Schema>();
    using batch::TypeKind;
    made->fields = {{"id", {TypeKind::kBigint}},
                    {"k", {TypeKind::kBigint}},
                    {"s", {TypeKind::kString}},
                    {"v", {TypeKind::kBigint}},
                    {"ts", {TypeKind::kTimestamp}}};
    return made;
  }());
  BatchOf batch(schema, 1);
  batch.Set<int64_t>("id", [&](int64_t) { return std::optional(row.id); });
  batch.Set<int64_t>("k", [&](int64_t) { return row.k; });
  batch.Set<std::string>("s", [&](int64_t) { return row.s; });
  batch.Set<int64_t>("v", [&](int64_t) { return row.v; });
  batch.Set<int64_t>("ts", [&](int64_t) { return std::optional(row.ts); });
  const batch::Batch made = batch.Finish();
  batch::KeyBatch keys;
  batch::MakeKeys(made, {0, 1, 2, 3, 4}, &keys);
  return std::string(keys.key(0));
}

}  // namespace weir::taskmanager::contract
