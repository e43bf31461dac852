#include <catch2/catch.hpp>
#include <sstream>

#include "client/exit_code.h"
#include "client/follow.h"
#include "client/verb/verbs.h"
#include "common/base/clock/system_clock.h"
#include "tests/unit/client/fake_job_api.h"

namespace weir::client {
namespace {

using jobmanager::CheckpointInfo;
using jobmanager::JobState;
using jobmanager::JobStatus;

JobStatus InState(JobState state) {
  JobStatus status;
  status.id = JobId{"00ff"};
  status.name = "j";
  status.state = state;
  return status;
}

struct Bench {
  Bench() {
    context.out = &out;
    context.err = &err;
    context.api = &api;
    context.interrupts = &interrupts;
    context.clock = &clock;
    arguments.job = "j";
  }
  FakeJobApi api;
  Interrupts interrupts;
  SystemClock clock;
  std::ostringstream out, err;
  Context context;
  Arguments arguments;
};

TEST_CASE("errors of calls become the contract's exit codes") {
  CHECK(ExitCodeOf(absl::OkStatus()) == 0);
  CHECK(ExitCodeOf(absl::InvalidArgumentError("")) == 78);
  CHECK(ExitCodeOf(absl::NotFoundError("")) == 3);
  CHECK(ExitCodeOf(absl::AlreadyExistsError("")) == 4);
  CHECK(ExitCodeOf(absl::FailedPreconditionError("")) == 4);
  CHECK(ExitCodeOf(absl::ResourceExhaustedError("")) == 4);
  CHECK(ExitCodeOf(absl::UnavailableError("")) == 5);
  CHECK(ExitCodeOf(absl::DeadlineExceededError("")) == 6);
  CHECK(ExitCodeOf(absl::AbortedError("")) == 1);
  CHECK(ExitCodeOf(absl::InternalError("")) == 70);
  CHECK(ExitCodeOf(absl::CancelledError("")) == 130);
}

TEST_CASE("status of a job that is not there") {
  Bench bench;
  bench.api.get_answers = {absl::NotFoundError("there is no job `j`")};
  CHECK(Status(bench.context, bench.arguments) == kExitNoSuchJob);
  CHECK(bench.out.str().empty());
  CHECK(bench.err.str() == "weir: error: there is no job `j`\n");
}

TEST_CASE("status as JSON is one line of data on stdout") {
  Bench bench;
  bench.arguments.json = true;
  bench.api.get_answers = {InState(JobState::kRunning)};
  CHECK(Status(bench.context, bench.arguments) == kExitDone);
  CHECK(bench.out.str().find("\"state\": \"RUNNING\"") != std::string::npos);
  CHECK(bench.err.str().empty());
}

TEST_CASE("wait: reached, ended otherwise, not there, too long") {
  Bench bench;
  SECTION("reached") {
    bench.arguments.wait_for = "running";
    bench.api.watch_updates = {InState(JobState::kRunning)};
    CHECK(Wait(bench.context, bench.arguments) == kExitDone);
  }
  SECTION("a checkpoint of this attempt only") {
    bench.arguments.wait_for = "checkpoint";
    bench.arguments.timeout_ms = 0;
    JobStatus status = InState(JobState::kRunning);
    status.last_checkpoint = CheckpointInfo{};
    bench.api.watch_updates = {status};
    CHECK(Wait(bench.context, bench.arguments) == kExitWaitedTooLong);
    status.checkpoints_of_attempt = 1;
    bench.api.watch_updates = {status};
    CHECK(Wait(bench.context, bench.arguments) == kExitDone);
  }
  SECTION("cancelled instead") {
    bench.api.watch_updates = {InState(JobState::kCancelled)};
    CHECK(Wait(bench.context, bench.arguments) == kExitFailed);
  }
  SECTION("failed instead, with the cause") {
    JobStatus status = InState(JobState::kFailed);
    status.failure =
        jobmanager::JobFailure{absl::DataLossError("CHECKPOINT_CORRUPT: x"), {}, "", 0};
    bench.api.watch_updates = {status};
    CHECK(Wait(bench.context, bench.arguments) == kExitFailed);
    CHECK(bench.err.str().find("CHECKPOINT_CORRUPT: x") != std::string::npos);
  }
  SECTION("no such job") {
    bench.api.watch_updates = {absl::NotFoundError("no")};
    CHECK(Wait(bench.context, bench.arguments) == kExitNoSuchJob);
  }
  SECTION("nobody there") {
    bench.api.watch_updates = {absl::UnavailableError("no")};
    CHECK(Wait(bench.context, bench.arguments) == kExitUnreachable);
  }
  SECTION("interrupted") {
    bench.api.watch_updates = {InState(JobState::kRunning)};
    bench.api.on_watch = [&] { bench.interrupts.Raise(); };
    CHECK(Wait(bench.context, bench.arguments) == kExitInterrupted);
  }
}

TEST_CASE("following goes on when the JobManager comes back, and asks by id from then on") {
  Bench bench;
  // The first subscription shows the job and breaks; the next finds nobody; the third sees the end.
  int watches = 0;
  FollowOptions options;
  int updates = 0;
  struct Scripted final : jobmanager::JobApi {
    explicit Scripted(int* watches) : watches(watches) {}
    void Validate(std::string, jobmanager::Done<std::monostate>) override {}
    void Submit(jobmanager::SubmitRequest, jobmanager::Done<JobId>) override {}
    void List(jobmanager::Done<std::vector<jobmanager::JobSummary>>) override {}
    void Get(std::string, jobmanager::Done<JobStatus>) override {}
    void Cancel(std::string, jobmanager::Done<JobStatus>) override {}
    void Stop(std::string, jobmanager::Done<CheckpointInfo>) override {}
    void Savepoint(std::string, jobmanager::Done<CheckpointInfo>) override {}
    void Checkpoints(std::string, jobmanager::Done<std::vector<CheckpointInfo>>) override {}
    void Transactions(std::string, jobmanager::Done<jobmanager::JobTransactions>) override {}
    void Cluster(jobmanager::Done<jobmanager::ClusterInfo>) override {}
    std::unique_ptr<Subscription> Watch(
        std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) override {
      names.push_back(job);
      switch ((*watches)++) {
        case 0:
          on_update(InState(JobState::kRunning));
          update = on_update;
          break;
        case 1:
          on_update(absl::UnavailableError("nobody"));
          break;
        default:
          on_update(InState(JobState::kFinished));
      }
      return std::make_unique<Subscription>();
    }
    int* watches;
    std::vector<std::string> names;
    std::function<void(const absl::StatusOr<JobStatus>&)> update;
  } scripted(&watches);
  bench.context.api = &scripted;
  options.on_status = [&](const JobStatus& status) {
    if (++updates == 1) scripted.update(absl::UnavailableError("connection lost"));
  };
  FollowOutcome outcome = Follow(bench.context, "j", options);
  CHECK(outcome.end == FollowEnd::kEnded);
  CHECK(outcome.status->state == JobState::kFinished);
  CHECK(scripted.names == std::vector<std::string>{"j", "00ff", "00ff"});
}

TEST_CASE("stop prints the path alone on stdout") {
  Bench bench;
  bench.api.get_answers = {InState(JobState::kRunning)};
  CheckpointInfo savepoint;
  savepoint.path = "/c/savepoints/9";
  bench.api.stop_answers = {savepoint};
  CHECK(Stop(bench.context, bench.arguments) == kExitDone);
  CHECK(bench.out.str() == "/c/savepoints/9\n");
  CHECK(bench.api.asked == std::vector<std::string>{"j", "00ff"});
}

TEST_CASE("stop finds its savepoint after the JobManager went away meanwhile") {
  Bench bench;
  JobStatus stopped = InState(JobState::kStopped);
  CheckpointInfo savepoint;
  savepoint.path = "/c/savepoints/9";
  stopped.savepoints = {savepoint};
  bench.api.get_answers = {InState(JobState::kRunning), stopped};
  bench.api.stop_answers = {absl::UnavailableError("connection lost")};
  CHECK(Stop(bench.context, bench.arguments) == kExitDone);
  CHECK(bench.out.str() == "/c/savepoints/9\n");
}

TEST_CASE("cancel of a job that has ended is refused") {
  Bench bench;
  bench.api.get_answers = {InState(JobState::kFinished)};
  bench.api.cancel_answers = {absl::FailedPreconditionError("job j has ended: FINISHED")};
  CHECK(Cancel(bench.context, bench.arguments) == kExitRefused);
}

TEST_CASE("transactions: a table for people, ages and deadlines for programs") {
  using State = jobmanager::JobTransaction::State;
  Bench bench;
  bench.arguments.job = "fraud";
  jobmanager::JobTransactions answer;
  answer.at_ms = 100'000;
  answer.transactions = {{"u/alerts/1/0/2", "alerts", 0, State::kOpen, CheckpointId(0), 99'500, 160'000, 12},
                         {"", "alerts", 1, State::kCommitting, CheckpointId(7), 0, 0, -1}};
  bench.api.transactions_answer = answer;
  SECTION("table") {
    CHECK(Transactions(bench.context, bench.arguments) == kExitDone);
    CHECK(bench.out.str() ==
          "ID              SINK    SUBTASK  STATE       CHECKPOINT  AGE     DEADLINE IN  RECORDS\n"
          "u/alerts/1/0/2  alerts  0        OPEN        -           500 ms  1 min 0 s    12\n"
          "-               alerts  1        COMMITTING  7           -       -            -\n");
  }
  SECTION("json") {
    bench.arguments.json = true;
    CHECK(Transactions(bench.context, bench.arguments) == kExitDone);
    CHECK(bench.out.str() ==
          R"([{"id": "u/alerts/1/0/2", "sink": "alerts", "subtask": 0, "state": "OPEN", "checkpoint": null, )"
          R"("age_ms": 500, "deadline_ms": 60000, "records": 12}, )"
          R"({"id": null, "sink": "alerts", "subtask": 1, "state": "COMMITTING", "checkpoint": 7, )"
          R"("age_ms": null, "deadline_ms": null, "records": null}])"
          "\n");
  }
  SECTION("none") {
    bench.api.transactions_answer = jobmanager::JobTransactions();
    CHECK(Transactions(bench.context, bench.arguments) == kExitDone);
    CHECK(bench.out.str().empty());
  }
  SECTION("no such job") {
    bench.api.transactions_answer = absl::NotFoundError("no");
    CHECK(Transactions(bench.context, bench.arguments) == kExitNoSuchJob);
  }
}

TEST_CASE("rescale is refused as not supported yet") {
  Bench bench;
  CHECK(Rescale(bench.context, bench.arguments) == kExitRefused);
  CHECK(bench.err.str().find("not supported yet") != std::string::npos);
}

}  // namespace
}  // namespace weir::client
