#include "client/run_decision.h"

#include <catch2/catch.hpp>

namespace weir::client {
namespace {

using jobmanager::JobState;
using jobmanager::JobSummary;

JobSummary Job(const char* id, const char* name, JobState state, int64_t submitted) {
  JobSummary job;
  job.id = JobId{id};
  job.name = name;
  job.state = state;
  job.submitted_at_ms = submitted;
  return job;
}

TEST_CASE("an empty folder, a finished or a cancelled job: anew") {
  CHECK(DecideRun({}, "a", false)->kind == RunDecision::Kind::kAnew);
  CHECK(DecideRun({Job("1", "a", JobState::kFinished, 1)}, "a", true)->kind ==
        RunDecision::Kind::kAnew);
  CHECK(DecideRun({Job("1", "a", JobState::kCancelled, 1)}, "a", true)->kind ==
        RunDecision::Kind::kAnew);
}

TEST_CASE("an unfinished job goes on") {
  auto decision = DecideRun(
      {Job("1", "a", JobState::kFinished, 1), Job("2", "a", JobState::kRestarting, 2)}, "a", true);
  REQUIRE(decision.ok());
  CHECK(decision->kind == RunDecision::Kind::kResume);
  CHECK(decision->job.value == "2");
}

TEST_CASE("an unfinished job of another file or another name is refused") {
  CHECK(DecideRun({Job("1", "a", JobState::kRunning, 1)}, "a", false).status().code() ==
        absl::StatusCode::kFailedPrecondition);
  CHECK(DecideRun({Job("1", "b", JobState::kRunning, 1)}, "a", true).status().code() ==
        absl::StatusCode::kFailedPrecondition);
}

TEST_CASE(
    "the last one decides: stopped or failed goes on from its checkpoint, whatever the file") {
  auto decision = DecideRun(
      {Job("2", "a", JobState::kStopped, 2), Job("1", "a", JobState::kFinished, 1)}, "a", false);
  REQUIRE(decision.ok());
  CHECK(decision->kind == RunDecision::Kind::kContinue);
  CHECK(decision->job.value == "2");
  CHECK(DecideRun({Job("1", "a", JobState::kStopped, 1), Job("2", "a", JobState::kFinished, 2)},
                  "a", true)
            ->kind == RunDecision::Kind::kAnew);
  CHECK(DecideRun({Job("1", "a", JobState::kFailed, 1)}, "a", true)->kind ==
        RunDecision::Kind::kContinue);
  CHECK(DecideRun({Job("1", "b", JobState::kStopped, 1)}, "a", true)->kind ==
        RunDecision::Kind::kAnew);
}

}  // namespace
}  // namespace weir::client
