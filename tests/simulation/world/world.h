#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/checkpoint/storage.h"
#include "common/control/control_link.h"
#include "common/job/connector_descriptor.h"
#include "jobmanager/job_api.h"
#include "jobmanager/metadata/leader_election.h"
#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/exchange/channel.h"
#include "taskmanager/task_manager.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::client {
class JobManagerHost;
}

namespace weir::sim {

/// A process that is being started, for the ports that are made for it.
struct ProcessRef {
  ProcessId process = 0;
  NodeId node = 0;
  std::string name;  // jm-1, tm-2: the same in each of its lives
};

/// What stands around the processes and outlives them; each part is made by a room of its own. The functions are
/// called in the process that is being started, and may wait. What they return is leaked with it when it is killed.
struct Surroundings {
  /// Tells a TaskManager's way to the JobManager; and takes the JobManager's end: it can be reached from now on,
  /// until its process dies.
  std::function<std::unique_ptr<control::JobManagerConnector>(const ProcessRef& taskmanager)> connector;
  std::function<void(const ProcessRef& jobmanager, control::TaskManagerLinkHandler* handler)> listen;
  /// `address` is that of TaskManagerOptions.
  std::function<std::unique_ptr<taskmanager::ExchangeTransport>(const ProcessRef& taskmanager, const std::string& address,
                                                                Incarnation incarnation)>
      transport;
  std::function<std::unique_ptr<jobmanager::LeaderElection>(const ProcessRef& jobmanager)> election;
  /// On the node of the running process.
  std::function<absl::StatusOr<std::shared_ptr<checkpoint::Storage>>(const std::string& uri, bool create)> open_storage;
  /// Connectors of that process; live until it dies or longer.
  std::function<const taskmanager::ConnectorRegistry*(const ProcessRef& taskmanager)> registry;
  const job::ConnectorCatalog* catalog = nullptr;
  /// Put around the state of stateful operators; empty: nothing.
  std::function<std::unique_ptr<taskmanager::KeyedState>(std::unique_ptr<taskmanager::KeyedState>)> state;
};

struct WorldOptions {
  int jobmanagers = 1;
  int taskmanagers = 3;
  int slots = 2;
  SteadyMicros heartbeat_interval = 500'000;
  SteadyMicros heartbeat_timeout = 3'000'000;
  SteadyMicros lease = 60'000'000;
  std::string checkpoint_storage = "file:///checkpoints";
  std::string build_id = "simulated";
};

/// The machines and processes of a cluster: who lives, who starts them again. The code in the processes is the
/// product's: JobManagerHost with election, loops and workers, TaskManager with all of its threads.
/// Thread: the simulation's.
class World {
 public:
  /// Both must outlive it. Every process gets a node of its own, jm-1… then tm-1….
  World(WorldOptions options, Surroundings surroundings, Simulation* simulation);
  ~World();

  /// Starts every process.
  void StartAll();
  /// No-op when it lives. `name`: jm-1, tm-3.
  void Start(const std::string& name);
  void Kill(const std::string& name);
  void Pause(const std::string& name);
  void Continue(const std::string& name);
  /// Kills all processes of the node and loses what its disk was not told to keep: the disk listens to OnPowerLoss.
  void PowerLoss(const std::string& name);
  /// A process that ends by itself or that a failpoint killed is started again after that time; one that Kill ended is
  /// down until Start. 0: never.
  void SetRestartAfter(SteadyMicros micros) { restart_after_ = micros; }

  std::vector<std::string> names() const;
  NodeId node(const std::string& name) const;
  bool Lives(const std::string& name) const;
  /// The life it is in, or was in last.
  ProcessId process(const std::string& name) const;
  const Clock* clock(const std::string& name) const { return simulation_->clock(node(name)); }
  /// A JobManager that believes to lead, and its process; if there are several, any. Null: none. Good until the next
  /// await.
  struct Leader {
    jobmanager::JobApi* api = nullptr;
    ProcessId process = 0;
  };
  Leader leader();
  /// Names of those that believe to lead.
  std::vector<std::string> leaders();
  const WorldOptions& options() const { return options_; }
  Simulation& simulation() { return *simulation_; }
  /// Called with the node, after its processes were killed.
  void OnPowerLoss(std::function<void(NodeId)> event) { power_loss_.push_back(std::move(event)); }
  /// Plans are made once per run: a spec that was compiled is not compiled again.
  absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>> Compile(const std::string& spec);

 private:
  struct Member {
    std::string name;
    bool is_job_manager = false;
    NodeId node = 0;
    ProcessId process = 0;
    client::JobManagerHost* host = nullptr;  // null again at its death
    int lives = 0;
    bool held_down = false;  // by Kill
  };

  Member& member(const std::string& name);
  const Member& member(const std::string& name) const;
  void RunJobManager(Member& member);
  void RunTaskManager(Member& member);

  const WorldOptions options_;
  const Surroundings surroundings_;
  Simulation* const simulation_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::function<void(NodeId)>> power_loss_;
  Rng incarnations_;
  SteadyMicros restart_after_ = 0;
};

}  // namespace weir::sim
