#include "client/await.h"
#include "client/exit_code.h"
#include "client/follow.h"
#include "client/job_file.h"
#include "client/terminal/json_writer.h"
#include "client/verb/answers.h"
#include "client/verb/follow_job.h"
#include "client/verb/verbs.h"

namespace weir::client {
namespace {

// The JobManager answers after at most 10 s of waiting for slots; restoring comes on top.
constexpr int64_t kSubmitMs = 120'000;

}  // namespace

int Submit(const Context& context, const Arguments& arguments,
           const job::ConnectorCatalog& catalog) {
  absl::StatusOr<JobFile> file = LoadJobFile(arguments.job_file, arguments.parallelism, catalog);
  if (!file.ok()) return Fail(context, file.status());
  if (!file->diagnostics.ok()) return ReportDiagnostics(context, *file);
  jobmanager::SubmitRequest request;
  request.spec = Serialize(*file);
  request.from = arguments.from;
  if (arguments.unresolved == "skip") request.unresolved = jobmanager::Unresolved::kSkip;
  if (arguments.unresolved == "repeat") request.unresolved = jobmanager::Unresolved::kRepeat;
  absl::StatusOr<JobId> id = Await<JobId>(
      [&](jobmanager::Done<JobId> done) {
        context.api->Submit(std::move(request), std::move(done));
      },
      kSubmitMs, context.interrupts);
  if (!id.ok()) {
    absl::Status status = id.status();
    if (status.code() == absl::StatusCode::kUnavailable) {
      status = absl::UnavailableError(std::string(status.message()) +
                                      "; look with `weir list` whether it was accepted");
    }
    return FailSubmit(context, *file, status);
  }
  if (arguments.detach) {
    if (arguments.json) {
      JsonWriter json;
      json.BeginObject()
          .Key("id")
          .String(id->value)
          .Key("name")
          .String(file->spec->name)
          .EndObject();
      *context.out << json.text() << "\n";
    } else {
      *context.out << id->value << "\n";
    }
    return kExitDone;
  }
  *context.err << "job " << file->spec->name << " runs on " << arguments.jobmanager << ", id "
               << id->value << "\n";
  FollowedJob followed(context, *file, arguments.json);
  FollowOutcome outcome = followed.Follow(*id);
  switch (outcome.end) {
    case FollowEnd::kInterrupted:
      *context.err << "the job goes on; `weir status " << file->spec->name
                   << "` shows it, `weir stop` ends it\n";
      return kExitInterrupted;
    case FollowEnd::kFailed:
      return Fail(context, outcome.error);
    default:
      return followed.Report(*outcome.status);
  }
}

}  // namespace weir::client
