#include "client/await.h"
#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"

namespace weir::client {

int Checkpoints(const Context& context, const Arguments& arguments) {
  using List = std::vector<jobmanager::CheckpointInfo>;
  absl::StatusOr<List> checkpoints = Await<List>(
      [&](jobmanager::Done<List> done) {
        context.api->Checkpoints(arguments.job, std::move(done));
      },
      kAnswerMs, context.interrupts);
  if (!checkpoints.ok()) return Fail(context, checkpoints.status());
  if (arguments.json) {
    *context.out << CheckpointsJson(*checkpoints) << "\n";
    return kExitDone;
  }
  if (checkpoints->empty()) {
    *context.err << "no checkpoints yet\n";
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& checkpoint : *checkpoints) {
    rows.push_back({std::to_string(checkpoint.id.value),
                    checkpoint.savepoint ? "savepoint" : "checkpoint",
                    FormatTime(checkpoint.completed_at_ms), FormatDuration(checkpoint.duration_ms),
                    FormatBytes(checkpoint.size_bytes), checkpoint.path});
  }
  *context.out << FormatTable({"ID", "KIND", "COMPLETED", "TOOK", "SIZE", "PATH (for --from)"},
                              rows);
  return kExitDone;
}

}  // namespace weir::client
