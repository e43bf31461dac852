#include "tests/bench/memory_lines.h"

#include <time.h>

#include <array>
#include <cstring>

#include "common/base/prefetch.h"
#include "common/base/rng.h"
#include "taskmanager/state/entry_memory.h"

namespace weir::bench {
namespace {

constexpr size_t kLine = 64;
constexpr int64_t kAhead = 16;

double ThreadSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

double TwoLinesNs(size_t read_bytes, size_t changed_bytes, int64_t operations) {
  const taskmanager::EntryMemory read = taskmanager::AllocateEntries(read_bytes), changed = taskmanager::AllocateEntries(changed_bytes);
  std::memset(read.get(), 1, read_bytes);
  std::memset(changed.get(), 0, changed_bytes);
  struct Lines {
    const std::byte* read;
    std::byte* changed;
  };
  std::array<Lines, 2 * kAhead> asked = {};
  Rng rng(1);
  const auto line_of = [](uint64_t random, size_t bytes) { return (random * (bytes / kLine) >> 32) * kLine; };
  const auto ask = [&](int64_t i) {
    const uint64_t random = rng.Next();
    const Lines lines = {read.get() + line_of(random >> 32, read_bytes), changed.get() + line_of(random & 0xffffffff, changed_bytes)};
    Prefetch(lines.read);
    Prefetch(lines.changed);
    asked[static_cast<size_t>(i) % asked.size()] = lines;
  };
  const auto run = [&](int64_t count) {
    for (int64_t i = 0; i < count + kAhead; ++i) {
      if (i < count) ask(i);
      if (i < kAhead) continue;
      const Lines& lines = asked[static_cast<size_t>(i - kAhead) % asked.size()];
      uint64_t value, count;
      std::memcpy(&value, lines.read, sizeof(value));
      std::memcpy(&count, lines.changed, sizeof(count));
      count += value;
      std::memcpy(lines.changed, &count, sizeof(count));
    }
  };
  run(operations / 4);
  const double began = ThreadSeconds();
  run(operations);
  return (ThreadSeconds() - began) / static_cast<double>(operations) * 1e9;
}

}  // namespace weir::bench
