#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/security_config.h"
#include "common/control/control_link.h"
#include "common/security/access.h"
#include "jobmanager/job_api.h"

namespace weir::jobmanager {

/// The JobManager's port: control streams of TaskManagers, and JobService for the command line;
/// with health and reflection.
///
/// Thread:  Start, Stop and the destructor from one thread. Calls are passed on from gRPC's
/// threads. Bound:   64 MiB a message; 64 MiB that wait to be written to one TaskManager, then its
/// link breaks; of a watched job
///          at most 64 updates wait, older ones go.
/// Errors:  Start: as rpc::Server::Start. Wrong calls are answered INVALID_ARGUMENT, oversized ones
/// RESOURCE_EXHAUSTED.
class JobManagerServer {
 public:
  struct Options {
    std::string listen;
    bool insecure = false;
    config::TlsConfig tls;
    std::shared_ptr<security::Access> access;  // null: everybody may do everything
  };
  /// Both must outlive Stop.
  static absl::StatusOr<std::unique_ptr<JobManagerServer>> Start(
      const Options& options, JobApi* api, control::TaskManagerLinkHandler* taskmanagers);
  ~JobManagerServer();  // stops
  JobManagerServer(const JobManagerServer&) = delete;
  JobManagerServer& operator=(const JobManagerServer&) = delete;

  /// HOST:PORT as bound.
  const std::string& address() const;
  /// Ends every call with UNAVAILABLE and every link (OnClosed comes before it returns), then
  /// closes the port. The JobApi and the handler must still work. Idempotent.
  void Stop();

 private:
  JobManagerServer();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::jobmanager
