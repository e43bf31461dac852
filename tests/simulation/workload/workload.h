#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/rng.h"
#include "common/job/connector_descriptor.h"

namespace weir::sim {

/// A job and what its user does with it in one run, drawn from a seed.
///
/// Thread: a value.
/// Shape:  `control`: sources straight to sinks. The others filter, exchange by hash, keep state and have one sink:
///         `real` tumbling windows, `sessions` session windows, `top` sliding windows and the most frequent keys of each,
///         `join` an interval join, `firsts` the first record of each group.
///         The records of a run are those of one source, whatever jobs read it one after another.
struct Workload {
  enum class Kind : uint8_t { kControl, kReal, kSessions, kTop, kJoin, kFirsts };
  /// What is done to a job at a moment. The last two start a job of another parallelism from where this one ended.
  enum class Action : uint8_t { kSavepoint, kCancel, kStop, kStopAndRestore, kCancelAndRestore };
  struct Step {
    SteadyMicros at = 0;  // true time, ascending
    Action action = Action::kSavepoint;
    int32_t parallelism = 1;
  };

  Kind kind = Kind::kControl;
  bool kafka = false, file = true;  // sinks; real jobs have one
  int32_t parallelism = 1;
  int32_t splits = 1;
  int64_t per_second = 100;  // of each split
  bool latest = false;
  std::optional<int64_t> records;  // of each split; none: unbounded
  int64_t interval_ms = 500, timeout_ms = 5'000, min_pause_ms = 0;
  int32_t max_concurrent = 1, tolerable_failures = 3, keep = 3;
  int64_t transaction_timeout_ms = 600'000, restart_budget_ms = 1'000;
  std::vector<Step> steps;

  static constexpr char kTopic[] = "out";
  static constexpr char kFolder[] = "/output";
};

const char* ToString(Workload::Action action);
const char* ToString(Workload::Kind kind);
std::optional<Workload::Kind> KindOf(std::string_view name);

/// What sort of workload is asked for; the rest is drawn.
struct WorkloadChoice {
  std::optional<Workload::Kind> kind;
  bool kafka = true, file = true;  // sinks that there may be
  int32_t slots = 6;
  SteadyMicros busy_until = 20'000'000;  // steps come before
};
Workload DrawWorkload(const WorkloadChoice& choice, Rng* rng);

/// The job file of the `leg`-th job of a run (from 0).
std::string JobFileOf(const Workload& workload, int leg, int32_t parallelism);
/// Serialized weir.v1.JobSpec.
absl::StatusOr<std::string> SpecOf(const std::string& job_file, const job::ConnectorCatalog& catalog);
/// One line for people.
std::string Describe(const Workload& workload);

}  // namespace weir::sim
