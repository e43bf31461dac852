#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/runtime/sync.h"
#include "common/runtime/threads.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {
namespace {

using runtime::ConditionVariable;
using runtime::Mutex;
using runtime::Thread;

constexpr SteadyMicros kSecond = 1'000'000;

/// What two threads of a process write in turns that chance decides.
std::string Interleaving(uint64_t seed, uint64_t* hash = nullptr) {
  std::string out;
  Simulation simulation(seed);
  const NodeId node = simulation.AddNode("n");
  simulation.StartProcess(node, "p", [&] {
    Thread a("a", [&] {
      for (int i = 0; i < 20; ++i) simulation.AwaitBetween(0, 10), out += 'a';
    });
    Thread b("b", [&] {
      for (int i = 0; i < 20; ++i) simulation.AwaitBetween(0, 10), out += 'b';
    });
    a.join();
    b.join();
    out += '.';
  });
  simulation.RunUntil(kSecond);
  if (hash != nullptr) *hash = simulation.trace().hash();
  return out;
}

TEST_CASE("the same seed is the same run, another seed another one") {
  uint64_t first = 0, second = 0, other = 0;
  const std::string run = Interleaving(7, &first);
  CHECK(run.size() == 41);
  CHECK(run.back() == '.');
  CHECK(Interleaving(7, &second) == run);
  CHECK(first == second);
  CHECK(Interleaving(8, &other) != run);
  CHECK(first != other);
}

TEST_CASE("a lock is held by one, across waits too") {
  Simulation simulation(1);
  const NodeId node = simulation.AddNode("n");
  int inside = 0, most = 0, done = 0;
  simulation.StartProcess(node, "p", [&] {
    Mutex mutex;
    std::vector<Thread> threads;
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back("t", [&] {
        for (int n = 0; n < 10; ++n) {
          std::lock_guard lock(mutex);
          most = std::max(most, ++inside);
          simulation.AwaitBetween(0, 100);
          --inside;
          ++done;
        }
      });
    }
    for (Thread& thread : threads) thread.join();
  });
  simulation.RunUntil(kSecond);
  CHECK(most == 1);
  CHECK(done == 50);
}

TEST_CASE("a condition is waited for until it is notified, or its time is over") {
  Simulation simulation(2);
  const NodeId node = simulation.AddNode("n");
  SteadyMicros notified_at = 0, over_at = 0;
  bool in_time = false, too_late = true;
  simulation.StartProcess(node, "p", [&] {
    Mutex mutex;
    ConditionVariable changed;
    bool set = false;
    Thread setter("setter", [&] {
      simulation.Await(50'000);
      std::lock_guard lock(mutex);
      set = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    in_time = changed.wait_for(lock, std::chrono::seconds(10), [&] { return set; });
    notified_at = simulation.Now();
    too_late = changed.wait_for(lock, std::chrono::milliseconds(20), [&] { return !set; });
    over_at = simulation.Now();
    lock.unlock();
    setter.join();
  });
  simulation.RunUntil(kSecond);
  CHECK(in_time);
  CHECK(notified_at >= 50'000);
  CHECK(notified_at < 200'000);
  CHECK_FALSE(too_late);
  CHECK(over_at >= notified_at + 20'000);
}

TEST_CASE("a killed process never runs again, and its machine hears of it") {
  Simulation simulation(3);
  const NodeId node = simulation.AddNode("n");
  int ticks = 0, deaths = 0;
  bool unwound = false;
  struct Unwound {
    bool* flag;
    ~Unwound() { *flag = true; }
  };
  const ProcessId process = simulation.StartProcess(node, "p", [&] {
    const Unwound guard{&unwound};
    while (true) runtime::SleepFor(10'000), ++ticks;
  });
  simulation.OnDeath(process, [&] { ++deaths; });
  simulation.At(105'000, [&] { simulation.Kill(process); });
  simulation.RunUntil(kSecond);
  CHECK(ticks > 5);
  CHECK(ticks <= 10);
  CHECK(deaths == 1);
  CHECK_FALSE(unwound);
  CHECK_FALSE(simulation.Alive(process));
}

TEST_CASE("a process may kill itself") {
  Simulation simulation(4);
  bool after = false, death = false;
  const ProcessId process = simulation.StartProcess(simulation.AddNode("n"), "p", [&] {
    simulation.OnDeath(simulation.current_process(), [&] { death = true; });
    simulation.Kill(simulation.current_process());
    after = true;
  });
  simulation.RunUntil(kSecond);
  CHECK_FALSE(after);
  CHECK(death);
  CHECK_FALSE(simulation.Alive(process));
}

TEST_CASE("a paused process stands still while time goes on, and its timers are late") {
  Simulation simulation(5);
  SteadyMicros woke = 0;
  const ProcessId process = simulation.StartProcess(simulation.AddNode("n"), "p", [&] {
    runtime::SleepFor(100'000);
    woke = simulation.Now();
  });
  simulation.At(50'000, [&] { simulation.Pause(process); });
  simulation.At(700'000, [&] { simulation.Continue(process); });
  simulation.RunUntil(kSecond);
  CHECK(woke >= 700'000);
}

TEST_CASE("a node's clock runs at its own rate, and so do its waits") {
  Simulation simulation(6);
  const NodeId node = simulation.AddNode("n");
  simulation.SetClockRate(node, 2'000'000);
  SteadyMicros local = 0, truth = 0;
  simulation.StartProcess(node, "p", [&] {
    const SteadyMicros begin = simulation.clock(node)->Steady(), began = simulation.Now();
    runtime::SleepFor(100'000);
    local = simulation.clock(node)->Steady() - begin;
    truth = simulation.Now() - began;
  });
  simulation.RunUntil(kSecond);
  CHECK(local >= 100'000);
  CHECK(truth >= 50'000);
  CHECK(truth < 60'000);
}

TEST_CASE("the loop and the worker of the daemons run on it") {
  Simulation simulation(9);
  const NodeId node = simulation.AddNode("n");
  std::vector<int> order;
  bool on_loop = false;
  simulation.StartProcess(node, "p", [&] {
    runtime::ThreadEventLoop loop(simulation.clock(node), "loop");
    runtime::ThreadWorker worker("worker");
    loop.PostAt(simulation.clock(node)->Steady() + 30'000, [&] { order.push_back(3); });
    loop.Post([&] {
      on_loop = loop.OnLoop();
      order.push_back(1);
      worker.Run([&] {
        simulation.Await(10'000);
        loop.Post([&] { order.push_back(2); });
      });
    });
    runtime::SleepFor(100'000);
    loop.Stop();
    worker.Stop();
  });
  simulation.RunUntil(kSecond);
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(on_loop);
}

}  // namespace
}  // namespace weir::sim
