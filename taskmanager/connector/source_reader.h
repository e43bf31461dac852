#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/batch/batch.h"
#include "common/checkpoint/snapshot.h"
#include "common/job/job_spec.h"

namespace weir::security {
class PathRoots;
}

namespace weir::taskmanager {

/// What a connector's source is made with.
struct SourceContext {
  const job::Node* node = nullptr;  // the source in the job file: options, format, schema
  std::shared_ptr<const job::Node> resolved_node;  // what `node` is when secrets were put into it
  std::shared_ptr<const security::PathRoots> roots;  // where files may lie; null: anywhere
  batch::SchemaPtr schema;          // rows that Read makes
  batch::SchemaPtr errors_schema;   // of the `.errors` port: raw bytes, error string, origin string
  /// Columns somebody reads, by index into `schema`; the others may be left NULL. Empty: all.
  std::vector<bool> wanted;
  int32_t subtask = 0;
  int32_t parallelism = 1;
  const Clock* clock = nullptr;
  std::function<void()> wake;       // any thread: there is something to read again
  JobId job;
  Attempt attempt;
  std::string job_name;
  bool exactly_once = true;
  int64_t memory_bytes = int64_t{64} << 20;  // what client queues of this subtask may use
};

/// Finds the splits of a source, once, at a job's first start (Flink: FLIP-27's SplitEnumerator).
/// Thread: a pool thread; may block on I/O.
class SplitEnumerator {
 public:
  virtual ~SplitEnumerator() = default;
  /// In the order in which they are to be read. kInvalidArgument: nothing matches, not readable, …
  virtual absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t parallelism) = 0;
  /// At a restore, of unbounded sources: `known`, in its order, and behind it what has come into being since. Null: the
  /// recorded list stands (also where nothing can be added).
  virtual absl::StatusOr<std::optional<std::vector<checkpoint::SourceSplits::Split>>> Refresh(
      const std::vector<checkpoint::SourceSplits::Split>& known) {
    return std::nullopt;
  }
};

/// How far a split has been read in a checkpoint. Not ended, and an empty position: not at all.
struct SplitPosition {
  checkpoint::SourceSplits::Split split;
  std::string position;
  bool ended = false;
};

/// What one call of Read gave.
struct ReadResult {
  enum class Kind {
    kBatch,  // `batch` (may be empty), all of one split
    kIdle,   // nothing now; `wake` will be called, or try again at `retry_at`
    kEnded,  // all splits are read to the end
  };
  Kind kind = Kind::kIdle;
  batch::Batch batch;
  int32_t split = -1;
  bool split_ended = false;      // with kBatch: this was the split's last
  batch::Batch errors;           // rows for `.errors` (on_error: route); rows == 0: none
  int64_t skipped_rows = 0;      // on_error: skip
  int64_t bytes = 0;             // of input behind the batch
  SteadyMicros retry_at = 0;     // 0: only `wake`
};

/// Reads the splits of one source subtask, one after another or in turns; splits of one group in list order.
///
/// Thread:  the task's thread. Read may do one bounded read of a file, never wait.
/// Errors:  kInvalidArgument: bad rows under on_error: fail, with file:line; kUnavailable: outside trouble.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  /// All splits of the source, whoever reads them; before AddSplit.
  virtual void OnSplits(const std::vector<checkpoint::SourceSplits::Split>& all) {}
  /// `position` empty: from the start. Called before the first Read, for the splits that are not ended.
  virtual absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                const std::string& position) = 0;
  /// At most `max_rows` rows.
  virtual absl::StatusOr<ReadResult> Read(int64_t max_rows) = 0;
  /// Where reading of a split would go on, behind the last row that Read gave.
  virtual std::string Position(int32_t index) const = 0;
  /// Positions of now belong to this checkpoint.
  virtual void OnSnapshot(CheckpointId checkpoint) {}
  /// Rows that are there and not read yet; -1: not known.
  virtual int64_t Lag() const { return -1; }
  virtual void OnCheckpointComplete(CheckpointId checkpoint) {}
};

}  // namespace weir::taskmanager
