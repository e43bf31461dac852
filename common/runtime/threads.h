#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "common/runtime/event_loop.h"

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
  bool OnLoop() const override { return std::this_thread::get_id() == loop_id_; }

  /// Lets the event that runs end, drops the others, joins. Idempotent; not from the loop.
  void Stop();

 private:
  void Main();

  const Clock* const clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;
  std::deque<std::function<void()>> queue_;
  std::map<std::pair<SteadyMicros, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, SteadyMicros> timer_times_;
  TimerId next_timer_ = 1;
  bool stopping_ = false;
  std::thread thread_;
  std::thread::id loop_id_;  // written once, before Main looks at anything
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

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::runtime
