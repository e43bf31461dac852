#include "client/cluster/embedded_cluster.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/build_id.h"
#include "client/cluster/job_manager_host.h"
#include "client/cluster/wiring.h"
#include "common/base/log/log.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/control/in_process/in_process_connector.h"
#include "taskmanager/exchange/local_transport.h"
#include "taskmanager/task_manager.h"

namespace weir::client {
namespace {

// Nobody is silent within a process but by being starved of CPU, and that is no failure.
constexpr SteadyMicros kHeartbeatTimeout = 300'000'000;

struct TaskManagerUnit {
  std::unique_ptr<control::InProcessConnector> connector;
  std::unique_ptr<taskmanager::TaskManager> taskmanager;
};

}  // namespace

struct EmbeddedCluster::Parts {
  std::string state_dir;
  const Clock* clock = nullptr;
  const job::ConnectorCatalog* catalog = nullptr;
  const taskmanager::ConnectorRegistry* registry = nullptr;
  std::unique_ptr<JobManagerHost> job_manager;
  taskmanager::LocalTransport transport;
  std::vector<TaskManagerUnit> taskmanagers;
};

EmbeddedCluster::EmbeddedCluster() = default;
EmbeddedCluster::~EmbeddedCluster() { Stop(); }

absl::StatusOr<std::unique_ptr<EmbeddedCluster>> EmbeddedCluster::Start(
    const std::string& state_dir, const Clock* clock, const job::ConnectorCatalog* catalog,
    const taskmanager::ConnectorRegistry* registry) {
  JobManagerHost::Settings settings;
  settings.preflight = PreflightBy(registry, clock);
  settings.state_dir = state_dir + "/jobmanager";
  settings.options.checkpoint_storage = "file://" + state_dir + "/checkpoints";
  settings.options.build_id = BuildId();
  settings.options.heartbeat_timeout = kHeartbeatTimeout;
  settings.options.adoption_timeout = 0;  // TaskManagers end with this process
  ASSIGN_OR_RETURN(std::unique_ptr<JobManagerHost> job_manager,
                   JobManagerHost::Start(std::move(settings), clock, catalog, [](absl::Status why) {
                     log::Error("the state folder was taken over: " + std::string(why.message()));
                   }));
  std::unique_ptr<EmbeddedCluster> cluster(new EmbeddedCluster());
  cluster->parts_ = std::make_unique<Parts>();
  Parts& parts = *cluster->parts_;
  parts.state_dir = state_dir;
  parts.clock = clock;
  parts.catalog = catalog;
  parts.registry = registry;
  parts.job_manager = std::move(job_manager);
  return cluster;
}

jobmanager::JobApi& EmbeddedCluster::api() { return parts_->job_manager->gate(); }

absl::Status EmbeddedCluster::StartTaskManagers(int count, int slots_each, int64_t memory_each) {
  for (int i = 1; i <= count; ++i) {
    TaskManagerUnit unit;
    taskmanager::TaskManagerOptions options;
    options.name = absl::StrCat("tm-", i);
    options.address = absl::StrCat("in-process:", i);
    options.slots = slots_each;
    options.memory_bytes = memory_each;
    options.state_dir = absl::StrCat(parts_->state_dir, "/taskmanager-", i);
    options.build_id = BuildId();
    options.incarnation = Incarnation(RandomSeed());
    unit.connector = std::make_unique<control::InProcessConnector>(
        &parts_->job_manager->gate(), options.name);
    taskmanager::TaskManagerParts wiring =
        CommonParts(parts_->clock, parts_->catalog, parts_->registry);
    wiring.connector = unit.connector.get();
    wiring.transport = &parts_->transport;
    unit.taskmanager =
        std::make_unique<taskmanager::TaskManager>(std::move(options), std::move(wiring));
    RETURN_IF_ERROR(unit.taskmanager->Start());
    parts_->taskmanagers.push_back(std::move(unit));
  }
  return absl::OkStatus();
}

void EmbeddedCluster::Stop() {
  if (parts_ == nullptr) return;
  // The JobManager first: it must not take the TaskManagers' leaving for a failure and start
  // another attempt.
  parts_->job_manager->Stop();
  for (TaskManagerUnit& unit : parts_->taskmanagers) unit.taskmanager->Stop();
  parts_->taskmanagers.clear();
  parts_.reset();
}

}  // namespace weir::client
