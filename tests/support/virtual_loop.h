#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "common/runtime/event_loop.h"

namespace weir::testing {

/// A clock that stands until it is moved.
class VirtualClock final : public Clock {
 public:
  SteadyMicros Steady() const override { return now; }
  WallMicros Wall() const override { return 1'700'000'000'000'000 + now; }
  SteadyMicros now = 0;
};

/// An EventLoop in the test's own thread with virtual time: nothing happens outside of Drain and
/// Advance.
class VirtualLoop final : public runtime::EventLoop {
 public:
  void Post(std::function<void()> event) override { queue_.push_back(std::move(event)); }
  TimerId PostAt(SteadyMicros at, std::function<void()> event) override {
    timers_.emplace(std::make_pair(at, ++last_timer_), std::move(event));
    return last_timer_;
  }
  void Cancel(TimerId id) override {
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->first.second == id) {
        timers_.erase(it);
        return;
      }
    }
  }
  const Clock& clock() const override { return clock_; }
  bool OnLoop() const override { return true; }

  /// Runs everything that is queued, and what that queues; no time passes.
  void Drain() {
    while (true) {
      if (!queue_.empty()) {
        auto event = std::move(queue_.front());
        queue_.pop_front();
        event();
      } else if (!timers_.empty() && timers_.begin()->first.first <= clock_.now) {
        auto event = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        event();
      } else {
        return;
      }
    }
  }
  /// Moves time on, timer by timer.
  void Advance(SteadyMicros micros) {
    const SteadyMicros until = clock_.now + micros;
    Drain();
    while (!timers_.empty() && timers_.begin()->first.first <= until) {
      clock_.now = std::max(clock_.now, timers_.begin()->first.first);
      Drain();
    }
    clock_.now = until;
    Drain();
  }
  size_t timers() const { return timers_.size(); }

 private:
  VirtualClock clock_;
  std::deque<std::function<void()>> queue_;
  std::map<std::pair<SteadyMicros, TimerId>, std::function<void()>> timers_;
  TimerId last_timer_ = 0;
};

/// A Worker that works as an event of its loop, so that work and events interleave as in
/// production, in one thread.
class VirtualWorker final : public runtime::Worker {
 public:
  explicit VirtualWorker(VirtualLoop* loop) : loop_(loop) {}
  void Run(std::function<void()> work) override {
    if (!paused) {
      loop_->Post(std::move(work));
    } else {
      held_.push_back(std::move(work));
    }
  }
  /// Lets what was held back while `paused` go.
  void Resume() {
    paused = false;
    for (auto& work : held_) loop_->Post(std::move(work));
    held_.clear();
  }
  bool paused = false;

 private:
  VirtualLoop* loop_;
  std::deque<std::function<void()>> held_;
};

}  // namespace weir::testing
