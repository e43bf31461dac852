#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "common/runtime/event_loop.h"
#include "common/runtime/sync.h"

namespace weir::runtime {

/// An EventLoop with a thread of its own.
///
/// Thread:  thread-safe. Post from another thread waits while kMaxQueued events are queued
/// (back-pressure on whoever
///          talks to the daemon); the loop itself never waits.
/// Errors:  after Stop, events are dropped.
class ThreadEventLoop final : public EventLoop {
 public:
  static constexpr size_t kMaxQueued = 65536;

  /// `name` is the thread's, at most 15 characters. `clock` must be the system's: waits are real.
  ThreadEventLoop(const Clock* clock, const std::string& name);
  ~ThreadEventLoop() override;

  void Post(std::function<void()> event) override;
  TimerId PostAt(SteadyMicros at, std::function<void()> event) override;
  void Cancel(TimerId id) override;
  const Clock& clock() const override { return *clock_; }
  bool OnLoop() const override { return CurrentThread() == loop_id_; }

  /// Lets the event that runs end, drops the others, joins. Idempotent; not from the loop.
  void Stop();

 private:
  void Main();

  const Clock* const clock_;
  Mutex mutex_;
  ConditionVariable wake_;
  ConditionVariable room_;
  std::deque<std::function<void()>> queue_;
  std::map<std::pair<SteadyMicros, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, SteadyMicros> timer_times_;
  TimerId next_timer_ = 1;
  bool stopping_ = false;
  Thread thread_;
  ThreadId loop_id_;  // written once, before Main looks at anything
};

/// A Worker with a thread of its own.
/// Thread: thread-safe. What is queued at Stop is still done: writes that were promised happen.
class ThreadWorker final : public Worker {
 public:
  explicit ThreadWorker(const std::string& name);
  ~ThreadWorker() override;
  void Run(std::function<void()> work) override;
  /// Does what is queued, then joins. Idempotent; not from the worker.
  void Stop();

 private:
  void Main();

  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  Thread thread_;
};

}  // namespace weir::runtime
