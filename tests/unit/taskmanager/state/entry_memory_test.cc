#include "taskmanager/state/entry_memory.h"

#include <cstdint>
#include <cstring>

#include "catch2/catch.hpp"

namespace weir::taskmanager {
namespace {

// One number in each 4 KB.
void Fill(RowMemory& memory, size_t from, size_t to) {
  for (size_t at = from; at < to; at += 4096) std::memcpy(memory.at() + at, &at, sizeof(at));
}
bool Holds(const RowMemory& memory, size_t from, size_t to) {
  for (size_t at = from; at < to; at += 4096) {
    if (std::memcmp(memory.at() + at, &at, sizeof(at)) != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("memory for rows keeps its contents while it grows, from a small piece to ranges of addresses") {
  RowMemory memory;
  CHECK(memory.size() == 0);
  size_t filled = 0;
  // Each time half as much again: from a small piece to a range of some 30 MB, then to a larger one.
  for (size_t bytes = 300; bytes < size_t{100} << 20; bytes += bytes / 2) {
    memory.Grow(bytes);
    REQUIRE(memory.size() >= bytes);
    REQUIRE(memory.size() < bytes * 4);
    REQUIRE(reinterpret_cast<uintptr_t>(memory.at()) % (bytes > kHugePage ? kHugePage : kCacheLine) == 0);
    REQUIRE(Holds(memory, 0, filled));
    const size_t end = bytes / 4096 * 4096;
    Fill(memory, filled, end);
    filled = end;
  }
  const std::byte* at = memory.at();
  const size_t size = memory.size();
  memory.Grow(100);
  CHECK(memory.at() == at);
  CHECK(memory.size() == size);

  // What is not given back is still there, wherever the object goes.
  const size_t half = filled / 8192 * 4096;
  memory.GiveBackBefore(half);
  RowMemory moved(std::move(memory));
  CHECK(moved.at() == at);
  CHECK(Holds(moved, half, filled));
  memory = RowMemory();
  CHECK(memory.at() == nullptr);
  memory.Grow(64);
  memory = std::move(moved);
  CHECK(memory.at() == at);
  CHECK(memory.size() == size);
  CHECK(Holds(memory, half, filled));
}

TEST_CASE("small memory has nothing to give back") {
  RowMemory memory;
  memory.GiveBackBefore(1 << 20);
  memory.Grow(10000);
  Fill(memory, 0, 8192);
  memory.GiveBackBefore(8192);
  CHECK(Holds(memory, 0, 8192));
}

}  // namespace weir::taskmanager
