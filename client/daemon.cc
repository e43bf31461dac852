#include "client/daemon.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "client/exit_code.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "common/config/yaml/environment.h"
#include "common/net/open_files.h"
#include "common/security/refusals.h"

namespace weir::client {

config::ConfigSources SourcesOf(const Arguments& arguments) {
  config::ConfigSources sources;
  sources.path = arguments.config_file;
  sources.environment = config::ProcessEnvironment();
  sources.overrides = arguments.sets;
  sources.insecure = arguments.insecure;
  return sources;
}

int ReportConfigErrors(const Context& context, const absl::Status& status) {
  std::string text(status.message());
  // As for a job file: each mistake is a line that begins with its place.
  if (text.find(": error: ") == std::string::npos) text = "weir: error: " + text;
  if (text.empty() || text.back() != '\n') text += '\n';
  *context.err << text;
  return kExitInvalidConfig;
}

int FailToStart(const Context& context, const absl::Status& status) {
  PrintError(context, std::string(status.message()));
  return kExitFailed;
}

absl::StatusOr<DaemonSecurity> OpenSecurity(const config::SecurityConfig& config) {
  net::RaiseOpenFileLimit();
  DaemonSecurity security;
  ASSIGN_OR_RETURN(security.access, security::Access::Open(config.token_file));
  security.guard.secrets_dir = config.secrets_dir;
  if (!config.any_path)
    security.guard.roots = std::make_shared<const security::PathRoots>(config.allowed_paths);
  return security;
}

absl::StatusOr<std::string> StartHttp(http::HttpServer* server,
                                      const http::HttpServer::Options& options,
                                      metrics::Registry* registry) {
  if (options.listen.empty()) return std::string("off");
  server->Get("/healthz", [] { return http::Response{200, "text/plain; charset=utf-8", "ok\n"}; });
  server->Get(
      "/metrics",
      [registry, refusals = security::ExportRefusals(registry)] {
        return http::Response{200, "text/plain; version=0.0.4; charset=utf-8", registry->Text()};
      },
      http::HttpServer::Who::kReader);
  return server->Start(options);
}

void DaemonEnd::Fail(const std::string& why) {
  log::Error(why);
  failed_.store(true);
  // The signal is blocked in every thread; the main thread takes it out by sigwait.
  kill(getpid(), SIGTERM);
}

}  // namespace weir::client
