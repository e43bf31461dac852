#include "tests/simulation/run/seed_run.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/checkpoint/file/file_storage.h"
#include "common/fs/file_system.h"
#include "jobmanager/metadata/etcd/etcd_election.h"
#include "jobmanager/metadata/file/file_election.h"
#include "taskmanager/connector/file/file_connector.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "taskmanager/connector/kafka/kafka_descriptor.h"
#include "taskmanager/connector/kafka/sink/kafka_sink_factory.h"
#include "common/base/known_bug.h"
#include "tests/simulation/bugs/known_bugs.h"
#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/simulation/disk/simulation_environment.h"
#include "tests/simulation/etcd/etcd_model.h"
#include "tests/simulation/kafka/kafka_faults.h"
#include "tests/simulation/kafka/simulated_kafka.h"
#include "tests/simulation/network/control_network.h"
#include "tests/simulation/network/exchange_network.h"
#include "tests/simulation/network/network.h"
#include "tests/simulation/network/network_faults.h"
#include "tests/simulation/oracle/journal_sink.h"
#include "tests/simulation/oracle/journal_store.h"
#include "tests/simulation/oracle/restore_check.h"
#include "tests/simulation/oracle/verdict.h"
#include "tests/simulation/plan/fault_kinds.h"
#include "tests/simulation/plan/nemesis.h"
#include "tests/simulation/run/disk_faults.h"
#include "tests/simulation/run/hooks.h"
#include "tests/simulation/run/journaled_election.h"
#include "tests/simulation/run/leader_faults.h"
#include "tests/simulation/run/process_faults.h"
#include "tests/simulation/workload/client.h"
#include "tests/simulation/workload/source.h"
#include "tests/simulation/world/world.h"

namespace weir::sim {
namespace {

constexpr SteadyMicros kPatience = 60'000'000;
constexpr SteadyMicros kShortestRun = 20'000'000;
constexpr SteadyMicros kAfterLastFault = 100'000;
constexpr SteadyMicros kQuiet = 500'000;       // between the last fault and the time from which all must be well
constexpr SteadyMicros kSettle = 20'000'000;   // a broker writes what was decided by then
constexpr uint64_t kLongestLease = 3;  // seconds
constexpr SteadyMicros kZombieMargin = 2'000'000;  // a transaction that begins is not listed at once
constexpr SteadyMicros kRestartAfter = 300'000;  // what a service manager waits before it starts a process again
constexpr char kCheckpoints[] = "/checkpoints";
constexpr int kPartitions = 2;

const job::ConnectorCatalog& Catalog() {
  static const auto* const catalog = [] {
    auto* made = new job::ConnectorCatalog;
    made->Add(SimulatedSourceDescriptor());
    made->Add(taskmanager::file::Descriptor());
    made->Add(taskmanager::kafka::Descriptor());
    return made;
  }();
  return *catalog;
}

std::string AddressOf(const std::string& jobmanager) { return absl::StrCat(jobmanager, ":7070"); }

/// 1: a JobManager with its metadata in files, 0: one on etcd; more: so many on etcd.
int JobManagersOf(const RunOptions& options, const Simulation& simulation) {
  if (options.jobmanagers) return *options.jobmanagers;
  Rng rng = simulation.Stream("jobmanagers");
  constexpr int kChoices[] = {1, 1, 1, 0, 2, 3};
  return kChoices[rng.Below(std::size(kChoices))];
}

SimulatedKafka::Options KafkaOptions(const Simulation& simulation) {
  Rng rng = simulation.Stream("kafka options");
  return SimulatedKafka::Draw(&rng);
}

absl::StatusOr<std::shared_ptr<checkpoint::Storage>> OpenStorage(const std::string& uri, bool create) {
  auto storage = checkpoint::OpenFileStorage(
      uri, create ? checkpoint::RootFolder::kCreate : checkpoint::RootFolder::kMustExist);
  if (!storage.ok()) return storage.status();
  return std::shared_ptr<checkpoint::Storage>(*std::move(storage));
}

/// Everything that stands while one seed runs.
class Run {
 public:
  explicit Run(const RunOptions& options);
  ~Run() { fs::SetDefault(nullptr); }
  RunResult Execute();
  FaultPlan DrawPlan();

