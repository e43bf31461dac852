#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "common/base/clock.h"

/// Threads, locks and sleeping of everything that may run in the simulator (tests/simulation): those of the
/// standard library in production; fibers of one thread in virtual time while a Scheduler is installed.
namespace weir::runtime {

/// The threads that wait for something, in the order they came. A scheduler's own.
struct WaitList {
  void* first = nullptr;
  void* last = nullptr;
};

/// Runs threads as fibers. Installed before the first of the types below is made, removed after the last is gone.
/// Thread: everything on the one thread that runs the simulation.
class Scheduler {
 public:
  static constexpr SteadyMicros kNever = INT64_MAX;
  virtual ~Scheduler() = default;
  /// Starts a fiber in the process of the running one; never 0.
  virtual uint64_t Spawn(std::string_view name, std::function<void()> main) = 0;
  virtual void Join(uint64_t thread) = 0;
  /// 0 outside of all fibers.
  virtual uint64_t Current() const = 0;
  /// Waits in `list`, for `micros` of the process's clock at most. False when the time was over.
  virtual bool Block(WaitList* list, SteadyMicros micros) = 0;
  virtual void Wake(WaitList* list, bool all) = 0;
  virtual void Sleep(SteadyMicros micros) = 0;
  /// A place where a thread could lose the processor: others may come first.
  virtual void MayYield() = 0;
  /// A piece of work is done that took the processor for a while.
  virtual void Worked() = 0;
};

/// Null in production.
inline Scheduler* scheduler = nullptr;

/// std::mutex. Thread: thread-safe; not recursive.
class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() {
    if (scheduler == nullptr) [[likely]] {
      mutex_.lock();
      return;
    }
    scheduler->MayYield();
    while (held_) scheduler->Block(&waiters_, Scheduler::kNever);
    held_ = true;
  }
  bool try_lock() {
    if (scheduler == nullptr) [[likely]] return mutex_.try_lock();
    return !std::exchange(held_, true);
  }
  void unlock() {
    if (scheduler == nullptr) [[likely]] {
      mutex_.unlock();
      return;
    }
    held_ = false;  // and no yield: a wait lies between this and its block
    if (waiters_.first != nullptr) scheduler->Wake(&waiters_, false);
  }

 private:
  friend class ConditionVariable;
  std::mutex mutex_;
  bool held_ = false;
  WaitList waiters_;
};

/// std::condition_variable. Thread: thread-safe. Wakes without a cause, too.
class ConditionVariable {
 public:
  ConditionVariable() = default;
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;

  void notify_one() { Notify(false); }
  void notify_all() { Notify(true); }

  void wait(std::unique_lock<Mutex>& lock) {
    if (scheduler == nullptr) [[likely]] {
      std::unique_lock<std::mutex> inner(lock.mutex()->mutex_, std::adopt_lock);
      changed_.wait(inner);
      inner.release();
      return;
    }
    lock.unlock();
    scheduler->Block(&waiters_, Scheduler::kNever);
    lock.lock();
  }
  template <typename Ready>
  void wait(std::unique_lock<Mutex>& lock, Ready ready) {
    while (!ready()) wait(lock);
  }
  /// False when the time was over.
  template <typename Rep, typename Period>
  bool wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> time) {
    return WaitFor(lock, std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  }
  /// What `ready` says at the end.
  template <typename Rep, typename Period, typename Ready>
  bool wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> time, Ready ready) {
    const SteadyMicros micros = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    if (scheduler == nullptr) [[likely]] {
      std::unique_lock<std::mutex> inner(lock.mutex()->mutex_, std::adopt_lock);
      const bool is_ready = changed_.wait_for(inner, std::chrono::microseconds(micros), ready);
      inner.release();
      return is_ready;
    }
    // Spurious wakes are rare there and may start the time anew.
    while (!ready()) {
      if (!WaitFor(lock, micros)) return ready();
    }
    return true;
  }

 private:
  void Notify(bool all) {
    if (scheduler == nullptr) [[likely]] {
      if (all) {
        changed_.notify_all();
      } else {
        changed_.notify_one();
      }
    } else if (waiters_.first != nullptr) {
      scheduler->Wake(&waiters_, all);
    }
  }
  bool WaitFor(std::unique_lock<Mutex>& lock, SteadyMicros micros) {
    bool woken;
    if (scheduler == nullptr) [[likely]] {
      std::unique_lock<std::mutex> inner(lock.mutex()->mutex_, std::adopt_lock);
      woken = changed_.wait_for(inner, std::chrono::microseconds(micros)) == std::cv_status::no_timeout;
      inner.release();
    } else {
      lock.unlock();
      woken = scheduler->Block(&waiters_, micros);
      lock.lock();
    }
    return woken;
  }

  std::condition_variable changed_;
  WaitList waiters_;
};

/// Compares equal for the same running thread.
using ThreadId = uint64_t;
/// Never 0.
ThreadId CurrentThread();

/// std::thread with a name (its first 15 characters are shown by the system). Join it before its end.
class Thread {
 public:
  Thread() = default;
  Thread(std::string_view name, std::function<void()> main);
  Thread(Thread&& other) noexcept { *this = std::move(other); }
  Thread& operator=(Thread&& other) noexcept {
    thread_ = std::move(other.thread_);
    fiber_ = std::exchange(other.fiber_, 0);
    return *this;
  }
  bool joinable() const { return fiber_ != 0 || thread_.joinable(); }
  void join() {
    if (fiber_ != 0) {
      scheduler->Join(std::exchange(fiber_, 0));
    } else {
      thread_.join();
    }
  }
  /// What CurrentThread is there.
  ThreadId id();

 private:
  std::thread thread_;
  uint64_t fiber_ = 0;
};

/// Not under a lock that others need.
void SleepFor(SteadyMicros micros);
inline void SleepUntil(const Clock& clock, SteadyMicros at) {
  if (const SteadyMicros now = clock.Steady(); at > now) SleepFor(at - now);
}

/// Says, after a piece of work in a loop that need not wait, that time has passed. Nothing in production.
inline void Worked() {
  if (scheduler != nullptr) [[unlikely]] scheduler->Worked();
}

}  // namespace weir::runtime
