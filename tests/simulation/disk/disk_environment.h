#pragma once

#include <cstdint>

namespace weir::sim {

/// What a simulated disk wants to know of the world around it. Thread: confined.
class DiskEnvironment {
 public:
  virtual ~DiskEnvironment() = default;
  /// Of the running process. A node below 0 has no disk of its own but that of the world outside.
  virtual int Node() const = 0;
  virtual int Process() const = 0;
  virtual bool Alive(int process) const = 0;
  virtual int64_t NowMicros() const = 0;
  /// Others run meanwhile; a process that is killed does not come back from it.
  virtual void Await(int64_t micros) = 0;
  /// For the trace: a fault was met.
  virtual void Report(const char* event, const char* path) {}
};

}  // namespace weir::sim
