#pragma once

#include <memory>
#include <string>

#include "common/control/control_link.h"

namespace weir::control {

/// Opens control streams to a JobManager of the same process: messages pass as structs.
///
/// Thread:  thread-safe. Messages are delivered on the sender's thread, or on that of somebody who
/// is delivering in that
///          direction already; in order, one at a time, never under a lock.
///          Once a link is destroyed its Events are not called any more.
/// Errors:  none: the JobManager is there. `handler` must outlive every link and every call on one.
class InProcessConnector final : public JobManagerConnector {
 public:
  /// `peer`: what the handler is told of the other end.
  InProcessConnector(TaskManagerLinkHandler* handler, std::string peer)
      : handler_(handler), peer_(std::move(peer)) {}
  absl::StatusOr<std::unique_ptr<JobManagerLink>> Connect(Events events) override;

 private:
  TaskManagerLinkHandler* const handler_;
  const std::string peer_;
};

}  // namespace weir::control
