#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "client/arguments.h"
#include "client/context.h"
#include "common/config/yaml/daemon_config.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"

namespace weir::client {

/// Where a daemon's settings come from, by its command line and environment.
config::ConfigSources SourcesOf(const Arguments& arguments);

/// Prints every mistake; 78.
int ReportConfigErrors(const Context& context, const absl::Status& status);

/// Prints why a daemon cannot start; 1.
int FailToStart(const Context& context, const absl::Status& status);

/// Serves /healthz and /metrics. Empty address: does nothing and returns `off`.
absl::StatusOr<std::string> StartHttp(http::HttpServer* server, const std::string& address,
                                      bool insecure, metrics::Registry* registry);

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
