#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace weir {

/// Wraps an integer so that two kinds of number cannot be mistaken for each other.
/// Thread: a value.
template <typename Tag, typename Rep>
struct StrongId {
  Rep value{};
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value);
  }
};

/// Number of a checkpoint of one job; only grows, over all attempts. 0 = what the first start resolved.
using CheckpointId = StrongId<struct CheckpointIdTag, int64_t>;
/// One deployment of a job; grows by one with each failure and each end.
using Attempt = StrongId<struct AttemptTag, int64_t>;
/// Fencing number of the leading JobManager.
using LeaderEpoch = StrongId<struct LeaderEpochTag, int64_t>;
/// Drawn anew whenever a TaskManager process starts.
using Incarnation = StrongId<struct IncarnationTag, uint64_t>;

/// 32 lower-case hexadecimal digits; the job's identity in file names and in the metadata store.
struct JobId {
  std::string value;
  friend auto operator<=>(const JobId&, const JobId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const JobId& id) {
    return H::combine(std::move(h), id.value);
  }
};

/// A subtask within a job: `task` is its index in the plan, `index` is in [0, parallelism).
struct SubtaskId {
  int32_t task = 0;
  int32_t index = 0;
  friend auto operator<=>(const SubtaskId&, const SubtaskId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SubtaskId& id) {
    return H::combine(std::move(h), id.task, id.index);
  }
};

}  // namespace weir
