#include "tests/simulation/workload/workload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/diagnostics.h"
#include "common/job/proto/job_proto.h"
#include "common/job/yaml/job_reader.h"

namespace weir::sim {
namespace {

int64_t Between(Rng* rng, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(rng->Below(static_cast<uint64_t>(most - least + 1)));
}
bool OneIn(Rng* rng, uint64_t n) { return rng->Below(n) == 0; }

constexpr int64_t kIntervals[] = {100, 200, 300, 500, 1'000};
constexpr int64_t kTimeouts[] = {2'000, 3'000, 5'000, 10'000};

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

Workload DrawWorkload(const WorkloadChoice& choice, Rng* rng) {
  Workload w;
  w.kind = choice.kind ? *choice.kind : OneIn(rng, 4) ? Workload::Kind::kReal : Workload::Kind::kControl;
  const bool real = w.kind == Workload::Kind::kReal;
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
  const bool real = w.kind == Workload::Kind::kReal;
  absl::StrAppend(&text, real ? ", event_time: {field: t, max_delay: 0s}" : "", "}\noperators:\n");
  if (real) {
    absl::StrAppend(&text,
                    "  good: {type: filter, input: src, where: f = 1}\n"
                    "  win: {type: window_aggregate, input: good, key_by: [k], window: {tumbling: 4s},\n"
                    "        aggregate: {c: count(*), s: sum(s), q: sum(p)}}\n"
                    "  rows: {type: select, input: win, fields: {k: k, b: window_start, c: c, s: s, q: q}}\n");
  } else {
    absl::StrAppend(&text, "  rows: {type: select, input: src, fields: {p: p, s: s}}\n");
  }
  absl::StrAppend(&text, "sinks:\n");
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
      w.kind == Workload::Kind::kReal ? "real" : "control", " job, ", w.splits, " splits at ", w.per_second, "/s from ",
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
