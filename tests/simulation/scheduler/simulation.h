#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/rng.h"
#include "common/runtime/sync.h"
#include "tests/simulation/scheduler/trace.h"

namespace weir::sim {

/// A machine: what has a clock, a disk, an address. From 0.
using NodeId = int;
/// One life of a process; never given twice. 0 is the world outside (clients, models, the oracle): nothing kills it.
using ProcessId = int;
inline constexpr ProcessId kOutside = 0;

struct Fiber;

/// Processes whose threads are fibers, in virtual time, from one seed. While it lives it is `runtime::scheduler`, so
/// that production code runs on it unchanged.
///
/// Thread:  one thread; one Simulation at a time.
/// Time:    passes only between fibers. Every wake comes a drawn moment after its cause, so that whatever is ready
///          runs in any order. A fiber that waits, sleeps or awaits may find that its process was killed: then it
///          never runs again, nothing is unwound, its objects stay as they are (kill -9).
/// Models:  what several processes share (disks, network, Kafka) changes only between two awaits.
class Simulation final : public runtime::Scheduler {
 public:
  explicit Simulation(uint64_t seed);
  ~Simulation() override;
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  /// The one that lives. Null: none.
  static Simulation* Living();

  // ---- Time, chance, trace ----
  /// True virtual time from 0; nodes have clocks of their own.
  SteadyMicros Now() const { return now_; }
  /// Chance of what happens while it runs. A plan that is made before draws from a Stream.
  Rng& rng() { return rng_; }
  /// Chance of its own: what one part draws does not move what others draw.
  Rng Stream(std::string_view name) const;
  uint64_t seed() const { return seed_; }
  trace::Trace& trace() { return trace_; }
  /// One event for people and for the hash: Trace("net drop", from, to). Cheap when nobody reads it.
  template <typename... Values>
  void Trace(std::string_view event, const Values&... values) {
    trace_.Event(now_, running_name(), event, values...);
  }

  // ---- Nodes ----
  NodeId AddNode(std::string name);
  const std::string& node_name(NodeId node) const;
  int nodes() const { return static_cast<int>(nodes_.size()); }
  /// Lives as long as the simulation. Its Steady has an origin of its own.
  const Clock* clock(NodeId node) const;
  /// How fast a node's clock runs, in parts per million of true time (1'000'000: right). Also stretches its waits.
  void SetClockRate(NodeId node, int64_t ppm);
  /// Moves its wall clock.
  void JumpWallClock(NodeId node, int64_t micros);

  // ---- Processes ----
  ProcessId StartProcess(NodeId node, std::string name, std::function<void()> main);
  /// At once, also of the running process (then it does not return).
  void Kill(ProcessId process);
  /// SIGSTOP and SIGCONT.
  void Pause(ProcessId process);
  void Continue(ProcessId process);
  bool Alive(ProcessId process) const;
  bool Paused(ProcessId process) const;
  NodeId node_of(ProcessId process) const;
  const std::string& process_name(ProcessId process) const;
  /// Of the running fiber; kOutside when none runs.
  ProcessId current_process() const;
  /// What the machine does at the death of a process (closes its sockets, drops its locks). Must not wait.
  void OnDeath(ProcessId process, std::function<void()> event);

  // ---- Fibers and events ----
  uint64_t SpawnIn(ProcessId process, std::string_view name, std::function<void()> main);
  /// Runs `event` at true time `at`, in no process. Must not wait.
  void At(SteadyMicros at, std::function<void()> event);
  void After(SteadyMicros micros, std::function<void()> event) { At(now_ + micros, std::move(event)); }
  /// The running fiber waits for true time to pass: what a port does that takes time.
  void Await(SteadyMicros micros);
  /// Await of a drawn time in [least, most].
  void AwaitBetween(SteadyMicros least, SteadyMicros most);
  /// Lets others come in.
  void Yield() { Await(0); }

  /// Runs until true time `until`, until Stop, or until nothing is left to do. From outside of all fibers.
  void RunUntil(SteadyMicros until);
  void Stop() { stopped_ = true; }
  uint64_t steps() const { return steps_; }

  // ---- runtime::Scheduler ----
  uint64_t Spawn(std::string_view name, std::function<void()> main) override;
  void Join(uint64_t thread) override;
  uint64_t Current() const override;
  bool Block(runtime::WaitList* list, SteadyMicros micros) override;
  void Wake(runtime::WaitList* list, bool all) override;
  void Sleep(SteadyMicros micros) override;
  void MayYield() override;
  void Worked() override;

 private:
  class NodeClock;
  struct Process;
  struct Entry {
    SteadyMicros at;
    uint64_t order;
    Fiber* fiber;  // or
    std::function<void()>* event;
    uint64_t turn;  // the fiber's; another one now: the entry is void
    bool operator<(const Entry& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  std::string_view running_name() const;
  void Push(SteadyMicros at, Fiber* fiber);
  void MakeReady(Fiber* fiber);
  /// Gives the processor back until somebody makes the running fiber ready.
  void SwitchOut();
  void Resume(Fiber* fiber);
  static void Unlink(Fiber* fiber);
  static void Enter(Fiber* fiber);
  friend struct FiberEntry;

  const uint64_t seed_;
  Rng rng_;
  trace::Trace trace_;
  SteadyMicros now_ = 0;
  uint64_t order_ = 0, steps_ = 0;
  bool stopped_ = false;
  int64_t jitter_, hiccup_odds_, hiccup_micros_, yield_odds_;  // drawn: what kind of machine this is
  std::vector<std::unique_ptr<NodeClock>> nodes_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::deque<std::unique_ptr<Fiber>> fibers_;
  std::vector<Entry> queue_;  // a heap
  Fiber* running_ = nullptr;
  void* main_context_ = nullptr;
};

/// The one that lives.
inline Simulation& TheSimulation() { return *Simulation::Living(); }

}  // namespace weir::sim
