#include "client/verb/follow_job.h"

#include <algorithm>

#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"

namespace weir::client {
namespace {

// Rows of a print sink on the same terminal and a line that is repainted get in each other's way.
bool PrintsRows(const JobFile& file) {
  return std::any_of(file.spec->nodes.begin(), file.spec->nodes.end(), [](const job::Node& node) {
    return node.kind == job::NodeKind::kSink && node.type == "print";
  });
}

ProgressMode ModeOf(const Context& context, const JobFile& file) {
  if (!context.err_is_terminal) return ProgressMode::kLines;
  return context.out_is_terminal && PrintsRows(file) ? ProgressMode::kQuiet
                                                     : ProgressMode::kRepaint;
}

}  // namespace

FollowedJob::FollowedJob(const Context& context, const JobFile& file, bool json)
    : context_(context),
      json_(json),
      progress_(context.err, ModeOf(context, file), EndsOf(file), context.clock->Steady() / 1000) {}

FollowOutcome FollowedJob::Follow(const JobId& job) {
  FollowOptions options;
  options.on_status = [this](const jobmanager::JobStatus& status) {
    progress_.Update(status, context_.clock->Steady() / 1000, context_.clock->Wall() / 1000);
  };
  FollowOutcome outcome = client::Follow(context_, job.value, options);
  progress_.Clear();
  return outcome;
}

void FollowedJob::PrintJson(const jobmanager::JobStatus& status) {
  if (json_) *context_.out << FollowedJson(status, progress_.totals()) << "\n";
}

int FollowedJob::Report(const jobmanager::JobStatus& status) {
  const ProgressTotals& totals = progress_.totals();
  PrintJson(status);
  if (status.state == jobmanager::JobState::kFinished) {
    *context_.err << "job " << status.name << " FINISHED: " << FormatCount(totals.rows_in)
                  << " rows in, " << FormatCount(totals.rows_out) << " out in "
                  << FormatDuration(totals.elapsed_ms) << " (" << FormatRate(progress_.MeanRate())
                  << "), " << status.checkpoints_completed
                  << (status.checkpoints_completed == 1 ? " checkpoint" : " checkpoints");
    if (status.restarts > 0)
      *context_.err << ", " << status.restarts << (status.restarts == 1 ? " restart" : " restarts");
    *context_.err << "\n";
  }
  return ReportEnd(context_, status);
}

}  // namespace weir::client
