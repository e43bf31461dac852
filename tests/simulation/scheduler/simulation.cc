#include "tests/simulation/scheduler/simulation.h"

#include <sys/mman.h>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/base/check.h"
#include "tests/simulation/scheduler/fiber.h"

namespace weir::sim {
namespace {

namespace context = boost::context::detail;

Simulation* living = nullptr;

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "simulation: %s\n", what);
  std::abort();
}

}  // namespace

StackPool& StackPool::Instance() {
  static StackPool* pool = new StackPool;
  return *pool;
}

void* StackPool::Take() {
  if (!free_.empty()) {
    void* stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void* stack = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) Broken("no memory for another stack");
  ::mprotect(stack, 4096, PROT_NONE);
  return stack;
}

class Simulation::NodeClock final : public Clock {
 public:
  NodeClock(const Simulation* simulation, std::string node, SteadyMicros origin)
      : name(std::move(node)), simulation_(simulation), base_(origin) {}

  SteadyMicros Steady() const override {
    const SteadyMicros passed = simulation_->Now() - since_;
    return base_ + (ppm_ == kRight ? passed : passed * ppm_ / kRight);
  }
  WallMicros Wall() const override { return kWallOrigin + simulation_->Now() + wall_offset; }
  void SetRate(int64_t ppm) {
    base_ = Steady();
    since_ = simulation_->Now();
    ppm_ = ppm;
  }
  /// True time that passes while this clock goes on by `micros`.
  SteadyMicros True(SteadyMicros micros) const {
    if (ppm_ == kRight) return micros;
    return static_cast<SteadyMicros>(static_cast<__int128>(micros) * kRight / ppm_) + 1;
  }

  static constexpr int64_t kRight = 1'000'000;
  static constexpr WallMicros kWallOrigin = 1'700'000'000'000'000;
  const std::string name;
  int64_t wall_offset = 0;

 private:
  const Simulation* const simulation_;
  SteadyMicros base_;
  SteadyMicros since_ = 0;
  int64_t ppm_ = kRight;
};

struct Simulation::Process {
  NodeId node = -1;
  std::string name;
  bool alive = true;
  bool paused = false;
  std::vector<Fiber*> held;  // ready, but paused
  std::vector<Fiber*> fibers;
  std::vector<std::function<void()>> on_death;
};

Simulation* Simulation::Living() { return living; }

Simulation::Simulation(uint64_t seed) : seed_(seed), rng_(seed ^ 0x5ced5ced5ced5cedULL) {
  if (living != nullptr || runtime::scheduler != nullptr) Broken("two at once");
  living = this;
  runtime::scheduler = this;
  jitter_ = int64_t{1} << rng_.Below(7);                // 1…64 µs
  hiccup_odds_ = int64_t{32} << rng_.Below(7);          // one wake in 32…2048 is late
  hiccup_micros_ = int64_t{200} << rng_.Below(8);       // by 0.2…25 ms
  yield_odds_ = int64_t{8} << rng_.Below(6);            // one lock in 8…256 is a switch
  processes_.push_back(std::make_unique<Process>());
  processes_.back()->name = "outside";
}

Simulation::~Simulation() {
  for (const std::unique_ptr<Fiber>& fiber : fibers_) {
    if (fiber->stack != nullptr) StackPool::Instance().Give(fiber->stack);
    // What its closure holds is leaked, as all that it would have destroyed at its end.
    new std::function<void()>(std::move(fiber->main));
  }
  for (Entry& entry : queue_) {
    if (entry.event != nullptr) new std::function<void()>(std::move(*entry.event));
  }
  runtime::scheduler = nullptr;
  living = nullptr;
}

Rng Simulation::Stream(std::string_view name) const {
  uint64_t hash = seed_ ^ 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  Rng mixed(hash);
  return Rng(mixed.Next());
}

// ---- Nodes ----------------------------------------------------------------------------------------------------------

