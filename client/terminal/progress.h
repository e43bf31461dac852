#pragma once

#include <cstdint>
#include <ostream>
#include <set>
#include <string>

#include "jobmanager/job_api.h"

namespace weir::client {

/// Which nodes of the job bring rows in and take them out. A task carries the names of its nodes.
struct JobEnds {
  std::set<std::string> sources;
  std::set<std::string> sinks;
};

/// Rows of the whole job as far as they were seen. They never shrink: an attempt after a failure
/// counts anew, and the one that ends a job reads nothing.
struct ProgressTotals {
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  int64_t elapsed_ms = 0;
};

enum class ProgressMode : uint8_t {
  kRepaint,  // one line, repainted
  kLines,    // a line per second
  kQuiet,    // only what Say says: somebody else writes to this terminal
};

/// Shows how a followed job gets on: a line, as often as its mode says.
///
/// Thread:  one at a time.
/// Units:   `now_ms` of a steady clock, `wall_ms` since the epoch (ages of checkpoints).
class Progress {
 public:
  Progress(std::ostream* stream, ProgressMode mode, JobEnds ends, int64_t now_ms);
  /// Takes in a status, and paints when it is time to.
  void Update(const jobmanager::JobStatus& status, int64_t now_ms, int64_t wall_ms);
  /// A line of text that stays, above the painted one.
  void Say(const std::string& line);
  /// Clears the painted line.
  void Clear();
  const ProgressTotals& totals() const { return totals_; }
  /// Rows per second since the first row was seen.
  double MeanRate() const;

 private:
  void TakeTotals(const jobmanager::JobStatus& status, int64_t now_ms);

  std::ostream* stream_;
  ProgressMode mode_;
  JobEnds ends_;
  int64_t started_ms_;
  int64_t painted_ms_ = -1;
  int64_t rated_ms_ = -1;
  int64_t rated_rows_ = 0;
  int64_t first_row_ms_ = -1;
  int64_t last_row_ms_ = -1;
  double rate_ = 0;
  bool painted_ = false;
  std::string last_failure_;
  ProgressTotals totals_;
};

/// The text of the line. Pure.
std::string ProgressLine(const jobmanager::JobStatus& status, const ProgressTotals& totals,
                         double rate, int64_t wall_ms);
/// Sums over the subtasks of the tasks that have a source or a sink; -1 for `rows_in` when the
/// status tells of no source task (a job that is being ended runs its sinks only).
ProgressTotals SumRows(const jobmanager::JobStatus& status, const JobEnds& ends);

}  // namespace weir::client
