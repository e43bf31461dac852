#include "taskmanager/executor/async_pool.h"


namespace weir::taskmanager {

AsyncPool::AsyncPool(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back("weir-async", [this] { Main(); });
  }
}

AsyncPool::~AsyncPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (runtime::Thread& thread : threads_) thread.join();
}

void AsyncPool::Run(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void AsyncPool::Main() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

void SerialQueue::RunNext(AsyncPool* pool, std::shared_ptr<State> state) {
  std::function<void()> work;
  {
    std::lock_guard lock(state->mutex);
    if (state->queue.empty()) {
      state->running = false;
      state->idle.notify_all();
      return;
    }
    work = std::move(state->queue.front());
    state->queue.pop_front();
  }
  work();
  work = nullptr;  // what it holds goes before the next is begun
  pool->Run([pool, state] { RunNext(pool, state); });
}

void SerialQueue::Run(std::function<void()> work) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopped) return;
    state_->queue.push_back(std::move(work));
    if (state_->running) return;
    state_->running = true;
  }
  pool_->Run([pool = pool_, state = state_] { RunNext(pool, state); });
}

void SerialQueue::Stop() {
  std::unique_lock lock(state_->mutex);
  state_->stopped = true;
  state_->queue.clear();
  state_->idle.wait(lock, [this] { return !state_->running; });
}

}  // namespace weir::taskmanager
