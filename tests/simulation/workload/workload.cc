#include "tests/simulation/workload/workload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/diagnostics.h"
#include "common/job/proto/job_proto.h"
#include "common/job/yaml/job_reader.h"
#include "tests/simulation/oracle/queries.h"

namespace weir::sim {
namespace {

int64_t Between(Rng* rng, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(rng->Below(static_cast<uint64_t>(most - least + 1)));
}
bool OneIn(Rng* rng, uint64_t n) { return rng->Below(n) == 0; }

constexpr int64_t kIntervals[] = {100, 200, 300, 500, 1'000};
constexpr int64_t kTimeouts[] = {2'000, 3'000, 5'000, 10'000};

constexpr Workload::Kind kReal[] = {Workload::Kind::kReal, Workload::Kind::kReal, Workload::Kind::kSessions,
                                    Workload::Kind::kTop,  Workload::Kind::kJoin, Workload::Kind::kFirsts};

std::string DurationOf(int64_t micros) { return absl::StrCat(micros / 1000, "ms"); }

/// From `src` to `rows`.
std::string OperatorsOf(Workload::Kind kind) {
  switch (kind) {
    case Workload::Kind::kControl: return "  rows: {type: select, input: src, fields: {p: p, s: s}}\n";
    case Workload::Kind::kReal:
      return "  good: {type: filter, input: src, where: f = 1}\n"
             "  win: {type: window_aggregate, input: good, key_by: [k], window: {tumbling: 4s},\n"
             "        aggregate: {c: count(*), s: sum(s), q: sum(p)}}\n"
             "  rows: {type: select, input: win, fields: {k: k, b: window_start, c: c, s: s, q: q}}\n";
    case Workload::Kind::kSessions:
      return absl::StrCat(
          "  good: {type: filter, input: src, where: f = 1}\n"
          "  win: {type: window_aggregate, input: good, key_by: [k], window: {session: ",
          DurationOf(kSessionGapMicros),
          "},\n        aggregate: {c: count(*), s: sum(s), q: sum(p)}}\n  rows: {type: select, input: win, fields: "
          "{k: k, b: window_start, e: window_end, c: c, s: s, q: q}}\n");
    case Workload::Kind::kTop:
      return absl::StrCat(
          "  good: {type: filter, input: src, where: f = 1}\n"
          "  win: {type: window_aggregate, input: good, key_by: [k], window: {sliding: ",
          DurationOf(kSlidingMicros), ", slide: ", DurationOf(kSlideMicros),
          "}, aggregate: {c: count(*)}}\n  top: {type: top_n, input: win, order_by: [c desc, k], limit: ", kTopRows,
          ", rank: r, window: input}\n  rows: {type: select, input: top, fields: {k: k, b: window_start, c: c, r: r}}\n");
    case Workload::Kind::kJoin:
      return absl::StrCat(
          "  good: {type: filter, input: src, where: f = 1}\n  bad: {type: filter, input: src, where: f = 0}\n"
          "  rows: {type: interval_join, left: good, right: bad, join: left, on: [k], within: {before: ",
          DurationOf(kBeforeMicros), ", after: ", DurationOf(kAfterMicros),
          "},\n         fields: {k: good.k, p: good.p, s: good.s, x: bad.p, y: bad.s}}\n");
    case Workload::Kind::kFirsts:
      return absl::StrCat(
          "  good: {type: filter, input: src, where: f = 1}\n  first: {type: deduplicate, input: good, key_by: {g: s / ",
          kGroupOf, "}, keep: first, ttl: 1s}\n  rows: {type: select, input: first, fields: {k: s / ", kGroupOf,
          ", s: s}}\n");
  }
  return "";
}

/// The least that the Kafka sink's validation takes.
int64_t LeastTransactionTimeout(const Workload& w) {
  return 2 * (w.interval_ms + w.timeout_ms) + w.restart_budget_ms;
}

}  // namespace

const char* ToString(Workload::Action action) {
  switch (action) {
    case Workload::Action::kSavepoint: return "savepoint";
    case Workload::Action::kCancel: return "cancel";
    case Workload::Action::kStop: return "stop";
    case Workload::Action::kStopAndRestore: return "stop, go on from the savepoint";
    case Workload::Action::kCancelAndRestore: return "cancel, go on from the last checkpoint";
  }
  return "";
}

const char* ToString(Workload::Kind kind) {
  switch (kind) {
    case Workload::Kind::kControl: return "control";
    case Workload::Kind::kReal: return "real";
    case Workload::Kind::kSessions: return "sessions";
    case Workload::Kind::kTop: return "top";
    case Workload::Kind::kJoin: return "join";
    case Workload::Kind::kFirsts: return "firsts";
  }
  return "";
}

std::optional<Workload::Kind> KindOf(std::string_view name) {
  for (int kind = 0; kind <= static_cast<int>(Workload::Kind::kFirsts); ++kind) {
    if (name == ToString(static_cast<Workload::Kind>(kind))) return static_cast<Workload::Kind>(kind);
  }
  return std::nullopt;
}

Workload DrawWorkload(const WorkloadChoice& choice, Rng* rng) {
  Workload w;
  w.kind = choice.kind ? *choice.kind : OneIn(rng, 4) ? kReal[rng->Below(std::size(kReal))] : Workload::Kind::kControl;
  const bool real = w.kind != Workload::Kind::kControl;
  w.kafka = choice.kafka && (!choice.file || !OneIn(rng, 3));
  w.file = choice.file && (!w.kafka || (!real && OneIn(rng, 3)));
  const auto most = static_cast<int64_t>(std::min<int32_t>(3, choice.slots));
  w.parallelism = static_cast<int32_t>(Between(rng, 1, most));
  w.splits = static_cast<int32_t>(Between(rng, 1, 4));
  w.per_second = Between(rng, 10, 60);
  w.interval_ms = kIntervals[rng->Below(std::size(kIntervals))];
  w.timeout_ms = kTimeouts[rng->Below(std::size(kTimeouts))];
  w.min_pause_ms = OneIn(rng, 4) ? Between(rng, 1, 300) : 0;
  w.max_concurrent = OneIn(rng, 3) ? static_cast<int32_t>(Between(rng, 2, 4)) : 1;
  w.tolerable_failures = static_cast<int32_t>(Between(rng, 0, 5));
  w.keep = static_cast<int32_t>(Between(rng, 1, 4));
  w.latest = OneIn(rng, 3);
  w.restart_budget_ms = Between(rng, 200, 3'000);
  w.transaction_timeout_ms = OneIn(rng, 2) ? 600'000 : LeastTransactionTimeout(w) + Between(rng, 0, 5'000);
  const int64_t busy_seconds = choice.busy_until / 1'000'000;
  // A window is whole only when all that belongs to it was read.
  if (real || OneIn(rng, 3)) w.records = w.per_second * Between(rng, busy_seconds * 2 / 3, busy_seconds) + 1;
  const int64_t steps = OneIn(rng, 2) ? 0 : Between(rng, 1, 3);
  for (int64_t i = 0; i < steps; ++i) {
    Workload::Step step;
    step.at = Between(rng, 1'000'000, choice.busy_until);
    step.action = OneIn(rng, 2)              ? Workload::Action::kSavepoint
                  : real || !OneIn(rng, 3)   ? (OneIn(rng, 3) ? Workload::Action::kCancelAndRestore
                                                              : Workload::Action::kStopAndRestore)
                  : OneIn(rng, 2)            ? Workload::Action::kCancel
                                             : Workload::Action::kStop;
    step.parallelism = static_cast<int32_t>(Between(rng, 1, most));
    // A run whose job is over early meets few faults.
    const bool is_end = step.action == Workload::Action::kCancel || step.action == Workload::Action::kStop;
    if (is_end) step.at = std::max(step.at, choice.busy_until * 3 / 4);
    w.steps.push_back(step);
  }
  std::stable_sort(w.steps.begin(), w.steps.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return w;
}

std::string JobFileOf(const Workload& w, int leg, int32_t parallelism) {
  std::string text = absl::StrCat(
      "version: 1\nname: job-", leg, "\nparallelism: ", parallelism, "\ncheckpoint: {interval: ", w.interval_ms,
      "ms, timeout: ", w.timeout_ms, "ms, min_pause: ", w.min_pause_ms, "ms, max_concurrent: ", w.max_concurrent,
      ", tolerable_failures: ", w.tolerable_failures, ", keep: ", w.keep,
      "}\nrestart: {strategy: exponential, initial_delay: 100ms, max_delay: 1s, max_attempts: 1000000}\n",
      "state: {backend: memory}\nsources:\n  src: {type: simulated, splits: ", w.splits, ", per_second: ", w.per_second,
      ", start: ", w.latest ? "latest" : "earliest", w.records ? absl::StrCat(", records: ", *w.records) : "");
  const bool real = w.kind != Workload::Kind::kControl;
  absl::StrAppend(&text, real ? ", event_time: {field: t, max_delay: 0s}" : "", "}\noperators:\n", OperatorsOf(w.kind),
                  "sinks:\n");
  if (w.kafka) {
    absl::StrAppend(&text, "  topic: {type: kafka, input: rows, brokers: broker:9092, topic: ", Workload::kTopic,
                    ", key: ", real ? "k" : "p", ", transaction_timeout: ", w.transaction_timeout_ms,
                    "ms, restart_budget: ", w.restart_budget_ms, "ms, format: {type: json}}\n");
  }
  if (w.file) {
    absl::StrAppend(&text, "  folder: {type: file, input: rows, path: ", Workload::kFolder,
                    ", format: {type: json}}\n");
  }
  return text;
}

absl::StatusOr<std::string> SpecOf(const std::string& job_file, const job::ConnectorCatalog& catalog) {
  config::Diagnostics diagnostics;
  const std::optional<job::JobSpec> spec = job::ReadJob(job_file, {}, catalog, &diagnostics);
  if (!spec || !diagnostics.ok()) return diagnostics.ToStatus();
  return job::Serialize(*spec);
}

std::string Describe(const Workload& w) {
  std::string text = absl::StrCat(
      ToString(w.kind), " job, ", w.splits, " splits at ", w.per_second, "/s from ",
      w.latest ? "latest" : "earliest", w.records ? absl::StrCat(", ", *w.records, " records each") : ", unbounded",
      ", to", w.kafka ? " kafka" : "", w.file ? " file" : "", ", parallelism ", w.parallelism, ", checkpoints every ",
      w.interval_ms, " ms within ", w.timeout_ms, " ms, ", w.max_concurrent, " at once");
  if (w.kafka) absl::StrAppend(&text, ", transactions ", w.transaction_timeout_ms, " ms");
  for (const Workload::Step& step : w.steps) {
    absl::StrAppend(&text, "; ", ToString(step.action), " at ", step.at / 1000, " ms");
    if (step.action >= Workload::Action::kStopAndRestore) absl::StrAppend(&text, " with parallelism ", step.parallelism);
  }
  return text;
}

}  // namespace weir::sim
