#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "common/control/in_process/in_process_connector.h"

namespace weir::control {
namespace {

// Answers every heartbeat, as a JobManager does, from within OnMessage.
class Handler final : public TaskManagerLinkHandler {
 public:
  void OnOpened(std::shared_ptr<TaskManagerLink> opened, const std::string& peer) override {
    link = std::move(opened);
    log.push_back("opened " + peer);
  }
  void OnMessage(TaskManagerLink* from, ToJobManager message) override {
    log.push_back("message " + std::to_string(message.index()));
    if (std::holds_alternative<Heartbeat>(message)) {
      for (int64_t epoch : {1, 2}) from->Send(HeartbeatReply{LeaderEpoch(epoch)});
    }
  }
  void OnClosed(TaskManagerLink*, absl::Status why) override { log.push_back("closed " + std::string(why.message())); }

  std::shared_ptr<TaskManagerLink> link;
  std::vector<std::string> log;
};

struct Side {
  JobManagerConnector::Events Events() {
    return {[this](ToTaskManager message) {
              epochs.push_back(std::get<HeartbeatReply>(message).epoch.value);
              if (on_message) on_message();
            },
            [this](absl::Status why) { closed.push_back(std::string(why.message())); }};
  }
  std::vector<int64_t> epochs;
  std::vector<std::string> closed;
  std::function<void()> on_message;
};

TEST_CASE("messages pass both ways in order, also when sent from within a delivery") {
  Handler handler;
  Side side;
  InProcessConnector connector(&handler, "tm-1");
  auto link = *connector.Connect(side.Events());
  int answered = 0;
  side.on_message = [&] {
    if (answered++ == 0) link->Send(StorageChecked{});  // while the JobManager is still sending
  };
  link->Send(Heartbeat{});
  CHECK(side.epochs == std::vector<int64_t>{1, 2});
  CHECK(handler.log == std::vector<std::string>{"opened tm-1", "message 2", "message 1"});
}

TEST_CASE("a stream that the JobManager closes ends on both sides, once") {
  Handler handler;
  Side side;
  InProcessConnector connector(&handler, "tm-1");
  auto link = *connector.Connect(side.Events());
  handler.link->Close(absl::AbortedError("stepping down"));
  handler.link->Close(absl::AbortedError("again"));
  link->Send(Heartbeat{});
  handler.link->Send(HeartbeatReply{});
  link.reset();
  CHECK(side.closed == std::vector<std::string>{"stepping down"});
  CHECK(side.epochs.empty());
  CHECK(handler.log == std::vector<std::string>{"opened tm-1", "closed stepping down"});
}

TEST_CASE("a link that goes away is closed for the JobManager; its events are not called any more") {
  Handler handler;
  Side side;
  InProcessConnector connector(&handler, "tm-1");
  auto link = *connector.Connect(side.Events());
  link.reset();
  handler.link->Send(HeartbeatReply{});
  CHECK(side.epochs.empty());
  CHECK(side.closed.empty());
  CHECK(handler.log.size() == 2);
  CHECK(handler.log[1].rfind("closed ", 0) == 0);
}

}  // namespace
}  // namespace weir::control
