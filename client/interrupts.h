#pragma once

#include <atomic>
#include <csignal>
#include <thread>

namespace weir::client {

/// How often the user has asked to stop (Ctrl-C, SIGTERM). Thread: thread-safe.
class Interrupts {
 public:
  int count() const { return count_.load(); }
  void Raise() { count_.fetch_add(1); }

 private:
  std::atomic<int> count_{0};
};

/// Turns SIGINT and SIGTERM into Interrupts from its construction on, in a thread of its own.
/// Thread: construct it before any other thread starts, so that all of them have the signals
/// blocked.
class SignalThread {
 public:
  explicit SignalThread(Interrupts* interrupts);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

/// Blocks SIGINT and SIGTERM in this thread and those it starts; returns the set.
sigset_t BlockEndingSignals();
/// Waits for SIGINT or SIGTERM; they must be blocked.
void WaitForEndingSignal(const sigset_t& signals);

}  // namespace weir::client
