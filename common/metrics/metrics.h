#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weir::metrics {

/// `{{"job", "a"}, {"task", "b"}}`. The order does not matter.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A number that only grows. Thread: thread-safe, lock-free.
class Counter {
 public:
  void Add(int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  void Increment() { Add(1); }
  /// For a count that is kept elsewhere and copied here.
  void Set(int64_t n) { value_.store(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

/// A number that goes up and down. Thread: thread-safe, lock-free.
class Gauge {
 public:
  void Set(double v) { value_.store(v, std::memory_order_relaxed); }
  void Add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// The metrics of one process, by name and labels.
///
/// Thread:  thread-safe; only looking a metric up takes the lock, so look it up once and keep the
/// pointer. Shape:   a name has one kind and one help text, those of its first use; asking for it
/// as another kind aborts.
///          A series lives while somebody holds its pointer: the series of a subtask go away with
///          it.
/// Units:   in the name: `_bytes`, `_seconds`, `_total` for counters.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  std::shared_ptr<Counter> GetCounter(const std::string& name, const std::string& help,
                                      Labels labels = {});
  std::shared_ptr<Gauge> GetGauge(const std::string& name, const std::string& help,
                                  Labels labels = {});

  /// `collect` runs at the beginning of each Text(), before the lock is taken: it updates what is
  /// cheaper to read when asked than to keep up to date. It ends with the handle that is returned;
  /// the handle's destructor waits for a call under way.
  std::shared_ptr<void> OnCollect(std::function<void()> collect);

  /// All series in the Prometheus text format, version 0.0.4, ordered by name and labels.
  std::string Text();

 private:
  struct Family {
    bool counter = false;
    std::string help;
    std::map<std::string, std::weak_ptr<Counter>> counters;  // by rendered labels
    std::map<std::string, std::weak_ptr<Gauge>> gauges;
  };
  struct Collector;
  Family& FamilyOf(const std::string& name, const std::string& help, bool counter);

  std::mutex mutex_;
  std::map<std::string, Family> families_;
  std::vector<std::weak_ptr<Collector>> collectors_;
};

}  // namespace weir::metrics
