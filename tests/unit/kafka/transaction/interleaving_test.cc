// A job's sink against the model through random crashes, pauses, timeouts and zombies: at the end every record is there
// exactly once, and those of a key in their order.
#include <algorithm>
#include <catch2/catch.hpp>

#include "common/base/rng.h"
#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

constexpr int kSubtasks = 2;
constexpr int kKeys = 3;  // of each subtask
constexpr int64_t kSlots = 6;
constexpr int64_t kLateSlot = 100;  // of zombies

struct Checkpoint {
  int64_t id = 0;
  std::vector<int64_t> positions = std::vector<int64_t>(kSubtasks, 0);
  std::vector<KafkaHandle> handles;  // all unresolved ones, in checkpoint order per subtask
};

class World {
 public:
  explicit World(uint64_t seed) : rng_(seed) {}

  void Run(int attempts) {
    for (int i = 0; i < attempts; ++i) RunAttempt(0);
    calm_ = true;
    Recovery last(&cluster_, ++attempt_);
    REQUIRE(last.Resolve(complete_.handles).ok());
    REQUIRE(last.Sweep().ok());
    cluster_.Settle();
    CHECK(cluster_.Open().empty());
    Verify();
  }
  int64_t repaired() const { return repaired_; }
  int64_t records() const { return complete_.positions[0] + complete_.positions[1]; }

