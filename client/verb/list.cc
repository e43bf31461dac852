#include "client/await.h"
#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"

namespace weir::client {

int List(const Context& context, const Arguments& arguments) {
  using Jobs = std::vector<jobmanager::JobSummary>;
  absl::StatusOr<Jobs> jobs =
      Await<Jobs>([&](jobmanager::Done<Jobs> done) { context.api->List(std::move(done)); },
                  kAnswerMs, context.interrupts);
  if (!jobs.ok()) return Fail(context, jobs.status());
  if (arguments.json) {
    *context.out << ListJson(*jobs) << "\n";
    return kExitDone;
  }
  if (jobs->empty()) {
    *context.err << "no jobs\n";
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : *jobs) {
    rows.push_back({job.name, ToString(job.state), std::to_string(job.attempt.value),
                    FormatTime(job.submitted_at_ms), FormatTime(job.ended_at_ms), job.id.value,
                    job.failure});
  }
  *context.out << FormatTable({"NAME", "STATE", "ATTEMPT", "SUBMITTED", "ENDED", "ID", "FAILURE"},
                              rows);
  return kExitDone;
}

}  // namespace weir::client
