#include "tests/simulation/oracle/verdict.h"

#include "catch2/catch.hpp"
#include "tests/simulation/oracle/windows.h"

namespace weir::sim {
namespace {

using jobmanager::JobState;

const JobId kJob{"a"};

/// A run that read [0, 3) of one split and committed it.
struct Run {
  explicit Run(Workload::Kind kind = Workload::Kind::kControl) {
    workload.kind = kind;
    workload.kafka = true;
    workload.file = true;
    journal.opened = {{1, kJob, Attempt(1), 0, 0, 0}};
    journal.snapshots[{kJob, 0}][CheckpointId(1)] = {{Attempt(1), 3, true}};
    outcome.client_done = true;
    outcome.legs = {{kJob, JobState::kFinished, "", CheckpointId(1)}};
    outcome.files = {R"({"p":0,"s":0})", R"({"p":0,"s":1})", R"({"p":0,"s":2})"};
    outcome.topic[2] = outcome.files;
  }
  std::string Found() {
    outcome.journal = &journal;
    outcome.workload = &workload;
    std::string oracles;
    for (const Violation& violation : Judge(outcome)) oracles += violation.oracle + " ";
    return oracles;
  }
  Journal journal;
  Workload workload;
  Outcome outcome;
};

TEST_CASE("a run that is right is found right") { CHECK(Run().Found().empty()); }

TEST_CASE("each sink is judged") {
  Run run;
  run.outcome.files.pop_back();
  CHECK(run.Found() == "O1 ");
  run = Run();
  run.outcome.topic[1] = {R"({"p":0,"s":1})"};
  CHECK(run.Found() == "O1 ");
  run.workload.kafka = false;
  CHECK(run.Found().empty());
  run.outcome.files.push_back("rubbish");
  CHECK(run.Found() == "O1 ");
}

TEST_CASE("records out of order in a partition are found") {
  Run run;
  std::swap(run.outcome.topic[2][0], run.outcome.topic[2][1]);
  CHECK(run.Found() == "O2 ");
}

TEST_CASE("a failure must be allowed, and named") {
  Run run;
  run.outcome.legs[0].end = JobState::kFailed;
  run.outcome.legs[0].failure = "DATA_LOSS: gone";
  CHECK(run.Found() == "O9 ");
  run.outcome.may_fail_with = {"DATA_LOSS"};
  CHECK(run.Found().empty());
  run.outcome.files.pop_back();  // that was said
  CHECK(run.Found().empty());
  run.outcome.files = {R"({"p":0,"s":1})", R"({"p":0,"s":1})"};
  CHECK(run.Found() == "O1 ");
  run = Run();
  run.outcome.may_fail_with = {"DATA_LOSS"};
  run.outcome.legs[0].end = JobState::kFailed;
  run.outcome.legs[0].failure = "something went wrong";
  CHECK(run.Found() == "O9 ");
}

TEST_CASE("what is left is found") {
  Run run;
  run.outcome.left = {".part-a-1"};
  CHECK(run.Found() == "O8 ");
}

TEST_CASE("windows are judged by the reference") {
  Run run(Workload::Kind::kReal);
  CHECK(run.Found() == "O1 O1 ");
  run.outcome.files = run.outcome.topic[2] = WindowsOf({{0, {0, 3}}});
  CHECK(run.Found().empty());
  run.outcome.files.push_back(run.outcome.files[0]);
  CHECK(run.Found() == "O1 ");
  // A job that was cancelled has not fired all; but none twice.
  run.outcome.legs[0].end = JobState::kCancelled;
  CHECK(run.Found() == "O1 ");
  run.outcome.files.clear();
  CHECK(run.Found().empty());
}

}  // namespace
}  // namespace weir::sim
