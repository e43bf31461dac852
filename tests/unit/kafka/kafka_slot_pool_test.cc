#include "taskmanager/connector/kafka/sink/slot_pool.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <vector>

#include "common/base/rng.h"

namespace weir::taskmanager::kafka {
namespace {

using State = SlotPool::State;

int OpenOne(SlotPool& pool) {
  if (pool.warm() == 0) {
    const auto slot = pool.BeginWarming();
    REQUIRE(slot);
    REQUIRE(pool.Warmed(*slot).ok());
  }
  const auto slot = pool.Open();
  REQUIRE(slot);
  return *slot;
}

int PrepareOne(SlotPool& pool, int64_t checkpoint) {
  const int slot = OpenOne(pool);
  REQUIRE(pool.Seal(slot, CheckpointId{checkpoint}).ok());
  REQUIRE(pool.Prepare(slot).ok());
  return slot;
}

TEST_CASE("a slot goes through its life in order", "[slot_pool]") {
  SlotPool pool(2);
  CHECK(pool.state(0) == State::kFree);
  CHECK_FALSE(pool.Open());
  REQUIRE(pool.BeginWarming() == 0);
  CHECK(pool.state(0) == State::kWarming);
  CHECK_FALSE(pool.Open());
  REQUIRE(pool.Warmed(0).ok());
  CHECK(pool.warm() == 1);
  REQUIRE(pool.Open() == 0);
  CHECK(pool.warm() == 0);
  CHECK(pool.state(0) == State::kOpen);
  REQUIRE(pool.Seal(0, CheckpointId{7}).ok());
  CHECK(pool.state(0) == State::kSealed);
  CHECK(pool.checkpoint(0) == CheckpointId{7});
  REQUIRE(pool.Prepare(0).ok());
  CHECK(pool.state(0) == State::kPrepared);
  REQUIRE(pool.Commit(0).ok());
  CHECK(pool.state(0) == State::kCommitted);
}

TEST_CASE("nothing is initialised from open to committed", "[slot_pool]") {
  SlotPool pool(1);
  OpenOne(pool);
  CHECK_FALSE(pool.BeginWarming());
  REQUIRE(pool.Seal(0, CheckpointId{1}).ok());
  CHECK_FALSE(pool.BeginWarming());
  REQUIRE(pool.Prepare(0).ok());
  CHECK_FALSE(pool.BeginWarming());
  REQUIRE(pool.Commit(0).ok());
  CHECK_FALSE(pool.BeginWarming());
}

TEST_CASE("a committed slot is free only when a later transaction, prepared after the commit, is committed",
          "[slot_pool]") {
  SlotPool pool(4);
  const int first = PrepareOne(pool, 1);
  // Prepared before the first was committed: its checkpoint still lists the first one's handle.
  const int second = PrepareOne(pool, 2);
  REQUIRE(pool.Commit(first).ok());
  CHECK(pool.state(first) == State::kCommitted);
  REQUIRE(pool.Commit(second).ok());
  CHECK(pool.state(first) == State::kCommitted);
  const int third = PrepareOne(pool, 3);
  CHECK(pool.state(first) == State::kCommitted);
  REQUIRE(pool.Commit(third).ok());
  CHECK(pool.state(first) == State::kFree);
  CHECK(pool.state(second) == State::kFree);
  CHECK(pool.state(third) == State::kCommitted);
}

TEST_CASE("a checkpoint that fails holds its slot until a later one is committed", "[slot_pool]") {
  SlotPool pool(5);
  const int failed = PrepareOne(pool, 1);
  const int next = PrepareOne(pool, 2);
  CHECK(pool.state(failed) == State::kPrepared);
  REQUIRE(pool.Commit(failed).ok());  // with checkpoint 2
  REQUIRE(pool.Commit(next).ok());
  const int later = PrepareOne(pool, 3);
  REQUIRE(pool.Commit(later).ok());
  CHECK(pool.state(failed) == State::kFree);
  CHECK(pool.state(next) == State::kFree);
}

TEST_CASE("the longest warm slot is opened first", "[slot_pool]") {
  SlotPool pool(3);
  REQUIRE(pool.BeginWarming() == 0);
  REQUIRE(pool.BeginWarming() == 1);
  REQUIRE(pool.Warmed(1).ok());
  REQUIRE(pool.Warmed(0).ok());
  CHECK(pool.Open() == 1);
  CHECK(pool.Open() == 0);
  CHECK_FALSE(pool.Open());
}

TEST_CASE("warm slots cool down", "[slot_pool]") {
  SlotPool pool(2);
  REQUIRE(pool.BeginWarming() == 0);
  REQUIRE(pool.Cool(0).ok());
  CHECK(pool.state(0) == State::kFree);
  REQUIRE(pool.BeginWarming() == 0);
  REQUIRE(pool.Warmed(0).ok());
  REQUIRE(pool.Cool(0).ok());
  CHECK(pool.warm() == 0);
  CHECK_FALSE(pool.Open());
  CHECK(pool.BeginWarming() == 0);
}

TEST_CASE("wrong transitions are named", "[slot_pool]") {
  SlotPool pool(1);
  CHECK(pool.Warmed(0).message() == "slot 0 is free, it cannot become warm");
  CHECK_FALSE(pool.Seal(0, CheckpointId{1}).ok());
  CHECK_FALSE(pool.Prepare(0).ok());
  CHECK_FALSE(pool.Commit(0).ok());
  CHECK_FALSE(pool.Cool(0).ok());
  OpenOne(pool);
  CHECK_FALSE(pool.Cool(0).ok());
  CHECK_FALSE(pool.Prepare(0).ok());
  CHECK(pool.Commit(0).message() == "slot 0 is open, it cannot become committed");
}

/// A life of checkpoints that complete, fail and overlap. The list of a checkpoint is made at its pre-commit, as the
/// runtime does; a slot must not be free while the last complete checkpoint lists it uncommitted or not.
TEST_CASE("no slot is initialised that a restore could ask for", "[slot_pool]") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    const int tolerable = 3;
    SlotPool pool(2 * (1 + tolerable) + 4);
    std::vector<int> pending;                         // prepared, not committed, in order
    std::map<int64_t, std::set<int>> listed;          // by checkpoint
    std::set<int> last_complete;                      // what a restore would ask for
    int failures = 0;
    for (int64_t checkpoint = 1; checkpoint <= 60; ++checkpoint) {
      // The warmer, at any time: two are kept.
      while (pool.warm() < 2) {
        const auto slot = pool.BeginWarming();
        if (!slot) break;
        CHECK(last_complete.count(*slot) == 0);
        for (int p : pending) CHECK(p != *slot);
        REQUIRE(pool.Warmed(*slot).ok());
      }
      const bool has_rows = rng.Below(4) != 0;
      if (has_rows) {
        const auto slot = pool.Open();
        REQUIRE(slot);  // never out of slots as long as failures are tolerable
        REQUIRE(pool.Seal(*slot, CheckpointId{checkpoint}).ok());
        REQUIRE(pool.Prepare(*slot).ok());
        pending.push_back(*slot);
      }
      listed[checkpoint] = std::set<int>(pending.begin(), pending.end());
      if (failures < tolerable && rng.Below(3) == 0) {
        ++failures;
        continue;
      }
      failures = 0;
      last_complete = listed[checkpoint];
      while (!pending.empty()) {
        REQUIRE(pool.Commit(pending.front()).ok());
        pending.erase(pending.begin());
      }
    }
  }
}

}  // namespace
}  // namespace weir::taskmanager::kafka
