#include "common/runtime/threads.h"

#include <chrono>
#include <utility>

namespace weir::runtime {

ThreadEventLoop::ThreadEventLoop(const Clock* clock, const std::string& name) : clock_(clock) {
  // Under the lock, so that the thread does not look at `thread_` before it is assigned.
  std::lock_guard lock(mutex_);
  thread_ = Thread(name, [this] { Main(); });
  loop_id_ = thread_.id();
}

ThreadEventLoop::~ThreadEventLoop() { Stop(); }

void ThreadEventLoop::Post(std::function<void()> event) {
  std::unique_lock lock(mutex_);
  if (!OnLoop()) room_.wait(lock, [&] { return stopping_ || queue_.size() < kMaxQueued; });
  if (stopping_) return;
  queue_.push_back(std::move(event));
  if (queue_.size() == 1) wake_.notify_one();
}

EventLoop::TimerId ThreadEventLoop::PostAt(SteadyMicros at, std::function<void()> event) {
  std::lock_guard lock(mutex_);
  const TimerId id = next_timer_++;
  if (stopping_) return id;
  const bool first = timers_.empty() || at < timers_.begin()->first.first;
  timers_.emplace(std::make_pair(at, id), std::move(event));
  timer_times_.emplace(id, at);
  if (first) wake_.notify_one();
  return id;
}

void ThreadEventLoop::Cancel(TimerId id) {
  std::function<void()> dropped;  // its captures are destroyed outside the lock
  std::lock_guard lock(mutex_);
  auto it = timer_times_.find(id);
  if (it == timer_times_.end()) return;
  auto timer = timers_.find({it->second, id});
  dropped = std::move(timer->second);
  timers_.erase(timer);
  timer_times_.erase(it);
}

void ThreadEventLoop::Main() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::function<void()> event;
    // A due timer goes first: a busy queue must not hold back deadlines.
    if (!timers_.empty() && timers_.begin()->first.first <= clock_->Steady()) {
      auto timer = timers_.begin();
      event = std::move(timer->second);
      timer_times_.erase(timer->first.second);
      timers_.erase(timer);
    } else if (!queue_.empty()) {
      event = std::move(queue_.front());
      queue_.pop_front();
      if (queue_.size() + 1 == kMaxQueued) room_.notify_all();
    } else if (!timers_.empty()) {
      wake_.wait_for(lock,
                     std::chrono::microseconds(timers_.begin()->first.first - clock_->Steady()));
      continue;
    } else {
      wake_.wait(lock);
      continue;
    }
    lock.unlock();
    event();
    event = nullptr;
    lock.lock();
  }
}

void ThreadEventLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    room_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  // Closures may own what posts again when destroyed: that finds `stopping_` and returns.
  std::deque<std::function<void()>> queue;
  std::map<std::pair<SteadyMicros, TimerId>, std::function<void()>> timers;
  std::lock_guard lock(mutex_);
  queue.swap(queue_);
  timers.swap(timers_);
  timer_times_.clear();
}

ThreadWorker::ThreadWorker(const std::string& name) {
  std::lock_guard lock(mutex_);
  thread_ = Thread(name, [this] { Main(); });
}

ThreadWorker::~ThreadWorker() { Stop(); }

void ThreadWorker::Run(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  wake_.notify_one();
}

void ThreadWorker::Main() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

void ThreadWorker::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace weir::runtime
