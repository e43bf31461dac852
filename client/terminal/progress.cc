#include "client/terminal/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/terminal/format.h"

namespace weir::client {
namespace {

// Often enough to look alive, seldom enough to cost nothing.
constexpr int64_t kPaintTerminalMs = 150;
constexpr int64_t kPaintLineMs = 1000;
constexpr int64_t kRateWindowMs = 1000;

size_t TerminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 120;
}

}  // namespace

ProgressTotals SumRows(const jobmanager::JobStatus& status, const JobEnds& ends) {
  ProgressTotals sums;
  bool source_seen = false;
  for (const auto& task : status.tasks) {
    std::vector<std::string> nodes = absl::StrSplit(task.name, " -> ");
    auto has_one_of = [&](const std::set<std::string>& names) {
      return std::any_of(nodes.begin(), nodes.end(),
                         [&](const std::string& node) { return names.count(node) != 0; });
    };
    if (has_one_of(ends.sources)) {
      source_seen = true;
      sums.rows_in += task.metrics.rows_in;
    }
    if (has_one_of(ends.sinks)) sums.rows_out += task.metrics.rows_out;
  }
  if (!source_seen) sums.rows_in = -1;
  return sums;
}

std::string ProgressLine(const jobmanager::JobStatus& status, const ProgressTotals& totals,
                         double rate, int64_t wall_ms) {
  std::string line = absl::StrCat(status.name, "  ", ToString(status.state));
  if (status.waiting_for_slots)
    absl::StrAppend(&line, " (waiting for ", status.slots_needed, " slots)");
  absl::StrAppend(&line, "  ", FormatCount(totals.rows_in), " rows in (", FormatRate(rate), ")  ",
                  FormatCount(totals.rows_out), " out");
  if (status.last_checkpoint && status.last_checkpoint->id.value > 0) {
    const auto& last = *status.last_checkpoint;
    absl::StrAppend(&line, "  checkpoint ", last.id.value, " (",
                    FormatDuration(std::max<int64_t>(0, wall_ms - last.completed_at_ms)),
                    " ago, took ", FormatDuration(last.duration_ms), ", ",
                    FormatBytes(last.size_bytes), ")");
  } else {
    absl::StrAppend(&line, "  no checkpoint yet");
  }
  if (status.restarts > 0) absl::StrAppend(&line, "  restarts ", status.restarts);
  return line;
}

Progress::Progress(std::ostream* stream, ProgressMode mode, JobEnds ends, int64_t now_ms)
    : stream_(stream), mode_(mode), ends_(std::move(ends)), started_ms_(now_ms) {}

void Progress::TakeTotals(const jobmanager::JobStatus& status, int64_t now_ms) {
  ProgressTotals sums = SumRows(status, ends_);
  totals_.elapsed_ms = now_ms - started_ms_;
  if (sums.rows_in > totals_.rows_in) {
    if (first_row_ms_ < 0) first_row_ms_ = now_ms;
    last_row_ms_ = now_ms;
  }
  totals_.rows_in = std::max(totals_.rows_in, sums.rows_in);
  totals_.rows_out = std::max(totals_.rows_out, sums.rows_out);
  if (rated_ms_ < 0) {
    rated_ms_ = now_ms;
    rated_rows_ = totals_.rows_in;
  } else if (now_ms - rated_ms_ >= kRateWindowMs) {
    rate_ = static_cast<double>(totals_.rows_in - rated_rows_) * 1000 /
            static_cast<double>(now_ms - rated_ms_);
    rated_ms_ = now_ms;
    rated_rows_ = totals_.rows_in;
  }
}

double Progress::MeanRate() const {
  // From the start: a job so short that one report carried all its rows has no other span.
  const int64_t span = last_row_ms_ - started_ms_;
  return span <= 0 ? 0 : static_cast<double>(totals_.rows_in) * 1000 / static_cast<double>(span);
}

void Progress::Update(const jobmanager::JobStatus& status, int64_t now_ms, int64_t wall_ms) {
  TakeTotals(status, now_ms);
  if (status.failure && !IsEnded(status.state) && status.state != jobmanager::JobState::kStopping) {
    std::string failure =
        absl::StrCat(status.failure->at_ms, " ", status.failure->status.message());
    if (failure != last_failure_) {
      last_failure_ = failure;
      Say(absl::StrCat("attempt failed", status.failure->where.empty() ? "" : " in ",
                       status.failure->where, ": ", status.failure->status.message(),
                       "; the job goes on from its last checkpoint"));
    }
  }
  if (mode_ == ProgressMode::kQuiet) return;
  const int64_t every = mode_ == ProgressMode::kRepaint ? kPaintTerminalMs : kPaintLineMs;
  if (painted_ms_ >= 0 && now_ms - painted_ms_ < every) return;
  painted_ms_ = now_ms;
  std::string line = ProgressLine(status, totals_, rate_, wall_ms);
  if (mode_ == ProgressMode::kLines) {
    *stream_ << line << "\n" << std::flush;
    return;
  }
  if (line.size() >= TerminalWidth()) line.resize(TerminalWidth() - 1);
  // The cursor goes back to the line's begin, so that other output overwrites it.
  *stream_ << "\x1b[2K" << line << "\r" << std::flush;
  painted_ = true;
}

void Progress::Clear() {
  if (painted_) *stream_ << "\x1b[2K" << std::flush;
  painted_ = false;
}

void Progress::Say(const std::string& line) {
  Clear();
  *stream_ << line << "\n" << std::flush;
}

}  // namespace weir::client
