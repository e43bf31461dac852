#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "common/base/clock.h"

namespace weir::runtime {

/// Runs closures one after another, in the order posted; timers when they are due. What a daemon's
/// control state lives on.
///
/// Thread:  thread-safe; closures run on one thread at a time (`OnLoop` there).
/// Units:   times are those of the Clock it was made with.
class EventLoop {
 public:
  using TimerId = uint64_t;

  virtual ~EventLoop() = default;
  virtual void Post(std::function<void()> event) = 0;
  /// Runs `event` at `at` or soon after; past times count as now. Never 0.
  virtual TimerId PostAt(SteadyMicros at, std::function<void()> event) = 0;
  /// The timer does not run any more, unless it is running. An unknown id is ignored.
  virtual void Cancel(TimerId id) = 0;
  virtual const Clock& clock() const = 0;
  virtual bool OnLoop() const = 0;
};

/// Runs work that blocks, in the order posted, away from the loop.
/// Thread: thread-safe.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual void Run(std::function<void()> work) = 0;
};

/// Runs `work` on `worker` and hands its result to `then` on `loop`. Both must outlive the work.
template <typename T>
void RunThen(Worker* worker, EventLoop* loop, std::function<T()> work,
             std::function<void(T)> then) {
  worker->Run([loop, work = std::move(work), then = std::move(then)]() mutable {
    auto result = std::make_shared<T>(work());
    loop->Post([result, then = std::move(then)] { then(std::move(*result)); });
  });
}

}  // namespace weir::runtime
