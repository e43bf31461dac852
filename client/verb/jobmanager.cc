#include <csignal>
#include <memory>
#include <string>

#include "client/build_id.h"
#include "client/cluster/job_manager_host.h"
#include "client/cluster/job_metrics.h"
#include "client/cluster/wiring.h"
#include "client/daemon.h"
#include "client/exit_code.h"
#include "client/process.h"
#include "client/verb/daemons.h"
#include "common/base/log/log.h"
#include "common/config/yaml/daemon_config.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "jobmanager/rpc/job_manager_server.h"

namespace weir::client {

int RunJobManager(const Context& context, const Arguments& arguments,
                  const job::ConnectorCatalog& catalog,
                  const taskmanager::ConnectorRegistry& connectors) {
  ConfigureLog(arguments, "info");
  absl::StatusOr<config::JobManagerConfig> config =
      config::LoadJobManagerConfig(SourcesOf(arguments));
  if (!config.ok()) return ReportConfigErrors(context, config.status());
  const sigset_t signals = BlockEndingSignals();

  JobManagerHost::Settings settings;
  settings.state_dir = config->state_dir;
  settings.options.checkpoint_storage = config->checkpoint_storage;
  settings.options.build_id = BuildId();
  settings.options.heartbeat_interval = config->heartbeat_interval_ms * 1000;
  settings.options.heartbeat_timeout = config->heartbeat_timeout_ms * 1000;
  settings.preflight = PreflightBy(&connectors, context.clock);
  DaemonEnd end;
  auto host =
      JobManagerHost::Start(std::move(settings), context.clock, &catalog, [&end](absl::Status why) {
        end.Fail("another JobManager leads, or the state folder refuses this one: " +
                 std::string(why.message()));
      });
  if (!host.ok()) return FailToStart(context, host.status());
  jobmanager::JobManager& job_manager = (*host)->job_manager();
  auto server = jobmanager::JobManagerServer::Start({config->listen, arguments.insecure},
                                                    &job_manager, &job_manager);
  if (!server.ok()) return FailToStart(context, server.status());
  metrics::Registry registry;
  JobMetrics job_metrics(&job_manager, &registry);
  http::HttpServer http;
  absl::StatusOr<std::string> http_address =
      StartHttp(&http, config->http_listen, arguments.insecure, &registry);
  if (!http_address.ok()) return FailToStart(context, http_address.status());

  *context.out << "jobmanager ready: listen " << (*server)->address() << ", http " << *http_address
               << ", checkpoint storage " << config->checkpoint_storage << "\n"
               << std::flush;
  WaitForEndingSignal(signals);
  log::Info("leaving");
  http.Stop();
  // Ends calls and links, which still need the JobManager.
  (*server)->Stop();
  (*host)->Stop();
  return end.ExitCode();
}

}  // namespace weir::client
