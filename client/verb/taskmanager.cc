#include <memory>
#include <string>

#include "client/build_id.h"
#include "client/cluster/folder_lock.h"
#include "client/cluster/subtask_metrics.h"
#include "client/cluster/wiring.h"
#include "client/daemon.h"
#include "client/exit_code.h"
#include "client/process.h"
#include "client/verb/daemons.h"
#include "common/base/endpoint.h"
#include "common/base/log/log.h"
#include "common/base/rng.h"
#include "common/config/yaml/daemon_config.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "common/rpc/client_security.h"
#include "common/rpc/server.h"
#include "taskmanager/exchange/grpc/grpc_transport.h"
#include "taskmanager/rpc/grpc_job_manager_connector.h"
#include "taskmanager/task_manager.h"

namespace weir::client {

int RunTaskManager(const Context& context, const Arguments& arguments,
                   const job::ConnectorCatalog& catalog,
                   const taskmanager::ConnectorRegistry& registry) {
  ConfigureLog(arguments, "info");
  absl::StatusOr<config::TaskManagerConfig> config =
      config::LoadTaskManagerConfig(SourcesOf(arguments));
  if (!config.ok()) return ReportConfigErrors(context, config.status());
  const sigset_t signals = BlockEndingSignals();
  absl::StatusOr<FolderLock> lock = FolderLock::Take(config->state_dir);
  if (!lock.ok()) return FailToStart(context, lock.status());

  absl::StatusOr<DaemonSecurity> security = OpenSecurity(config->security);
  if (!security.ok()) return FailToStart(context, security.status());
  const std::shared_ptr<security::Access> access = security->access;
  if (access->asks() && access->Own(security::Role::kTaskManager).empty()) {
    return FailToStart(context, absl::InvalidArgumentError(
                                    config->security.token_file +
                                    ": a TaskManager needs a line `taskmanager NAME TOKEN` with the token itself"));
  }
  auto ours = rpc::ClientSecurity::Make(config->security.tls,
                                        [access] { return access->Own(security::Role::kTaskManager); });
  if (!ours.ok()) return FailToStart(context, ours.status());
  const taskmanager::ConnectorRegistry guarded = Guarded(registry, security->guard);

  const Incarnation incarnation(RandomSeed());
  taskmanager::GrpcTransport transport(incarnation, {*ours, access});
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(
      {config->listen, arguments.insecure, config->security.tls, access}, {transport.service()});
  if (!server.ok()) return FailToStart(context, server.status());

  taskmanager::TaskManagerOptions options;
  options.address = Endpoint{config->advertise, (*server)->port()}.ToString();
  options.name = config->name.empty() ? options.address : config->name;
  options.slots = config->slots;
  options.memory_bytes = config->memory_bytes;
  options.state_dir = config->state_dir;
  options.build_id = BuildId();
  options.incarnation = incarnation;
  const std::string name = options.name;
  taskmanager::GrpcJobManagerConnector connector(config->jobmanagers, *ours);
  taskmanager::TaskManagerParts parts = CommonParts(context.clock, &catalog, &guarded);
  parts.connector = &connector;
  parts.transport = &transport;
  DaemonEnd end;
  parts.on_refused = [&end](absl::Status why) {
    end.Fail("refused for good: " + std::string(why.message()));
  };
  taskmanager::TaskManager taskmanager(std::move(options), std::move(parts));

  metrics::Registry metrics;
  SubtaskMetrics subtask_metrics(&taskmanager, &metrics);
  http::HttpServer http;
  absl::StatusOr<std::string> http_address =
      StartHttp(&http, {config->http_listen, arguments.insecure, config->security.tls, access}, &metrics);
  if (!http_address.ok()) return FailToStart(context, http_address.status());
  if (absl::Status status = taskmanager.Start(); !status.ok()) return FailToStart(context, status);

  *context.out << "taskmanager ready: " << name << ", listen " << (*server)->address() << ", http "
               << *http_address << ", slots " << config->slots << "\n"
               << std::flush;
  WaitForEndingSignal(signals);
  log::Info("leaving");
  http.Stop();
  taskmanager.Stop();
  transport.Shutdown();
  (*server)->Stop();
  return end.ExitCode();
}

}  // namespace weir::client
