#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/control/control_link.h"
#include "common/rpc/client_security.h"

namespace weir::taskmanager {

/// Opens control streams to a JobManager over gRPC.
///
/// Thread:  Connect from one thread; events come on gRPC's threads, one at a time.
///          Destroying a link waits for an event under way, unless it happens in one; after it none
///          comes.
/// Bound:   64 MiB wait to be written, then the link breaks; 64 MiB a message.
/// Errors:  kUnavailable: none of the addresses answers (tried in turn, a second in all). A link
/// that breaks is
///          kUnavailable too, unless the JobManager gave another reason.
class GrpcJobManagerConnector final : public control::JobManagerConnector {
 public:
  /// `addresses`: HOST:PORT of each JobManager, at least one.
  explicit GrpcJobManagerConnector(
      std::vector<std::string> addresses,
      std::shared_ptr<const rpc::ClientSecurity> security = rpc::ClientSecurity::None());
  ~GrpcJobManagerConnector() override;
  absl::StatusOr<std::unique_ptr<control::JobManagerLink>> Connect(Events events) override;

 private:
  const std::vector<std::string> addresses_;
  size_t next_ = 0;  // whom to try first: not the one of the last link, which broke or does not lead
  const std::shared_ptr<const rpc::ClientSecurity> security_;
};

}  // namespace weir::taskmanager
