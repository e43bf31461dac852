#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/client_security.h"
#include "jobmanager/job_api.h"

namespace weir::client {

/// The calls of a JobManager over gRPC. Nothing is connected yet when it returns.
///
/// Thread:  the API is thread-safe; `done` and updates come on threads of its own. Destroying it
/// ends every call: what
///          has not been answered is not answered any more, and it waits for an answer under way.
/// Shape:   `addresses`: HOST:PORT[,HOST:PORT…]; the one that leads is asked;
///          while none does, it is waited for, for 15 s.
/// Errors:  kInvalidArgument: not addresses. Of calls: as JobApi; kUnavailable names the address
/// when nobody answers there
///          or the connection breaks; kDeadlineExceeded when a call that only asks is not answered
///          within 30 s.
absl::StatusOr<std::unique_ptr<jobmanager::JobApi>> ConnectToJobManager(
    const std::string& addresses,
    std::shared_ptr<const rpc::ClientSecurity> security = rpc::ClientSecurity::None());

}  // namespace weir::client
