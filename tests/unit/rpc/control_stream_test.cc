#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>

#include "common/rpc/channel.h"
#include "jobmanager/rpc/job_manager_server.h"
#include "taskmanager/rpc/grpc_job_manager_connector.h"
#include "tests/unit/control/random_messages.h"
#include "tests/unit/rpc/fakes.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir {
namespace {

using jobmanager::JobManagerServer;
using taskmanager::GrpcJobManagerConnector;

/// What one link's TaskManager hears.
struct Heard {
  std::vector<control::ToTaskManager> messages;
  std::vector<absl::Status> closed;
};
control::JobManagerConnector::Events EventsInto(Watched<Heard>* heard) {
  return {[heard](control::ToTaskManager m) {
            heard->Change([&](Heard& h) { h.messages.push_back(std::move(m)); });
          },
          [heard](absl::Status why) {
            heard->Change([&](Heard& h) { h.closed.push_back(std::move(why)); });
          }};
}
bool IsClosed(const Heard& h) { return !h.closed.empty(); }
bool OneClosed(const FakeHandler::Seen& s) { return s.closed.size() == 1; }

struct Fixture {
  Fixture() { Start("127.0.0.1:0"); }
  void Start(const std::string& listen) {
    auto started = JobManagerServer::Start({.listen = listen}, &api, &handler);
    REQUIRE(started.ok());
    server = *std::move(started);
  }
  std::unique_ptr<control::JobManagerLink> Connect() {
    auto link = GrpcJobManagerConnector({server->address()}).Connect(EventsInto(&heard));
    REQUIRE(link.ok());
    REQUIRE(handler.seen.Await([&](const auto& s) { return s.opened.size() > links; }));
    ++links;
    return *std::move(link);
  }
  FakeJobApi api;
  FakeHandler handler;
  std::unique_ptr<JobManagerServer> server;
  Watched<Heard> heard;
  size_t links = 0;
};

TEST_CASE("control stream: what is sent arrives in order, both ways") {
  Fixture f;
  auto link = f.Connect();
  control::RandomMessages random(11);
  std::vector<control::ToJobManager> up;
  std::vector<control::ToTaskManager> down;
  for (size_t i = 0; i < 500; ++i) {
    up.push_back(random.Up(i));
    down.push_back(random.Down(i));
    link->Send(up.back());
    f.handler.seen.get().opened[0]->Send(down.back());
  }
  REQUIRE(f.handler.seen.Await([](const auto& s) { return s.messages.size() == 500; }));
  REQUIRE(f.heard.Await([](const auto& h) { return h.messages.size() == 500; }));
  CHECK(f.handler.seen.get().messages == up);
  CHECK(f.heard.get().messages == down);
}

TEST_CASE("control stream: closed by the JobManager after what was sent, with its reason") {
  Fixture f;
  auto link = f.Connect();
  auto end = f.handler.seen.get().opened[0];
  end->Send(control::Registered{LeaderEpoch(1)});
  end->Send(control::RegisterRefused{absl::FailedPreconditionError("other build")});
  end->Close(absl::FailedPreconditionError("other build"));
  end->Close(absl::InternalError("only the first counts"));
  REQUIRE(f.heard.Await(IsClosed));
  CHECK(f.heard.get().messages.size() == 2);
  CHECK(f.heard.get().closed[0] == absl::FailedPreconditionError("other build"));
  REQUIRE(f.handler.seen.Await(OneClosed));
  CHECK(f.handler.seen.get().closed[0] == absl::FailedPreconditionError("other build"));
  link->Send(control::Heartbeat());
  end->Send(control::HeartbeatReply());
  link.reset();
  CHECK(f.handler.seen.get().closed.size() == 1);
}

TEST_CASE("control stream: a link let go ends at the JobManager, and nothing is heard after it") {
  Fixture f;
  auto link = f.Connect();
  link.reset();
  REQUIRE(f.handler.seen.Await(OneClosed));
  CHECK(f.handler.seen.get().closed[0].code() == absl::StatusCode::kUnavailable);
  CHECK(f.heard.get().closed.empty());
}

TEST_CASE("control stream: a link may be let go in its own event") {
  Fixture f;
  std::shared_ptr<control::JobManagerLink> link;
  Watched<int> count;
  auto made = GrpcJobManagerConnector({f.server->address()})
                  .Connect({[&](control::ToTaskManager) {
                              link.reset();
                              count.Change([](int& n) { ++n; });
                            },
                            [&](absl::Status) { count.Change([](int& n) { n += 100; }); }});
  REQUIRE(made.ok());
  link = *std::move(made);
  REQUIRE(f.handler.seen.Await([](const auto& s) { return !s.opened.empty(); }));
  f.handler.seen.get().opened[0]->Send(control::HeartbeatReply());
  REQUIRE(count.Await([](int n) { return n > 0; }));
  REQUIRE(f.handler.seen.Await(OneClosed));
  CHECK(count.get() == 1);
}

TEST_CASE("control stream: a JobManager that stops says so, and is found again when it is back") {
  Fixture f;
  auto link = f.Connect();
  const std::string address = f.server->address();
  f.server->Stop();
  CHECK(f.handler.seen.get().closed.size() == 1);
  REQUIRE(f.heard.Await(IsClosed));
  CHECK(f.heard.get().closed[0].code() == absl::StatusCode::kUnavailable);
  CHECK(GrpcJobManagerConnector({address}).Connect({}).status().code() ==
        absl::StatusCode::kUnavailable);
  f.Start(address);
  link = f.Connect();
  link->Send(control::Heartbeat());
  CHECK(f.handler.seen.Await([](const auto& s) { return s.messages.size() == 1; }));
}

TEST_CASE("control stream: a malformed message ends the stream with what is wrong") {
  Fixture f;
  auto stub = v1::Control::NewStub(rpc::MakeChannel(f.server->address()));
  grpc::ClientContext context;
  auto stream = stub->Connect(&context);
  v1::ToJobManager message;
  message.mutable_swept();  // no fence
  stream->Write(message);
  v1::ToTaskManager reply;
  CHECK_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("no fence") != std::string::npos);
  REQUIRE(f.handler.seen.Await(OneClosed));
  CHECK(f.handler.seen.get().closed[0].code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir
