#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <thread>

#include "client/rpc/job_client.h"
#include "common/base/endpoint.h"
#include "jobmanager/rpc/job_manager_server.h"
#include "taskmanager/rpc/grpc_job_manager_connector.h"
#include "tests/unit/rpc/fakes.h"

extern char** environ;

namespace weir {
namespace {

/// This program again, as a server on `port` until it is killed.
pid_t SpawnServer(int port) {
  setenv("WEIR_TEST_PORT", std::to_string(port).c_str(), 1);
  std::string self = "/proc/self/exe", name = "[.server_process]";
  char* arguments[] = {self.data(), name.data(), nullptr};
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, self.c_str(), nullptr, nullptr, arguments, environ) == 0);
  return child;
}

TEST_CASE("a server process for the test below", "[.server_process]") {
  FakeJobApi api;
  FakeHandler handler;
  const std::string listen = std::string("127.0.0.1:") + std::getenv("WEIR_TEST_PORT");
  auto server = jobmanager::JobManagerServer::Start({.listen = listen}, &api, &handler);
  if (!server.ok()) _exit(1);
  // Not for ever: the test that started it may have been killed.
  alarm(120);
  while (true) pause();
}

/// Asks until the server is found, however long this machine takes to start it.
absl::Status UntilUp(const std::function<absl::Status()>& ask) {
  absl::Status last;
  for (int i = 0; i < 300; ++i) {
    last = ask();
    if (last.ok()) break;
    usleep(100'000);
  }
  return last;
}

TEST_CASE("JobApi and connector: a server that is killed and restarted under 200 calls") {
  int port = 0;
  {
    FakeJobApi api;
    FakeHandler handler;
    auto free_port = jobmanager::JobManagerServer::Start({.listen = "127.0.0.1:0"}, &api, &handler);
    REQUIRE(free_port.ok());
    port = Endpoint::Parse((*free_port)->address())->port;
  }
  const std::string address = "127.0.0.1:" + std::to_string(port);
  auto api = client::ConnectToJobManager(address);
  REQUIRE(api.ok());
  taskmanager::GrpcJobManagerConnector connector({address});
  std::unique_ptr<control::JobManagerLink> link;
  const auto get = [&] {
    return Ask<jobmanager::JobStatus>([&](auto done) { (*api)->Get("j", done); }).status();
  };
  const auto connect = [&] {
    link.reset();
    auto made = connector.Connect({[](auto) {}, [](auto) {}});
    if (!made.ok()) return made.status();
    link = *std::move(made);
    link->Send(control::Heartbeat());
    return absl::OkStatus();
  };
  auto watching = (*api)->Watch("j", [](const auto&) {});
  for (int life = 0; life < 10; ++life) {
    const pid_t server = SpawnServer(port);
    // While it starts a call is answered or refused, but never hangs or fails in another way.
    for (int i = 0; i < 20; ++i) {
      if (const absl::Status status = get(); !status.ok())
        CHECK(status.code() == absl::StatusCode::kUnavailable);
      if (i == 5 || i == 15) (void)connect();
      std::this_thread::yield();
    }
    // Once it is up it is found again.
    INFO("life " << life);
    CHECK(UntilUp(get) == absl::OkStatus());
    CHECK(UntilUp(connect) == absl::OkStatus());
    // It dies in the middle of a call that hangs there, of a watch and of a link.
    (*api)->Get("hang", [](auto) {});
    watching = (*api)->Watch("j", [](const auto&) {});
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
  }
}

}  // namespace
}  // namespace weir
