#include "tests/simulation/world/world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cluster/job_manager_host.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/job/proto/job_proto.h"
#include "taskmanager/state/state_factory.h"

namespace weir::sim {
namespace {

struct TaskManagerLife {
  std::unique_ptr<control::JobManagerConnector> connector;
  std::unique_ptr<taskmanager::ExchangeTransport> transport;
  std::unique_ptr<taskmanager::TaskManager> taskmanager;
};

}  // namespace

World::World(WorldOptions options, Surroundings surroundings, Simulation* simulation)
    : options_(std::move(options)),
      surroundings_(std::move(surroundings)),
      simulation_(simulation),
      incarnations_(simulation->Stream("incarnations")) {
  auto add = [this](const char* kind, int count) {
    for (int i = 1; i <= count; ++i) {
      auto member = std::make_unique<Member>();
      member->name = absl::StrCat(kind, "-", i);
      member->is_job_manager = kind[0] == 'j';
      member->node = simulation_->AddNode(member->name);
      members_.push_back(std::move(member));
    }
  };
  add("jm", options_.jobmanagers);
  add("tm", options_.taskmanagers);
}

World::~World() = default;

World::Member& World::member(const std::string& name) {
  for (const auto& member : members_) {
    if (member->name == name) return *member;
  }
  internal::CheckFailed(name.c_str(), __FILE__, __LINE__);
}
const World::Member& World::member(const std::string& name) const { return const_cast<World*>(this)->member(name); }

std::vector<std::string> World::names() const {
  std::vector<std::string> names;
  for (const auto& member : members_) names.push_back(member->name);
  return names;
}
NodeId World::node(const std::string& name) const { return member(name).node; }
ProcessId World::process(const std::string& name) const { return member(name).process; }
bool World::Lives(const std::string& name) const {
  const Member& m = member(name);
  return m.process != 0 && simulation_->Alive(m.process);
}

void World::StartAll() {
  for (const auto& member : members_) Start(member->name);
}

void World::Start(const std::string& name) {
  Member& m = member(name);
  m.held_down = false;
  if (Lives(name)) return;
  m.process = simulation_->StartProcess(m.node, name, [this, &m] {
    m.is_job_manager ? RunJobManager(m) : RunTaskManager(m);
  });
  simulation_->OnDeath(m.process, [this, &m, process = m.process] {
    m.host = nullptr;
    if (restart_after_ == 0) return;
    simulation_->After(restart_after_, [this, &m, process] {
      if (m.process == process && !m.held_down) Start(m.name);
    });
  });
}

void World::Kill(const std::string& name) {
  member(name).held_down = true;
  if (Lives(name)) simulation_->Kill(member(name).process);
}
void World::Pause(const std::string& name) {
  if (Lives(name)) simulation_->Pause(member(name).process);
}
void World::Continue(const std::string& name) {
  if (Lives(name)) simulation_->Continue(member(name).process);
}
void World::PowerLoss(const std::string& name) {
  Kill(name);
  for (const auto& event : power_loss_) event(node(name));
}

std::vector<std::string> World::leaders() {
  std::vector<std::string> names;
  for (const auto& m : members_) {
    if (m->host != nullptr && Lives(m->name) && m->host->gate().leads()) names.push_back(m->name);
  }
  return names;
}

World::Leader World::leader() {
  std::vector<Leader> all;
  for (const auto& m : members_) {
    if (m->host != nullptr && Lives(m->name) && m->host->gate().leads()) all.push_back({&m->host->gate(), m->process});
  }
  return all.empty() ? Leader() : all[simulation_->rng().Below(all.size())];
}

absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>> World::Compile(const std::string& spec) {
  // Of all runs of this operating system process: compiling is a pure function, and slow.
  static auto* const plans = new std::map<std::string, std::shared_ptr<const plan::ExecutionPlan>>;
  if (const auto it = plans->find(spec); it != plans->end()) return it->second;
  ASSIGN_OR_RETURN(job::JobSpec parsed, job::Deserialize(spec));
  ASSIGN_OR_RETURN(std::shared_ptr<const plan::ExecutionPlan> plan,
                   plan::MakePlan(std::make_shared<const job::JobSpec>(std::move(parsed)), *surroundings_.catalog));
  plans->emplace(spec, plan);
  return plan;
}

void World::RunJobManager(Member& m) {
  const ProcessRef ref{m.process, m.node, m.name};
  auto die = [this, process = m.process](const absl::Status& why) {
    simulation_->Trace("JobManager ends:", std::string(why.message()));
    simulation_->Kill(process);
  };
  client::JobManagerHost::Settings settings;
  settings.election = surroundings_.election(ref);
  settings.options.checkpoint_storage = options_.checkpoint_storage;
  settings.options.build_id = options_.build_id;
  settings.options.heartbeat_interval = options_.heartbeat_interval;
  settings.options.heartbeat_timeout = options_.heartbeat_timeout;
  settings.compile = [this](const std::string& spec) { return Compile(spec); };
  auto host = client::JobManagerHost::Start(std::move(settings), simulation_->clock(m.node), surroundings_.catalog, die);
  if (!host.ok()) die(host.status());
  m.host = host->release();
  surroundings_.listen(ref, &m.host->gate());
}

void World::RunTaskManager(Member& m) {
  const ProcessRef ref{m.process, m.node, m.name};
  auto* life = new TaskManagerLife;
  taskmanager::TaskManagerOptions options;
  options.name = m.name;
  options.address = absl::StrCat(m.name, ":", ++m.lives);  // another port in each life
  options.slots = options_.slots;
  options.state_dir = absl::StrCat("/state/", m.name);
  options.build_id = options_.build_id;
  options.incarnation = Incarnation(incarnations_.Next());
  options.lease = options_.lease;
  life->connector = surroundings_.connector(ref);
  life->transport = surroundings_.transport(ref, options.address, options.incarnation);
  taskmanager::TaskManagerParts parts;
  parts.clock = simulation_->clock(m.node);
  parts.connector = life->connector.get();
  parts.transport = life->transport.get();
  parts.connectors = surroundings_.registry(ref);
  parts.compile = [this](const std::string& spec) { return Compile(spec); };
  parts.open_state = [this](const taskmanager::KeyedStateOptions& state, std::shared_ptr<checkpoint::Storage> storage,
                            const std::vector<checkpoint::KeyedSnapshot>& restored)
      -> absl::StatusOr<std::unique_ptr<taskmanager::KeyedState>> {
    auto opened = taskmanager::OpenKeyedState(state, std::move(storage), restored);
    if (opened.ok() && surroundings_.state) return surroundings_.state(*std::move(opened));
    return opened;
  };
  parts.open_storage = [this](const std::string& uri) { return surroundings_.open_storage(uri, false); };
  parts.on_refused = [this, process = m.process](const absl::Status& why) {
    simulation_->Trace("TaskManager ends:", std::string(why.message()));
    simulation_->Kill(process);
  };
  life->taskmanager = std::make_unique<taskmanager::TaskManager>(std::move(options), std::move(parts));
  if (const absl::Status status = life->taskmanager->Start(); !status.ok()) {
    simulation_->Trace("TaskManager does not start:", std::string(status.message()));
    simulation_->Await(1'000'000);
    simulation_->Kill(m.process);
  }
}

}  // namespace weir::sim
