#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/control/messages.h"

namespace weir::control {

/// The JobManager's end of one TaskManager's stream.
/// Thread: Send and Close are thread-safe and do not block; messages arrive in the order sent, or the link breaks.
class TaskManagerLink {
 public:
  virtual ~TaskManagerLink() = default;
  virtual void Send(ToTaskManager message) = 0;
  /// Ends the stream after what was sent; the other side sees `reason`.
  virtual void Close(absl::Status reason) = 0;
};

/// What the JobManager does about links; the transport calls it. Calls for one link come one after another;
/// OnClosed is the last. Any thread.
class TaskManagerLinkHandler {
 public:
  virtual ~TaskManagerLinkHandler() = default;
  /// A stream was opened; nothing is known of the peer before its Register.
  virtual void OnOpened(std::shared_ptr<TaskManagerLink> link, const std::string& peer) = 0;
  virtual void OnMessage(TaskManagerLink* link, ToJobManager message) = 0;
  virtual void OnClosed(TaskManagerLink* link, absl::Status why) = 0;
};

/// The TaskManager's end. Thread: Send is thread-safe and does not block; after the link broke it does nothing.
class JobManagerLink {
 public:
  virtual ~JobManagerLink() = default;
  virtual void Send(ToJobManager message) = 0;
};

/// Opens streams to the JobManager. One link at a time.
class JobManagerConnector {
 public:
  struct Events {
    std::function<void(ToTaskManager)> on_message;    // any thread, one at a time
    std::function<void(absl::Status)> on_closed;      // last call for the link
  };
  virtual ~JobManagerConnector() = default;
  /// Tries to open a stream; blocks at most a second or so. kUnavailable: nobody is there.
  virtual absl::StatusOr<std::unique_ptr<JobManagerLink>> Connect(Events events) = 0;
};

}  // namespace weir::control
