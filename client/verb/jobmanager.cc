#include <algorithm>
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
#include "common/base/status_macros.h"
#include "common/config/yaml/daemon_config.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "jobmanager/metadata/etcd/etcd_election.h"
#include "jobmanager/metadata/etcd/grpc/grpc_etcd_client.h"
#include "jobmanager/rpc/job_manager_server.h"

namespace weir::client {
namespace {

absl::StatusOr<std::unique_ptr<jobmanager::LeaderElection>> MakeEtcdElection(
    const config::HighAvailabilityConfig& config, const Clock* clock) {
  jobmanager::etcd::GrpcClientOptions client;
  client.endpoints = config.endpoints;
  client.call_timeout_ms = std::min<int64_t>(1000, config.lease_seconds * 1000 / 3);
  client.ca_file = config.ca;
  client.cert_file = config.cert;
  client.key_file = config.key;
  ASSIGN_OR_RETURN(std::shared_ptr<jobmanager::etcd::Client> etcd,
                   jobmanager::etcd::MakeGrpcClient(client));
  jobmanager::EtcdElection::Options options;
  options.prefix = config.prefix;
  options.address = config.address;
  options.ttl_seconds = config.lease_seconds;
  return std::make_unique<jobmanager::EtcdElection>(std::move(options), std::move(etcd), clock);
}

}  // namespace

int RunJobManager(const Context& context, const Arguments& arguments,
                  const job::ConnectorCatalog& catalog,
                  const taskmanager::ConnectorRegistry& connectors) {
  ConfigureLog(arguments, "info");
  absl::StatusOr<config::JobManagerConfig> config =
      config::LoadJobManagerConfig(SourcesOf(arguments));
  if (!config.ok()) return ReportConfigErrors(context, config.status());
  const sigset_t signals = BlockEndingSignals();
  absl::StatusOr<DaemonSecurity> security = OpenSecurity(config->security);
  if (!security.ok()) return FailToStart(context, security.status());
  const taskmanager::ConnectorRegistry guarded = Guarded(connectors, security->guard);

  JobManagerHost::Settings settings;
  settings.state_dir = config->state_dir;
  if (config->high_availability.etcd) {
    auto election = MakeEtcdElection(config->high_availability, context.clock);
    if (!election.ok()) return FailToStart(context, election.status());
    settings.election = *std::move(election);
  }
  settings.options.checkpoint_storage = config->checkpoint_storage;
  settings.options.build_id = BuildId();
  settings.options.heartbeat_interval = config->heartbeat_interval_ms * 1000;
  settings.options.heartbeat_timeout = config->heartbeat_timeout_ms * 1000;
  // TaskManagers notice a leader that is silent after their timeout, and then look for the next one.
  settings.options.adoption_timeout = settings.options.heartbeat_timeout + 2'000'000;
  settings.preflight = PreflightBy(&guarded, context.clock);
  settings.roots = security->guard.roots;
  DaemonEnd end;
  auto host =
      JobManagerHost::Start(std::move(settings), context.clock, &catalog, [&end](absl::Status why) {
        end.Fail("this JobManager cannot lead any more: " + std::string(why.message()));
      });
  if (!host.ok()) return FailToStart(context, host.status());
  jobmanager::LeaderGate& gate = (*host)->gate();
  auto server = jobmanager::JobManagerServer::Start(
      {config->listen, arguments.insecure, config->security.tls, security->access}, &gate, &gate);
  if (!server.ok()) return FailToStart(context, server.status());
  metrics::Registry registry;
  JobMetrics job_metrics(&gate, &registry);
  http::HttpServer http;
  absl::StatusOr<std::string> http_address =
      StartHttp(&http, {config->http_listen, arguments.insecure, config->security.tls, security->access}, &registry);
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