NodeId Simulation::AddNode(std::string name) {
  // Never 0: that time means "not set" in places.
  const SteadyMicros origin = 1'000'000 + static_cast<SteadyMicros>(rng_.Below(3'000'000'000));
  nodes_.push_back(std::make_unique<NodeClock>(this, std::move(name), origin));
  return nodes() - 1;
}
const std::string& Simulation::node_name(NodeId node) const { return nodes_.at(node)->name; }
const Clock* Simulation::clock(NodeId node) const { return nodes_.at(node).get(); }
void Simulation::SetClockRate(NodeId node, int64_t ppm) { nodes_.at(node)->SetRate(ppm); }
void Simulation::JumpWallClock(NodeId node, int64_t micros) { nodes_.at(node)->wall_offset += micros; }

// ---- Processes ------------------------------------------------------------------------------------------------------

ProcessId Simulation::StartProcess(NodeId node, std::string name, std::function<void()> main) {
  auto process = std::make_unique<Process>();
  process->node = node;
  process->name = std::move(name);
  processes_.push_back(std::move(process));
  const auto id = static_cast<ProcessId>(processes_.size() - 1);
  Trace("process starts", processes_.back()->name, id);
  SpawnIn(id, "main", std::move(main));
  return id;
}

void Simulation::Kill(ProcessId id) {
  Process& process = *processes_.at(id);
  if (id == kOutside) Broken("the world outside cannot be killed");
  if (!process.alive) return;
  Trace("process dies", process.name, id);
  process.alive = false;
  for (Fiber* fiber : process.fibers) {
    Unlink(fiber);
    ++fiber->turn;
    if (fiber != running_) fiber->state = Fiber::State::kEnded;
  }
  process.held.clear();
  // In the world outside: the process that dies does not run what its machine does about it.
  std::vector<std::function<void()>> events = std::move(process.on_death);
  if (running_ != nullptr && running_->process == id) {
    for (auto& event : events) At(now_, std::move(event));
    running_->state = Fiber::State::kEnded;
    SwitchOut();
    Broken("a dead fiber runs");
  }
  for (auto& event : events) event();
}

void Simulation::Pause(ProcessId id) {
  Process& process = *processes_.at(id);
  if (!process.alive || process.paused) return;
  Trace("process stops", process.name, id);
  process.paused = true;
  if (running_ != nullptr && running_->process == id) Yield();
}

void Simulation::Continue(ProcessId id) {
  Process& process = *processes_.at(id);
  if (!process.alive || !process.paused) return;
  Trace("process continues", process.name, id);
  process.paused = false;
  for (Fiber* fiber : std::exchange(process.held, {})) MakeReady(fiber);
}

bool Simulation::Alive(ProcessId process) const { return processes_.at(process)->alive; }
bool Simulation::Paused(ProcessId process) const { return processes_.at(process)->paused; }
NodeId Simulation::node_of(ProcessId process) const { return processes_.at(process)->node; }
const std::string& Simulation::process_name(ProcessId process) const { return processes_.at(process)->name; }
ProcessId Simulation::current_process() const { return running_ == nullptr ? kOutside : running_->process; }

void Simulation::OnDeath(ProcessId process, std::function<void()> event) {
  if (!Alive(process)) {
    event();
    return;
  }
  processes_.at(process)->on_death.push_back(std::move(event));
}

// ---- Fibers ---------------------------------------------------------------------------------------------------------

struct FiberEntry {
  static void Run(context::transfer_t from) {
    auto* fiber = static_cast<Fiber*>(from.data);
    Simulation::Living()->main_context_ = from.fctx;
    Simulation::Enter(fiber);
  }
};

void Simulation::Enter(Fiber* fiber) {
  Simulation& simulation = *living;
  fiber->main();
  fiber->main = nullptr;
  fiber->state = Fiber::State::kEnded;
  simulation.Wake(&fiber->ended, true);
  simulation.SwitchOut();
  Broken("an ended fiber runs");
}

uint64_t Simulation::SpawnIn(ProcessId id, std::string_view name, std::function<void()> main) {
  Process& process = *processes_.at(id);
  fibers_.push_back(std::make_unique<Fiber>());
  Fiber* fiber = fibers_.back().get();
  fiber->id = fibers_.size();
  fiber->process = id;
  fiber->name = absl::StrCat(process.name, "/", absl::string_view(name.data(), name.size()));
  fiber->main = std::move(main);
  if (!process.alive) {
    fiber->state = Fiber::State::kEnded;
    return fiber->id;
  }
  process.fibers.push_back(fiber);
  MakeReady(fiber);
  return fiber->id;
}

uint64_t Simulation::Spawn(std::string_view name, std::function<void()> main) {
  return SpawnIn(current_process(), name, std::move(main));
}

void Simulation::Join(uint64_t thread) {
  Fiber* fiber = fibers_.at(thread - 1).get();
  while (fiber->state != Fiber::State::kEnded) Block(&fiber->ended, kNever);
}

uint64_t Simulation::Current() const { return running_ == nullptr ? 0 : running_->id; }
std::string_view Simulation::running_name() const {
  return running_ == nullptr ? std::string_view("-") : std::string_view(running_->name);
}

void Simulation::Push(SteadyMicros at, Fiber* fiber) {
  queue_.push_back({at, ++order_, fiber, nullptr, fiber->turn});
  std::push_heap(queue_.begin(), queue_.end());
}

void Simulation::MakeReady(Fiber* fiber) {
  fiber->state = Fiber::State::kReady;
  ++fiber->turn;
  SteadyMicros delay = static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(jitter_)));
  if (rng_.Below(static_cast<uint64_t>(hiccup_odds_)) == 0) {
    delay += static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(hiccup_micros_)));
  }
  Push(now_ + delay, fiber);
}

void Simulation::SwitchOut() {
  const context::transfer_t back = context::jump_fcontext(main_context_, nullptr);
  main_context_ = back.fctx;
}

