#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>

#include "client/rpc/job_client.h"
#include "common/base/endpoint.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "jobmanager/rpc/job_convert.h"
#include "jobmanager/rpc/job_manager_server.h"
#include "tests/unit/rpc/fakes.h"
#include "weir/v1/jobs.pb.h"

namespace weir::jobmanager {
namespace {

JobStatus FullStatus() {
  JobStatus s;
  s.id = JobId{"0123"};
  s.name = "fraud-alert";
  s.state = JobState::kRestarting;
  s.guarantee = "exactly_once";
  s.slots_needed = 3;
  s.waiting_for_slots = true;
  s.attempt = Attempt(4);
  s.restarts = 5;
  s.last_checkpoint = CheckpointInfo{CheckpointId(6), Attempt(3), true, "/p\xff", 7, 8, 9};
  s.checkpoints_of_attempt = 10;
  s.checkpoints_completed = 11;
  s.checkpoints_failed = 12;
  s.failure = JobFailure{absl::DataLossError("CHECKPOINT_CORRUPT \xfe"),
                         control::FailureDomain::kUser, "tm-1", 13};
  control::SubtaskMetrics m{{1, 2}, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
  s.tasks.push_back({"a -> b", {1, 2}, control::SubtaskState::kFailed, "tm-2", m});
  s.pending.push_back({"alerts", CheckpointId(25), 26, 27});
  s.savepoints.push_back({CheckpointId(28), Attempt(29), true, "/s", 30, 31, 32});
  s.submitted_at_ms = 33;
  s.ended_at_ms = 34;
  return s;
}

template <typename Proto, typename T>
std::string Bytes(const T& value) {
  Proto out;
  ToProto(value, &out);
  return out.SerializeAsString();
}

struct Fixture {
  Fixture() {
    auto started = JobManagerServer::Start({.listen = "127.0.0.1:0"}, &api, &handler);
    REQUIRE(started.ok());
    server = *std::move(started);
    auto connected = client::ConnectToJobManager(server->address());
    REQUIRE(connected.ok());
    remote = *std::move(connected);
  }
  FakeJobApi api;
  FakeHandler handler;
  std::unique_ptr<JobManagerServer> server;
  std::unique_ptr<JobApi> remote;
};

TEST_CASE("JobService: every call and all it carries") {
  Fixture f;
  f.api.status = FullStatus();
  f.api.checkpoint = *FullStatus().last_checkpoint;
  f.api.list = {{JobId{"1"}, "n", JobState::kFailed, Attempt(2), 3, 4, "why"}};
  f.api.cluster = {
      LeaderEpoch(1), "b", "file:///c", 2, 3, {{"tm", "h:1", "available", 4, 5, "b", 6}}};

  CHECK(Ask<std::monostate>([&](auto done) { f.remote->Validate("spec", done); }).ok());
  auto id = Ask<JobId>([&](auto done) {
    f.remote->Submit({"spec", "/from", Unresolved::kRepeat}, done);
  });
  REQUIRE(id.ok());
  CHECK(id->value == "id-1");
  CHECK(f.api.submitted.from == "/from");
  CHECK(f.api.submitted.unresolved == Unresolved::kRepeat);
  auto get = Ask<JobStatus>([&](auto done) { f.remote->Get("j", done); });
  REQUIRE(get.ok());
  CHECK(Bytes<v1::JobStatus>(*get) == Bytes<v1::JobStatus>(FullStatus()));
  CHECK(Ask<JobStatus>([&](auto done) { f.remote->Cancel("c", done); }).ok());
  auto stop = Ask<CheckpointInfo>([&](auto done) { f.remote->Stop("s", done); });
  REQUIRE(stop.ok());
  CHECK(Bytes<v1::CheckpointInfo>(*stop) == Bytes<v1::CheckpointInfo>(f.api.checkpoint));
  CHECK(Ask<CheckpointInfo>([&](auto done) { f.remote->Savepoint("v", done); }).ok());
  auto checkpoints =
      Ask<std::vector<CheckpointInfo>>([&](auto done) { f.remote->Checkpoints("k", done); });
  REQUIRE(checkpoints.ok());
  CHECK(checkpoints->size() == 2);
  auto list = Ask<std::vector<JobSummary>>([&](auto done) { f.remote->List(done); });
  REQUIRE(list.ok());
  CHECK(Bytes<v1::ListReply>(*list) == Bytes<v1::ListReply>(f.api.list));
  auto cluster = Ask<ClusterInfo>([&](auto done) { f.remote->Cluster(done); });
  REQUIRE(cluster.ok());
  CHECK(Bytes<v1::ClusterInfo>(*cluster) == Bytes<v1::ClusterInfo>(f.api.cluster));
  using State = JobTransaction::State;
  control::SinkReport report{{1, 2}, "out", {{}, 3, 4, 5, 6}};
  report.transactions.open = {
      {"t", control::TransactionInfo::State::kPrepared, CheckpointId(7), 8, 9, 10}};
  f.api.transactions = {JobId{"1"},
                        "n",
                        77,
                        {{"t", "out", 2, State::kOpen, CheckpointId(0), 1, 2, 3},
                         {"", "out", 2, State::kUnresolved, CheckpointId(7), 0, 9, -1}},
                        {report}};
  auto transactions =
      Ask<JobTransactions>([&](auto done) { f.remote->Transactions("t", done); });
  REQUIRE(transactions.ok());
  CHECK(*transactions == f.api.transactions);
  CHECK(f.api.asked.get() ==
        std::vector<std::string>{"spec", "spec", "j", "c", "s", "v", "k", "", "", "t"});
}

TEST_CASE("JobService: errors keep code and message; a huge message is cut, not lost") {
  Fixture f;
  auto missing = Ask<JobStatus>([&](auto done) { f.remote->Get("missing", done); });
  CHECK(missing.status() == absl::NotFoundError("no job called `missing`"));
  auto cut = Ask<JobStatus>([&](auto done) { f.remote->Get("long", done); });
  CHECK(cut.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(cut.status().message().size() > 30000);
}

TEST_CASE("JobService: who leaves answers UNAVAILABLE, a late answer is dropped") {
  Fixture f;
  Watched<std::vector<absl::Status>> answers;
  f.remote->Stop("hang", [&](absl::StatusOr<CheckpointInfo> answer) {
    answers.Change([&](auto& all) { all.push_back(answer.status()); });
  });
  REQUIRE(f.api.held.Await([](const auto& all) { return !all.empty(); }));
  f.server->Stop();
  REQUIRE(answers.Await([](const auto& all) { return !all.empty(); }));
  CHECK(answers.get().front() == absl::UnavailableError("the JobManager is leaving"));
  f.api.held.get().front()();
  auto after = Ask<JobStatus>([&](auto done) { f.remote->Get("j", done); });
  CHECK(after.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(after.status().message()).find("not reachable") != std::string::npos);
  CHECK(answers.get().size() == 1);
}

TEST_CASE("JobService: a client that goes ends its calls") {
  Fixture f;
  bool answered = false;
  f.remote->Get("hang", [&](absl::StatusOr<JobStatus>) { answered = true; });
  auto watching = f.remote->Watch("j", [](const absl::StatusOr<JobStatus>&) {});
  REQUIRE(f.api.held.Await([](const auto& all) { return !all.empty(); }));
  REQUIRE(f.api.watchers.Await([](const auto& all) { return !all.empty(); }));
  watching.reset();
  CHECK(f.api.watchers.Await([](const auto& all) { return all.empty(); }));
  f.remote.reset();
  CHECK_FALSE(answered);
}

TEST_CASE("JobService: a watched job's updates come in order up to its end") {
  Fixture f;
  Watched<std::vector<std::string>> seen;
  auto watching = f.remote->Watch("j", [&](const absl::StatusOr<JobStatus>& update) {
    seen.Change([&](auto& all) {
      all.push_back(update.ok() ? ToString(update->state) : update.status().ToString());
    });
  });
  REQUIRE(f.api.watchers.Await([](const auto& all) { return !all.empty(); }));
  const auto update = f.api.watchers.get().front();
  JobStatus status;
  for (JobState state :
       {JobState::kDeploying, JobState::kRunning, JobState::kFinished, JobState::kFailed}) {
    status.state = state;
    update(status);  // the last one comes after the end
  }
  CHECK(f.api.watchers.Await([](const auto& all) { return all.empty(); }));
  CHECK(seen.Await([](const auto& all) { return all.size() >= 3; }));
  CHECK(seen.get() == std::vector<std::string>{"DEPLOYING", "RUNNING", "FINISHED"});

  Watched<absl::Status> end;
  auto wrong = f.remote->Watch("k", [&](const absl::StatusOr<JobStatus>& answer) {
    end.Change([&](auto& s) { s = answer.status(); });
  });
  REQUIRE(f.api.watchers.Await([](const auto& all) { return !all.empty(); }));
  f.api.watchers.get().front()(absl::NotFoundError("no job"));
  CHECK(end.Await([](const auto& s) { return s == absl::NotFoundError("no job"); }));
}

/// One raw call: what the server says to bytes.
grpc::Status Raw(const std::string& address, const std::string& method, const std::string& bytes,
                 std::string* reply) {
  grpc::GenericStub stub(rpc::MakeChannel(address));
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  Watched<std::pair<bool, grpc::Status>> done;
  grpc::ClientContext context;
  stub.UnaryCall(&context, method, {}, &request, &response, [&](grpc::Status status) {
    done.Change([&](auto& d) { d = {true, std::move(status)}; });
  });
  REQUIRE(done.Await([](const auto& d) { return d.first; }));
  grpc::Slice whole;
  if (reply != nullptr && response.DumpToSingleSlice(&whole).ok()) {
    reply->assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  }
  return done.get().second;
}

TEST_CASE("JobService: malformed and oversized calls, unknown methods, health") {
  Fixture f;
  const std::string& at = f.server->address();
  for (const char* method :
       {"Validate", "Submit", "Get", "Cancel", "Stop", "Savepoint", "Checkpoints"}) {
    CAPTURE(method);
    const grpc::Status status =
        Raw(at, std::string("/weir.v1.JobService/") + method, "\xff\xff\xff", nullptr);
    CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(status.error_message().find("malformed request") != std::string::npos);
  }
  v1::SubmitRequest submit;
  submit.set_unresolved(static_cast<v1::SubmitRequest::Unresolved>(9));
  CHECK(Raw(at, "/weir.v1.JobService/Submit", submit.SerializeAsString(), nullptr).error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
  const std::string huge(rpc::Server::kMaxMessageBytes + 1, 'x');
  CHECK(Raw(at, "/weir.v1.JobService/Get", huge, nullptr).error_code() ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(Raw(at, "/weir.v1.JobService/Nothing", "", nullptr).error_code() ==
        grpc::StatusCode::UNIMPLEMENTED);
  CHECK(f.api.asked.get().empty());
  std::string health;
  CHECK(Raw(at, "/grpc.health.v1.Health/Check", "", &health).ok());
  CHECK(health == "\x08\x01");  // SERVING
}

TEST_CASE("Server: a taken port is named; wrong and open addresses are refused") {
  Fixture f;
  FakeJobApi api;
  FakeHandler handler;
  auto taken = JobManagerServer::Start({.listen = f.server->address()}, &api, &handler);
  CHECK(taken.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(std::string(taken.status().message()).find(f.server->address()) != std::string::npos);
  for (const char* wrong : {"", "6123", "127.0.0.1:x", "0.0.0.0:0", "example.org:1"}) {
    CAPTURE(wrong);
    CHECK(JobManagerServer::Start({.listen = wrong}, &api, &handler).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
  CHECK(JobManagerServer::Start({.listen = "0.0.0.0:0", .insecure = true}, &api, &handler).ok());
  const std::string address = f.server->address();
  f.server->Stop();
  CHECK(JobManagerServer::Start({.listen = address}, &api, &handler).ok());
}

TEST_CASE("ConnectToJobManager: wrong addresses, nobody there, the second of two") {
  CHECK(client::ConnectToJobManager("").status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(client::ConnectToJobManager("127.0.0.1:1,x").status().code() ==
        absl::StatusCode::kInvalidArgument);
  auto nobody = client::ConnectToJobManager("127.0.0.1:1");
  REQUIRE(nobody.ok());
  auto answer = Ask<JobStatus>([&](auto done) { (*nobody)->Get("j", done); });
  CHECK(answer.status().code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(answer.status().message()).find("127.0.0.1:1") != std::string::npos);
  Fixture f;
  auto second = client::ConnectToJobManager("127.0.0.1:1," + f.server->address());
  REQUIRE(second.ok());
  CHECK(Ask<JobStatus>([&](auto done) { (*second)->Get("j", done); }).ok());
}

}  // namespace
}  // namespace weir::jobmanager
