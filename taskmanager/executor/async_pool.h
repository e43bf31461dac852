#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/runtime/sync.h"

namespace weir::taskmanager {

/// A few threads for work that blocks: uploads, fsyncs, commits.
/// Thread: thread-safe. Bound: by its users; each subtask has at most a handful of snapshots under way.
class AsyncPool {
 public:
  explicit AsyncPool(int threads);
  ~AsyncPool();
  void Run(std::function<void()> work);

 private:
  void Main();

  runtime::Mutex mutex_;
  runtime::ConditionVariable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<runtime::Thread> threads_;
};

/// Runs work on a pool, one piece after another, in order: a subtask's asynchronous work.
/// Thread: thread-safe.
class SerialQueue {
 public:
  explicit SerialQueue(AsyncPool* pool) : pool_(pool), state_(std::make_shared<State>()) {}
  ~SerialQueue() { Stop(); }

  void Run(std::function<void()> work);
  /// Drops what has not begun, waits for what has. Idempotent; not from the queue itself.
  void Stop();

 private:
  struct State {
    runtime::Mutex mutex;
    runtime::ConditionVariable idle;
    std::deque<std::function<void()>> queue;
    bool running = false;
    bool stopped = false;
  };
  static void RunNext(AsyncPool* pool, std::shared_ptr<State> state);

  AsyncPool* pool_;
  std::shared_ptr<State> state_;
};

}  // namespace weir::taskmanager