void Simulation::Resume(Fiber* fiber) {
  if (fiber->stack == nullptr) {
    fiber->stack = StackPool::Instance().Take();
    fiber->context = context::make_fcontext(static_cast<char*>(fiber->stack) + StackPool::kBytes, StackPool::kBytes - 4096,
                                            FiberEntry::Run);
  }
  fiber->state = Fiber::State::kRunning;
  ++fiber->turn;
  running_ = fiber;
  ++steps_;
  trace_.Mix(static_cast<uint64_t>(now_) << 12 ^ fiber->id);
  const context::transfer_t back = context::jump_fcontext(fiber->context, fiber);
  fiber->context = back.fctx;
  running_ = nullptr;
  if (fiber->state == Fiber::State::kEnded && processes_[fiber->process]->alive) {
    // It has ended by itself: nothing refers to its stack any more.
    StackPool::Instance().Give(std::exchange(fiber->stack, nullptr));
    std::erase(processes_[fiber->process]->fibers, fiber);
  }
}

void Simulation::Unlink(Fiber* fiber) {
  if (fiber->list == nullptr) return;
  if (fiber->previous != nullptr) {
    fiber->previous->next = fiber->next;
  } else {
    fiber->list->first = fiber->next;
  }
  if (fiber->next != nullptr) {
    fiber->next->previous = fiber->previous;
  } else {
    fiber->list->last = fiber->previous;
  }
  fiber->list = nullptr;
  fiber->next = fiber->previous = nullptr;
}

bool Simulation::Block(runtime::WaitList* list, SteadyMicros micros) {
  Fiber* fiber = running_;
  if (fiber == nullptr) Broken("a wait outside of all fibers");
  fiber->state = Fiber::State::kWaiting;
  fiber->woken = false;
  ++fiber->turn;
  fiber->list = list;
  fiber->previous = static_cast<Fiber*>(list->last);
  if (fiber->previous != nullptr) {
    fiber->previous->next = fiber;
  } else {
    list->first = fiber;
  }
  list->last = fiber;
  if (micros != kNever) {
    const NodeId node = processes_[fiber->process]->node;
    const SteadyMicros time = node < 0 ? micros : nodes_[node]->True(micros);
    Push(now_ + std::max<SteadyMicros>(time, 0), fiber);
  }
  SwitchOut();
  return fiber->woken;
}

void Simulation::Wake(runtime::WaitList* list, bool all) {
  while (list->first != nullptr) {
    auto* fiber = static_cast<Fiber*>(list->first);
    Unlink(fiber);
    fiber->woken = true;
    MakeReady(fiber);
    if (!all) return;
  }
}

void Simulation::Await(SteadyMicros micros) {
  Fiber* fiber = running_;
  if (fiber == nullptr) Broken("an await outside of all fibers");
  fiber->state = Fiber::State::kReady;
  ++fiber->turn;
  Push(now_ + std::max<SteadyMicros>(micros, 0), fiber);
  SwitchOut();
}

void Simulation::AwaitBetween(SteadyMicros least, SteadyMicros most) {
  Await(least + static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(most - least + 1))));
}

void Simulation::Sleep(SteadyMicros micros) {
  const NodeId node = processes_[current_process()]->node;
  Await(node < 0 ? micros : nodes_[node]->True(micros));
}

void Simulation::MayYield() {
  if (running_ == nullptr || rng_.Below(static_cast<uint64_t>(yield_odds_)) != 0) return;
  AwaitBetween(0, jitter_);
}

void Simulation::Worked() {
  if (running_ != nullptr) AwaitBetween(1, 20);
}

void Simulation::At(SteadyMicros at, std::function<void()> event) {
  queue_.push_back({std::max(at, now_), ++order_, nullptr, new std::function<void()>(std::move(event)), 0});
  std::push_heap(queue_.begin(), queue_.end());
}

void Simulation::RunUntil(SteadyMicros until) {
  if (running_ != nullptr) Broken("a run within a run");
  stopped_ = false;
  while (!stopped_ && !queue_.empty()) {
    if (queue_.front().at > until) {
      now_ = until;
      return;
    }
    std::pop_heap(queue_.begin(), queue_.end());
    const Entry entry = queue_.back();
    queue_.pop_back();
    if (entry.event != nullptr) {
      now_ = std::max(now_, entry.at);
      const std::unique_ptr<std::function<void()>> event(entry.event);
      ++steps_;
      (*event)();
      continue;
    }
    Fiber* fiber = entry.fiber;
    if (fiber->turn != entry.turn || fiber->state == Fiber::State::kEnded) continue;
    now_ = std::max(now_, entry.at);
    Process& process = *processes_[fiber->process];
    if (!process.alive) continue;
    Unlink(fiber);  // of a wait whose time is over
    if (process.paused) {
      fiber->state = Fiber::State::kReady;
      ++fiber->turn;
      process.held.push_back(fiber);
      continue;
    }
    Resume(fiber);
  }
}

}  // namespace weir::sim
