#include "jobmanager/leader_gate.h"

#include "absl/strings/match.h"
#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

struct Link final : control::TaskManagerLink {
  void Send(control::ToTaskManager) override {}
  void Close(absl::Status why) override { closed.push_back(std::move(why)); }
  std::vector<absl::Status> closed;
};

/// The harness's JobManager behind a gate.
struct Gated : Harness {
  void Lead() { gate.Lead(std::shared_ptr<JobManager>(manager.get(), [](JobManager*) {})); }
  std::string leader = "b:6123";
  LeaderGate gate{[this] { return leader; }};
};

TEST_CASE("LeaderGate: who does not lead says who does") {
  Gated g;
  CHECK_FALSE(g.gate.leads());
  absl::Status status;
  g.gate.List([&](absl::StatusOr<std::vector<JobSummary>> list) { status = list.status(); });
  CHECK(IsNotLeading(status));
  CHECK(absl::IsUnavailable(status));
  CHECK(absl::StrContains(status.message(), "b:6123"));
  g.leader = "";
  auto watch = g.gate.Watch("fraud", [&](const absl::StatusOr<JobStatus>& s) { status = s.status(); });
  CHECK(watch != nullptr);
  CHECK(IsNotLeading(status));
  CHECK(absl::StrContains(status.message(), "try again"));
  auto link = std::make_shared<Link>();
  g.gate.OnOpened(link, "peer");
  REQUIRE(link->closed.size() == 1);
  CHECK(IsNotLeading(link->closed[0]));
  g.gate.OnMessage(link.get(), control::Heartbeat{});
  g.gate.OnClosed(link.get(), absl::OkStatus());
  CHECK_FALSE(IsNotLeading(absl::UnavailableError("another reason")));
}

TEST_CASE("LeaderGate: passes on while it leads; what is open when it steps down is answered once") {
  Gated g;
  g.RunningJob();
  g.Lead();
  CHECK(g.gate.leads());
  std::vector<absl::Status> answers;
  g.gate.Get("fraud", [&](absl::StatusOr<JobStatus> s) { answers.push_back(s.status()); });
  g.loop.Drain();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].ok());
  int updates = 0;
  absl::Status last;
  auto watch = g.gate.Watch("fraud", [&](const absl::StatusOr<JobStatus>& s) {
    ++updates;
    last = s.status();
  });
  g.loop.Drain();
  CHECK(updates == 1);
  auto link = std::make_shared<Link>();
  g.gate.OnOpened(link, "peer");
  g.loop.Drain();

  g.gate.Get("fraud", [&](absl::StatusOr<JobStatus> s) { answers.push_back(s.status()); });
  g.gate.StepDown();
  REQUIRE(answers.size() == 2);
  CHECK(IsNotLeading(answers[1]));
  CHECK(updates == 2);
  CHECK(IsNotLeading(last));
  REQUIRE(link->closed.size() == 1);
  CHECK(IsNotLeading(link->closed[0]));
  // The JobManager's answer comes too late.
  g.loop.Drain();
  g.Advance(kSeconds);
  CHECK(answers.size() == 2);
  CHECK(updates == 2);
  g.gate.OnClosed(link.get(), absl::OkStatus());
  watch.reset();
  CHECK_FALSE(g.gate.leads());
  // It may lead again.
  g.Lead();
  g.gate.Get("fraud", [&](absl::StatusOr<JobStatus> s) { answers.push_back(s.status()); });
  g.loop.Drain();
  REQUIRE(answers.size() == 3);
  CHECK(answers[2].ok());
}

}  // namespace
}  // namespace weir::jobmanager