 private:
  bool Chance(double p) { return !calm_ && rng_.Below(1'000) < static_cast<uint64_t>(p * 1'000); }
  int64_t Below(int64_t n) { return static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(n))); }

  /// Recovery, then some checkpoints until something kills it.
  void RunAttempt(int depth) {
    const int64_t attempt = ++attempt_;
    Recovery recovery(&cluster_, attempt);
    bool overtaken = false;
    recovery.process.on_call = [&](const std::string&, bool) {
      if (Chance(0.02)) recovery.process.dead = true;
      if (Chance(0.03)) cluster_.AdvanceMillis(Below(8'000));
      if (Chance(0.2)) cluster_.Settle();
      if (Chance(0.05)) Zombie();
      if (depth < 2 && !overtaken && Chance(0.02)) {
        // This one is paused; it was given up, and the next attempt runs meanwhile. Then it goes on.
        overtaken = true;
        RunAttempt(depth + 1);
      }
    };
    const absl::Status resolved = recovery.Resolve(complete_.handles);
    INFO(resolved.ToString());
    REQUIRE_FALSE(absl::IsDataLoss(resolved));
    REQUIRE_FALSE(absl::IsFailedPrecondition(resolved));
    REQUIRE(resolved.code() != absl::StatusCode::kInternal);
    repaired_ += recovery.counts.repaired;
    if (!resolved.ok() || !recovery.Sweep().ok() || overtaken) return;
    Live(attempt);
  }

  void Live(int64_t attempt) {
    std::vector<int64_t> positions = complete_.positions;
    std::vector<KafkaHandle> pending;
    for (int round = 0; round < 4; ++round) {
      const int64_t id = ++checkpoint_;
      for (int32_t subtask = 0; subtask < kSubtasks; ++subtask) {
        std::vector<KafkaRecord> records;
        for (int64_t n = Below(5); n > 0; --n) {
          const int64_t position = positions[static_cast<size_t>(subtask)]++;
          records.push_back(Record(Key(subtask, position), std::to_string(position), Partition(subtask, position)));
        }
        if (records.empty()) continue;
        const int64_t timeout = Chance(0.4) ? 5'000 : 600'000;
        const std::string tid = Tid(attempt, subtask, FreeSlot(attempt, subtask, pending));
        if (Chance(0.05)) {
          Open(cluster_, tid, records, timeout);
          return;  // dies while it is open
        }
        pending.push_back(Prepare(cluster_, tid, id, records, timeout));
        if (Chance(0.05)) return;  // dies before the decision
      }
      if (Chance(0.15)) continue;  // the checkpoint fails, the job goes on
      complete_ = {id, positions, pending};
      if (Chance(0.3)) committers_.push_back(pending);
      if (Chance(0.2)) cluster_.AdvanceMillis(Below(20'000));
      while (!pending.empty()) {
        if (Chance(0.1)) return;  // dies between decision and commit, or between two commits
        KafkaHandle& first = pending.front();
        KafkaError error = cluster_.EndTxn(first.transactional_id, first.identity, true);
        if (error == kConcurrentTransactions) {
          cluster_.Settle();
          error = cluster_.EndTxn(first.transactional_id, first.identity, true);
        }
        if (error != kNone) return;  // fails the attempt
        pending.erase(pending.begin());
      }
      if (Chance(0.1)) Zombie();
    }
  }

  /// Somebody of an older attempt comes back: commits what was decided, or opens what nobody will ever commit.
  void Zombie() {
    if (!committers_.empty() && Chance(0.7)) {
      const auto which = static_cast<size_t>(Below(static_cast<int64_t>(committers_.size())));
      for (const KafkaHandle& handle : committers_[which]) {
        if (cluster_.EndTxn(handle.transactional_id, handle.identity, true) != kNone) break;
      }
      committers_.erase(committers_.begin() + static_cast<int64_t>(which));
      return;
    }
    if (attempt_ < 2) return;
    Open(cluster_, Tid(1 + Below(attempt_ - 1), 0, static_cast<int32_t>(kLateSlot + Below(3))),
         {Record(Key(0, 0), "zombie", Partition(0, 0))}, 30'000);
  }

  /// A slot is free when no unresolved handle, and no handle of the last complete checkpoint, is on it.
  int32_t FreeSlot(int64_t attempt, int32_t subtask, const std::vector<KafkaHandle>& pending) {
    const auto used = [&](const std::string& tid) {
      const auto is = [&](const KafkaHandle& handle) { return handle.transactional_id == tid; };
      return std::any_of(pending.begin(), pending.end(), is) ||
             std::any_of(complete_.handles.begin(), complete_.handles.end(), is);
    };
    for (int32_t slot = 0;; ++slot) {
      if (used(Tid(attempt, subtask, slot))) continue;
      REQUIRE(slot < kSlots);
      return slot;
    }
  }

  static std::string Key(int32_t subtask, int64_t position) {
    return absl::StrCat("s", subtask, "k", position % kKeys);
  }
  static int32_t Partition(int32_t subtask, int64_t position) {
    return static_cast<int32_t>((subtask + position % kKeys) % KafkaModel::kPartitions);
  }

  void Verify() {
    std::map<std::string, std::vector<int64_t>> seen;
    for (int32_t partition = 0; partition < KafkaModel::kPartitions; ++partition) {
      for (const KafkaRecord& record : cluster_.Committed(kTopic, partition)) {
        REQUIRE(record.value != "zombie");
        seen[record.key].push_back(std::stoll(record.value));
      }
    }
    std::map<std::string, std::vector<int64_t>> expected;
    for (int32_t subtask = 0; subtask < kSubtasks; ++subtask) {
      for (int64_t position = 0; position < complete_.positions[static_cast<size_t>(subtask)]; ++position) {
        expected[Key(subtask, position)].push_back(position);
      }
    }
    CHECK(seen == expected);
  }

  Rng rng_;
  KafkaModel cluster_;
  bool calm_ = false;
  int64_t attempt_ = 0;
  int64_t checkpoint_ = 0;
  int64_t repaired_ = 0;
  Checkpoint complete_;
  std::vector<std::vector<KafkaHandle>> committers_;  // zombies that will commit these
};

TEST_CASE("after any sequence of crashes every record is there exactly once, in order per key") {
  int64_t repaired = 0, records = 0;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    world.Run(12);
    repaired += world.repaired();
    records += world.records();
  }
  CHECK(repaired > 500);  // the dangerous paths were walked
  CHECK(records > 20'000);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
