#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/arguments.h"
#include "client/cluster/guarded_registry.h"
#include "client/context.h"
#include "common/config/yaml/daemon_config.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "common/security/access.h"

namespace weir::client {

/// Where a daemon's settings come from, by its command line and environment.
config::ConfigSources SourcesOf(const Arguments& arguments);

/// Prints every mistake; 78.
int ReportConfigErrors(const Context& context, const absl::Status& status);

/// Prints why a daemon cannot start; 1.
int FailToStart(const Context& context, const absl::Status& status);

/// Whom a daemon lets in, and what it lets jobs do.
struct DaemonSecurity {
  std::shared_ptr<security::Access> access;
  Guard guard;
};
/// Opens what the configuration names, and raises the limit of open files.
absl::StatusOr<DaemonSecurity> OpenSecurity(const config::SecurityConfig& config);

/// Serves /healthz and /metrics. Empty address: does nothing and returns `off`.
absl::StatusOr<std::string> StartHttp(http::HttpServer* server,
                                      const http::HttpServer::Options& options,
                                      metrics::Registry* registry);

/// Lets any thread end the daemon. Thread: thread-safe.
class DaemonEnd {
 public:
  /// Logs, and has WaitForEndingSignal return; the exit code becomes 1.
  void Fail(const std::string& why);
  int ExitCode() const { return failed_.load() ? 1 : 0; }

 private:
  std::atomic<bool> failed_{false};
};

}  // namespace weir::client
