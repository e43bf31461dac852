#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/job/attempt_progress.h"
#include "jobmanager/job/restart_policy.h"
#include "jobmanager/job/restore_check.h"
#include "jobmanager/job/transaction_board.h"
#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

using control::SubtaskState;

TEST_CASE("RestartPolicy: doubles up to max_delay, gives up after max_attempts") {
  RestartPolicy policy({job::RestartStrategy::kExponential, 100, 350, 4});
  CHECK(policy.OnFailure() == 100);
  CHECK(policy.OnFailure() == 200);
  CHECK(policy.OnFailure() == 350);
  CHECK(policy.OnFailure() == 350);
  CHECK_FALSE(policy.OnFailure().has_value());
  policy.OnProgress();
  CHECK(policy.OnFailure() == 100);
}

TEST_CASE("AttemptProgress: each phase is left once, when everybody is there") {
  job::JobSpec spec;
  spec.parallelism = 2;
  const auto plan = TestPlan(spec);
  AttemptProgress p(*plan, false);
  REQUIRE(p.subtasks().size() == 4);
  CHECK(p.sweepers() == std::set<SubtaskId>{{1, 0}});
  for (int i = 0; i < 3; ++i) p.OnState(p.subtasks()[i], SubtaskState::kRestored);
  CHECK_FALSE(p.AllRestored());
  p.OnState(p.subtasks()[3], SubtaskState::kRestored);
  CHECK(p.AllRestored());
  CHECK_FALSE(p.AllRestored());
  CHECK_FALSE(p.AllSwept());
  p.OnSwept({1, 0});
  CHECK(p.AllSwept());
  p.Starting();
  for (SubtaskId s : p.subtasks()) p.OnState(s, SubtaskState::kRunning);
  p.OnState({0, 0}, SubtaskState::kRestored);  // late
  CHECK(p.AllRunning());
  CHECK_FALSE(p.AllSourcesEnded());
  p.OnSourceEnded({0, 0});
  p.OnSourceEnded({0, 1});
  CHECK(p.AllSourcesEnded());
}

TEST_CASE("AttemptProgress: a resolver has subtask 0 of every sink") {
  const auto plan = TestPlan({});
  AttemptProgress p(*plan, true);
  CHECK(p.subtasks() == std::vector<SubtaskId>{{1, 0}});
}

TEST_CASE("TransactionBoard: what sinks said last, beside what is to be committed") {
  using State = JobTransaction::State;
  using Info = control::TransactionInfo;
  TransactionBoard board;
  auto report = [](int32_t subtask, std::vector<Info> open) {
    return control::SinkReport{{1, subtask}, "out", {std::move(open), 0, 0, 0, 0}};
  };
  auto info = [](const char* id, Info::State state, int64_t checkpoint) {
    return Info{id, state, CheckpointId(checkpoint), 100, 200, 5};
  };
  auto states = [&](const std::vector<PendingHandle>& committing, int64_t last) {
    std::vector<std::pair<std::string, State>> out;
    for (const auto& one : board.List(committing, CheckpointId(last)))
      out.emplace_back(one.id, one.state);
    return out;
  };
  using States = std::vector<std::pair<std::string, State>>;
  board.OnReport(Attempt(1), report(0, {info("a", Info::State::kPrepared, 4),
                                        info("b", Info::State::kPrepared, 5),
                                        info("c", Info::State::kPrepared, 6),
                                        info("d", Info::State::kOpen, 0)}));
  board.OnReport(Attempt(1), report(1, {info("e", Info::State::kSealed, 6)}));
  // 4 is committed since, 5 is being committed; of subtask 2's commit only the JobManager knows.
  CHECK(states({{"out", CheckpointId(5), 0, 200}, {"out", CheckpointId(5), 2, 200}}, 5) ==
        States{{"b", State::kCommitting},
               {"c", State::kPrepared},
               {"d", State::kOpen},
               {"e", State::kSealed},
               {"", State::kCommitting}});
  SECTION("a lost TaskManager's stays until it is replaced") {
    board.OnReport(Attempt(2), report(0, {info("f", Info::State::kOpen, 0)}));
    board.OnReport(Attempt(1), report(0, {}));  // late
    CHECK(states({}, 5) == States{{"f", State::kOpen}, {"e", State::kSealed}});
    board.OnRunning(Attempt(2));
    CHECK(states({}, 5) == States{{"f", State::kOpen}});
    CHECK(board.Reports().size() == 1);
  }
}

TEST_CASE("CheckRestore: says everything that does not fit; renames are followed") {
  job::JobSpec spec;
  spec.name = "j";
  auto plan = TestPlan(spec);
  checkpoint::Manifest manifest;
  manifest.state_layouts = {{"per_user", "count"}};
  manifest.sources = {{"in", {}}};
  CHECK(CheckRestore(*plan, manifest).ok());

  checkpoint::Manifest other = manifest;
  other.max_parallelism = 64;
  other.state_layouts = {{"per_user", "sum"}, {"gone", "count"}};
  other.sources = {{"old", {}}};
  other.subtasks.push_back({{1, 0}, false, {{}}});
  other.subtasks[0].operators[0].node = "lost_sink";
  other.subtasks[0].operators[0].handles.push_back({CheckpointId(1), 0, "file", "h", 0});
  const std::string message(CheckRestore(*plan, other).message());
  for (const char* part :
       {"max_parallelism is 64", "state of `per_user` was [sum] and would be [count]",
        "state of `gone`", "source `old`", "source `in` is not in the checkpoint", "`lost_sink`"}) {
    INFO(message);
    CHECK(absl::StrContains(message, part));
  }

  job::JobSpec renamed;
  auto node = [&](const char* name, const char* from, job::NodeKind kind, const char* type) {
    job::Node n;
    n.name = name;
    n.renamed_from = from;
    n.kind = kind;
    n.type = type;
    renamed.nodes.push_back(n);
  };
  node("input", "in", job::NodeKind::kSource, "generator");
  node("counts", "per_user", job::NodeKind::kOperator, "window_aggregate");
  node("out", "", job::NodeKind::kSink, "file");
  plan = TestPlan(renamed);
  CHECK_FALSE(CheckRestore(*plan, manifest).ok());
  ApplyRenames(*plan, &manifest);
  CHECK(CheckRestore(*plan, manifest).ok());
  CHECK(manifest.sources[0].node == "input");
}

TEST_CASE("Paths: the attempt that wrote a file") {
  const JobId job{"abc"};
  CHECK(checkpoint::AttemptOfPath(job, checkpoint::StatePrefix(job, Attempt(12), {1, 0}) + "x-7") ==
        12);
  CHECK(checkpoint::AttemptOfPath(
            job, checkpoint::ManifestPath(job, CheckpointId(5), LeaderEpoch(2), Attempt(3))) == 3);
  CHECK(checkpoint::AttemptOfPath(job, checkpoint::SavepointManifest(job, CheckpointId(5))) == -1);
  CHECK(checkpoint::AttemptOfPath(job, "abcd/state/1/x") == -1);
}

}  // namespace
}  // namespace weir::jobmanager
