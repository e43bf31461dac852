#include "taskmanager/state/key_filter.h"

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/rng.h"

namespace weir::taskmanager {
namespace {

// Adds so many hashes from `rng`; returns how many of others it says yes to, in a thousand.
int Others(KeyFilter* filter, Rng* rng, int count, size_t most_bytes) {
  std::vector<uint64_t> added;
  for (int i = 0; i < count; ++i) {
    added.push_back(rng->Next());
    filter->Add(added.back(), 1000, most_bytes);
  }
  for (uint64_t hash : added) REQUIRE(filter->MayHave(hash));
  CHECK(filter->memory_bytes() <= static_cast<int64_t>(most_bytes));
  int yes = 0;
  for (int i = 0; i < 20'000; ++i) yes += filter->MayHave(rng->Next()) ? 1 : 0;
  return yes / 20;
}

TEST_CASE("a filter says yes to what it was given and to few others") {
  KeyFilter filter;
  Rng rng(1);
  CHECK(filter.empty());
  CHECK_FALSE(filter.MayHave(7));
  CHECK(Others(&filter, &rng, 50'000, 1 << 20) < 60);
  CHECK_FALSE(filter.empty());
}

TEST_CASE("a filter takes the room there is, then more than it is made for, then gives up") {
  constexpr size_t kRoom = 40 << 10;  // 30 720 hashes at 24 in 32 bytes; doubling would end at 16 000
  KeyFilter filter;
  Rng rng(2);
  CHECK(Others(&filter, &rng, 29'000, kRoom) < 60);
  CHECK(filter.memory_bytes() > static_cast<int64_t>(kRoom / 8 * 7));
  CHECK(Others(&filter, &rng, 10'000, kRoom) < 300);
  CHECK_FALSE(filter.says_yes_to_all());
  Others(&filter, &rng, 60'000, kRoom);
  CHECK(filter.says_yes_to_all());
  CHECK(filter.memory_bytes() == 0);
  CHECK(filter.MayHave(rng.Next()));
}

TEST_CASE("a filter without room says yes to all") {
  KeyFilter filter;
  filter.Add(1, 1000, 0);
  CHECK(filter.says_yes_to_all());
}

}  // namespace
}  // namespace weir::taskmanager