 private:
  Surroundings MakeSurroundings();
  bool Overdue(const SimulatedKafka::OpenTransaction& open);
  bool MissedBySweep(const SimulatedKafka::OpenTransaction& open, const std::vector<Leg>& legs);
  /// Until all transactions that are decided are written.
  void Settle();
  void ReadOutput(Outcome* outcome);
  void RegisterKafkaSink();
  void PutBugInPlace();

  const RunOptions options_;
  const Wrappers wrappers_;  // of the known bug
  Simulation simulation_;
  Hooks hooks_;
  SimulationEnvironment environment_;
  SimulatedFileSystem disks_;
  Network network_;
  ControlNetwork control_;
  SimulatedKafka kafka_;
  const int jobmanagers_;  // see JobManagersOf
  const int64_t lease_seconds_;
  std::unique_ptr<EtcdModel> etcd_;  // null: metadata in files
  Journal journal_;
  taskmanager::ConnectorRegistry registry_;
  World world_;
  Nemesis nemesis_;
};

Run::Run(const RunOptions& options)
    : options_(options),
      wrappers_(options.bug != nullptr && options.has_bug ? options.bug->wrappers : Wrappers()),
      simulation_(options.seed),
      hooks_(&simulation_),
      environment_(&simulation_),
      disks_(&environment_, simulation_.Stream("disks").Next()),
      network_(&simulation_),
      control_(&network_),
      kafka_(KafkaOptions(simulation_), &simulation_),
      jobmanagers_(JobManagersOf(options, simulation_)),
      lease_seconds_(1 + static_cast<int64_t>(simulation_.Stream("lease").Below(kLongestLease))),
      etcd_(jobmanagers_ == 1 ? nullptr : std::make_unique<EtcdModel>(&simulation_, &network_)),
      world_(
          [&] {
            WorldOptions world;
            world.jobmanagers = std::max(1, jobmanagers_);
            world.taskmanagers = options.taskmanagers;
            world.slots = options.slots;
            world.checkpoint_storage = absl::StrCat("file://", kCheckpoints);
            return world;
          }(),
          MakeSurroundings(), &simulation_) {
  simulation_.trace().PrintTo(options.trace);
  fs::SetDefault(&disks_);
  disks_.Share(kCheckpoints);
  disks_.Share(Workload::kFolder);
  kafka_.cluster().CreateTopic(Workload::kTopic, kPartitions);
  taskmanager::file::Register(&registry_);
  RegisterKafkaSink();
  NoteCommits(&registry_, &journal_);
  RegisterSimulatedSource(&registry_, &journal_);
  world_.SetRestartAfter(kRestartAfter);
  AddNetworkFaults(&network_, &control_, &nemesis_);
  AddClockFaults(&simulation_, &nemesis_);
  AddProcessFaults(&world_, &network_, &disks_, &hooks_, &nemesis_);
  AddKafkaFaults(&network_, &kafka_, &nemesis_);
  AddDiskFaults(&world_, &disks_, {kCheckpoints, Workload::kFolder}, &nemesis_);
  if (etcd_ != nullptr) etcd_->AddFaults(&nemesis_);
  if (jobmanagers_ > 1) AddLeaderFaults(&world_, &network_, &nemesis_);
  PutBugInPlace();
}

void Run::RegisterKafkaSink() {
  taskmanager::kafka::RegisterSink(
      &registry_, [this, factory = kafka_.PortsFactory()](const taskmanager::kafka::ConnectionOptions& connection,
                                                          const Clock* clock) {
        taskmanager::kafka::ClusterPorts ports = factory(connection, clock);
        if (wrappers_.coordinator) ports.coordinator = wrappers_.coordinator(std::move(ports.coordinator));
        return ports;
      });
}

void Run::PutBugInPlace() {
#ifdef WEIR_FAILPOINTS
  known_bug::active = options_.bug != nullptr && options_.has_bug ? std::string_view(options_.bug->name)
                                                                  : std::string_view();
#endif
  if (wrappers_.connectors) wrappers_.connectors(&registry_);
  if (wrappers_.disks) wrappers_.disks(&disks_, simulation_.nodes());
  if (wrappers_.kafka) wrappers_.kafka(&kafka_);
}

Surroundings Run::MakeSurroundings() {
  Surroundings around;
  around.connector = [this](const ProcessRef&) {
    std::vector<std::string> addresses;
    for (const std::string& name : world_.names()) {
      if (name[0] == 'j') addresses.push_back(AddressOf(name));
    }
    return control_.Connector(std::move(addresses));
  };
  around.listen = [this](const ProcessRef& jobmanager, control::TaskManagerLinkHandler* handler) {
    control_.Listen(jobmanager.process, AddressOf(jobmanager.name), handler);
  };
  around.transport = [this](const ProcessRef& taskmanager, const std::string& address, Incarnation incarnation) {
    return MakeExchangeTransport(&network_, taskmanager.process, address, incarnation);
  };
  around.election = [this](const ProcessRef& jobmanager) -> std::unique_ptr<jobmanager::LeaderElection> {
    std::unique_ptr<jobmanager::LeaderElection> election;
    if (etcd_ == nullptr) {
      election = std::make_unique<jobmanager::FileElection>("/jobmanager");
    } else {
      jobmanager::EtcdElection::Options options;
      options.address = AddressOf(jobmanager.name);
      options.ttl_seconds = lease_seconds_;
      election = std::make_unique<jobmanager::EtcdElection>(options, etcd_->MakeClient(),
                                                            simulation_.clock(jobmanager.node));
    }
    return std::make_unique<JournaledElection>(std::move(election), wrappers_.metadata, &journal_);
  };
  around.open_storage = OpenStorage;
  around.registry = [this](const ProcessRef&) { return &registry_; };
  around.catalog = &Catalog();
  around.state = wrappers_.state;
  return around;
}

FaultPlan Run::DrawPlan() {
  if (options_.plan) return *options_.plan;
  FaultScope scope;
  for (const std::string& name : world_.names()) {
    (name[0] == 'j' ? scope.jobmanagers : scope.taskmanagers).push_back(name);
  }
  scope.services = {"kafka"};
  if (etcd_ != nullptr) scope.services.push_back("etcd");
  scope.kinds = nemesis_.Kinds();
  if (options_.bug != nullptr && !options_.bug->faults.empty()) {
    std::erase_if(scope.kinds, [&](const std::string& kind) { return !options_.bug->faults.contains(kind); });
  }
  scope.until = options_.busy;
  Rng rng = simulation_.Stream("faults");
  return DrawFaults(scope, &rng);
}

bool Run::Overdue(const SimulatedKafka::OpenTransaction& open) {
  // One that is decided may wait for a partition; the others belong to zombies, and their time runs.
  if (open.state != TransactionStates::State::kOngoing) return false;
  return kafka_.cluster().wall_ms() > open.started_ms + open.timeout_ms + kSettle / 1000;
}

bool Run::MissedBySweep(const SimulatedKafka::OpenTransaction& open, const std::vector<Leg>& legs) {
  const SteadyMicros began = simulation_.Now() - (kafka_.cluster().wall_ms() - open.started_ms) * 1000;
  for (const Leg& leg : legs) {
    const bool swept = leg.end == jobmanager::JobState::kFinished || leg.end == jobmanager::JobState::kStopped;
    if (!swept || open.id.compare(0, leg.job.value.size(), leg.job.value) != 0) continue;
    // The last attempt of a job sweeps; who begins later than it is a zombie.
    return began + kZombieMargin < LastAttemptBegan(journal_, leg.job);
  }
  return false;
}

void Run::Settle() {
  for (SteadyMicros waited = 0; waited < kSettle; waited += kQuiet) {
    simulation_.Await(kQuiet);
    const auto open = kafka_.OpenTransactions();
    if (std::all_of(open.begin(), open.end(),
                    [](const auto& t) { return t.state == TransactionStates::State::kOngoing; })) {
      return;
    }
  }
}

void Run::ReadOutput(Outcome* outcome) {
  SimulatedDisk& disk = disks_.DiskAt(-1, Workload::kFolder);
  for (const std::string& path : disk.image().Files(Workload::kFolder)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    // Hidden files may be those of a zombie of an attempt that was swept; nobody reads them.
    if (name.starts_with('.')) continue;
    const std::string text = disk.Contents(path).value_or("");
    for (absl::string_view row : absl::StrSplit(text, '\n', absl::SkipEmpty())) outcome->files.emplace_back(row);
  }
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    // What a reader gets once the transactions of zombies have timed out.
    const PartitionLog& log = *kafka_.cluster().log(Workload::kTopic, partition);
    std::vector<std::string>& rows = outcome->topic[partition];
    for (int64_t offset = log.start(); offset < log.end(); ++offset) {
      const PartitionLog::Entry& entry = log.at(offset);
      if (!entry.control && entry.fate == PartitionLog::Fate::kCommitted) rows.push_back(entry.record.value);
    }
  }
  for (const SimulatedKafka::OpenTransaction& open : kafka_.OpenTransactions()) {
    if (Overdue(open) || MissedBySweep(open, outcome->legs)) outcome->left.push_back("transaction " + open.id);
  }
}

RunResult Run::Execute() {
  RunResult result;
  Rng draws = simulation_.Stream("workload");
  WorkloadChoice choice;
  choice.kind = options_.kind;
  choice.kafka = options_.kafka;
  choice.file = options_.file;
  choice.slots = options_.slots * options_.taskmanagers;
  choice.busy_until = options_.busy;
  if (options_.bug != nullptr) {
    if (options_.bug->kind) choice.kind = options_.bug->kind;
    choice.kafka &= options_.bug->kafka;
    choice.file &= options_.bug->file;
  }
  Workload workload = DrawWorkload(choice, &draws);
  if (options_.bug != nullptr && options_.bug->adjust) options_.bug->adjust(&workload);
  result.workload = Describe(workload);
  result.plan = DrawPlan();
  if (const absl::Status status = nemesis_.Check(result.plan); !status.ok()) {
    result.violations.push_back({"plan", std::string(status.message())});
    return result;
  }
  simulation_.Trace("workload:", result.workload);
  simulation_.Trace(etcd_ == nullptr ? "metadata in files" : "metadata in etcd", "JobManagers", std::max(1, jobmanagers_));
  simulation_.Trace("faults:", result.plan.Text());

  world_.StartAll();
  simulation_.SpawnIn(kOutside, "nemesis", [&] {
    nemesis_.Run(
        result.plan, [&](SteadyMicros at) { simulation_.Await(at - simulation_.Now()); },
        [&](const std::string& text) { simulation_.Trace(text); });
    hooks_.Calm();
  });
  Client::Options client_options;
  client_options.workload = workload;
  client_options.catalog = &Catalog();
  client_options.leader = [this] {
    const World::Leader leader = world_.leader();
    return Client::Leader{leader.api, leader.process};
  };
  client_options.quiet_at = std::max(result.plan.Ends(), options_.busy) + kQuiet;
  client_options.patience = kPatience;
  Client client(client_options, &simulation_);
  simulation_.SpawnIn(kOutside, "client", [&] {
    client.Run();
    // The user may be done before the last fault: a cluster without work has to bear the rest, too.
    const SteadyMicros end = std::max(result.plan.Ends() + kAfterLastFault, kShortestRun);
    if (simulation_.Now() < end) simulation_.Await(end - simulation_.Now());
    Settle();
    const auto storage = OpenStorage(absl::StrCat("file://", kCheckpoints), false);
    if (storage.ok()) result.violations = CheckRestorable(**storage, journal_);
    simulation_.Stop();
  });
  simulation_.RunUntil(client_options.quiet_at + 2 * kPatience);

  Outcome outcome;
  outcome.journal = &journal_;
  outcome.workload = &workload;
  outcome.legs = client.legs();
  outcome.client_done = client.done();
  // A sink that does not find its folder concludes nothing.
  for (const Fault& fault : result.plan.faults) {
    if (fault.kind == "disk_unreachable") outcome.may_fail_with = {"SINK_FOLDER_MISMATCH", "cannot make the folder"};
  }
  ReadOutput(&outcome);
  if (!client.done()) outcome.left.clear();
  for (const Violation& violation : client.violations()) result.violations.push_back(violation);
  if (!client.done() && result.violations.empty()) {
    result.violations.push_back({"O7", "the user waits for an answer that never comes"});
  }
  for (Violation& violation : Judge(outcome)) result.violations.push_back(std::move(violation));
  std::set<CheckpointId> ids;
  for (const Journal::Record& record : journal_.records) {
    ids.insert(record.last_id);
    result.attempts = std::max(result.attempts, static_cast<int>(record.attempt.value));
  }
  result.checkpoints = static_cast<int>(ids.size());
  result.recovered_in = client.recovered_in().value_or(0);
  result.hash = simulation_.trace().hash();
  result.virtual_micros = simulation_.Now();
  result.steps = simulation_.steps();
  result.reached = hooks_.reached();
  return result;
}

}  // namespace

RunResult RunSeed(const RunOptions& options) {
  Run run(options);
  return run.Execute();
}

FaultPlan PlanOf(const RunOptions& options) { return Run(options).DrawPlan(); }

}  // namespace weir::sim
