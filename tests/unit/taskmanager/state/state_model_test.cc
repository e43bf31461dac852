// Random programs on one or several subtasks' states, compared with a map; restored again and
// again, also at other parallelisms.

#include <set>

#include "common/base/buggify.h"
#include "common/base/rng.h"
#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

struct Cluster {
  std::vector<std::unique_ptr<KeyedState>> states;

  KeyedState& Of(const std::string& key) {
    const uint16_t group = batch::KeyGroupOf(batch::HashKey(key), 128);
    return *states[static_cast<size_t>(
        batch::SubtaskOf(group, static_cast<int>(states.size()), 128))];
  }
  Contents Read() {
    Contents all;
    for (auto& state : states) {
      Contents part = ReadAll(*state, 50);
      for (auto& [key, value] : part) REQUIRE(&Of(std::get<2>(key)) == state.get());
      all.merge(part);
      REQUIRE(part.empty());
    }
    return all;
  }
};

struct Saved {
  std::vector<checkpoint::KeyedSnapshot> snapshots;
  Contents contents;
};

class Program {
 public:
  Program(const std::string& backend, uint64_t seed, int64_t budget, int64_t part = 1 << 20)
      : fixture_(backend), rng_(seed) {
    fixture_.options.memory_budget_bytes = budget;
    fixture_.options.min_delta_bytes = 20000;
    fixture_.options.max_deltas = 9;
    fixture_.options.dump_slice_bytes = 4000;
    fixture_.options.delta_part_bytes = part;
    fixture_.options.copied_at_barrier = seed % 3 == 0 ? 1000 : seed % 3 == 1 ? 0 : 30;
    Restore();
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const uint64_t what = rng_.Below(100);
      if (what < 46) {
        Write();
      } else if (what < 58) {
        Look();
      } else if (what < 68) {
        Remove();
      } else if (what < 78) {
        Drop();
      } else if (what < 96) {
        TakeCheckpoint();
      } else if (what < 98) {
        REQUIRE(cluster_.Read() == model_);
      } else {
        Restore();
      }
    }
    TakeCheckpoint();
    Restore();
  }

 private:
  // Some keys of a subtask, each once, with their places in the model.
  struct Picked {
    TableSpec spec;
    NamespaceId ns = 0;
    std::vector<std::string> keys, subkeys;
    Contents::key_type Place(size_t i) const { return {spec.name, ns, keys[i], subkeys[i]}; }
  };
  Picked Pick(size_t s) {
    Picked picked{.spec = rng_.Below(3) == 0 ? TextSpec() : CountSpec(),
                  .ns = static_cast<NamespaceId>(rng_.Below(6)) - 2};
    std::set<std::pair<std::string, std::string>> seen;
    for (uint64_t n = rng_.Below(60); n > 0; --n) {
      std::string key = "k" + std::to_string(rng_.Below(400));
      if (key.back() == '7') key += "-and-so-long-that-it-does-not-fit-the-row";
      std::string subkey = rng_.Below(4) == 0 ? "s" : "";
      if (&cluster_.Of(key) != cluster_.states[s].get()) continue;
      if (!seen.emplace(key, subkey).second) continue;
      picked.keys.push_back(key);
      picked.subkeys.push_back(subkey);
    }
    return picked;
  }
  // Slots of what was picked, compared with the model.
  std::vector<uint32_t> Found(NamespaceTable& entries, const Picked& picked) {
    const std::vector<uint32_t> slots =
        taskmanager::Find(entries, picked.keys, picked.subkeys);
    for (size_t i = 0; i < slots.size(); ++i) {
      const auto known = model_.find(picked.Place(i));
      REQUIRE((slots[i] != kNoSlot) == (known != model_.end()));
      if (slots[i] == kNoSlot) continue;
      int64_t value = 0;
      std::memcpy(&value, entries.value(slots[i]), sizeof(value));
      REQUIRE(value == known->second.first);
      if (picked.spec.has_text) REQUIRE(entries.text(slots[i]) == known->second.second);
    }
    return slots;
  }

  // Finds, and changes some of what was found.
  void Look() {
    for (size_t s = 0; s < cluster_.states.size(); ++s) {
      const Picked picked = Pick(s);
      if (picked.keys.empty()) continue;
      NamespaceTable& entries = TableOf(*cluster_.states[s], picked.spec).Open(picked.ns);
      const std::vector<uint32_t> slots = Found(entries, picked);
      for (size_t i = 0; i < slots.size(); ++i) {
        if (slots[i] == kNoSlot || rng_.Below(2) == 0) continue;
        const auto value = static_cast<int64_t>(++value_);
        std::memcpy(entries.value(slots[i]), &value, sizeof(value));
        model_[picked.Place(i)].first = value;
        if (picked.spec.has_text && rng_.Below(2) == 0) {
          model_[picked.Place(i)].second = std::string(rng_.Below(40), 'b');
          entries.set_text(slots[i], model_[picked.Place(i)].second);
        }
        entries.MarkChanged(&slots[i], 1);
      }
    }
  }

  void Remove() {
    for (size_t s = 0; s < cluster_.states.size(); ++s) {
      const Picked picked = Pick(s);
      if (picked.keys.empty()) continue;
      NamespaceTable& entries = TableOf(*cluster_.states[s], picked.spec).Open(picked.ns);
      std::vector<uint32_t> slots = Found(entries, picked);
      std::erase(slots, kNoSlot);
      entries.Remove(slots.data(), static_cast<int64_t>(slots.size()));
      for (size_t i = 0; i < picked.keys.size(); ++i) model_.erase(picked.Place(i));
    }
  }

  // Returns false when the attempt failed.
  bool Change() {
    const uint64_t what = rng_.Below(8);
    if (what == 0) Drop();
    if (what == 1) Look();
    if (what == 2) Remove();
    return what < 3 || Write();
  }

  // Returns false when the attempt failed: all is as at the last checkpoint then.
  bool Write() {
    // The storage may fail to take changes that have no room in memory.
    if (rng_.Below(20) == 0) fixture_.storage->FailNextWrites(static_cast<int>(1 + rng_.Below(3)));
    const bool with_text = rng_.Below(3) == 0;
    const TableSpec spec = with_text ? TextSpec() : CountSpec();
    const auto ns = static_cast<NamespaceId>(rng_.Below(6)) - 2;
    const auto value = static_cast<int64_t>(++value_);
    for (size_t s = 0; s < cluster_.states.size(); ++s) {
      std::vector<std::string> keys, subkeys;
      const std::string text(rng_.Below(30), 'a');
      for (uint64_t n = rng_.Below(60); n > 0; --n) {
        std::string key = "k" + std::to_string(rng_.Below(400));
        if (key.back() == '7') key += "-and-so-long-that-it-does-not-fit-the-row";
        if (&cluster_.Of(key) != cluster_.states[s].get()) continue;
        keys.push_back(key);
        subkeys.push_back(rng_.Below(4) == 0 ? "s" : "");
        model_[{spec.name, ns, key, subkeys.back()}] = {value, with_text ? text : ""};
      }
      if (keys.empty()) continue;
      const absl::Status status = TrySet(*cluster_.states[s], spec, ns, keys, value, subkeys, text).status();
      if (status.ok()) continue;
      REQUIRE(absl::IsUnavailable(status));
      fixture_.storage->FailNextWrites(0);
      Restore();
      return false;
    }
    fixture_.storage->FailNextWrites(0);
    return true;
  }

  void Drop() {
    const std::string table = rng_.Below(2) == 0 ? "count" : "least";
    const auto ns = static_cast<NamespaceId>(rng_.Below(6)) - 2;
    for (auto& state : cluster_.states)
      TableOf(*state, table == "count" ? CountSpec() : TextSpec()).Drop(ns);
    std::erase_if(model_, [&](const auto& entry) {
      return std::get<0>(entry.first) == table && std::get<1>(entry.first) == ns;
    });
  }

  void TakeCheckpoint() {
    const CheckpointId id(++checkpoint_);
    std::vector<std::unique_ptr<KeyedSnapshotWriter>> writers;
    for (auto& state : cluster_.states) writers.push_back(state->Freeze(id).value());
    // The task goes on before all is copied; it may come to the next barrier first.
    const Contents frozen = model_;
    const bool given_up = rng_.Below(8) == 0;
    for (bool copied = false; !copied;) {
      if (rng_.Below(3) == 0 && !Change()) return;
      if (given_up && rng_.Below(2) == 0) return;
      copied = true;
      for (auto& state : cluster_.states) {
        copied = state->CopyFrozen(static_cast<int64_t>(1 + rng_.Below(100))) && copied;
      }
    }
    // And before anything is written.
    if (rng_.Below(2) == 0 && !Write()) return;
    if (rng_.Below(6) == 0) {
      for (auto& state : cluster_.states) state->OnCheckpointAborted(id);
      return;
    }
    if (rng_.Below(5) == 0) fixture_.storage->FailNextWrites(static_cast<int>(1 + rng_.Below(3)));
    Saved saved{.contents = frozen};
    bool complete = true;
    for (auto& writer : writers) {
      auto snapshot = writer->Write();
      complete = complete && snapshot.ok();
      if (snapshot.ok()) saved.snapshots.push_back(*std::move(snapshot));
    }
    fixture_.storage->FailNextWrites(0);
    if (complete) saved_ = std::move(saved);
    for (auto& state : cluster_.states) {
      complete ? state->OnCheckpointComplete(id) : state->OnCheckpointAborted(id);
    }
  }

  void Restore() {
    const int parallelism = rng_.Below(2) == 0 && !cluster_.states.empty()
                                ? static_cast<int>(cluster_.states.size())
                                : static_cast<int>(1 + rng_.Below(4));
    cluster_.states.clear();
    for (int s = 0; s < parallelism; ++s) {
      cluster_.states.push_back(
          fixture_.Open(saved_.snapshots, batch::RangeOf(s, parallelism, 128)));
    }
    model_ = saved_.contents;
    REQUIRE(cluster_.Read() == model_);
  }

  StateFixture fixture_;
  Rng rng_;
  Cluster cluster_;
  Contents model_;
  Saved saved_;
  int64_t checkpoint_ = 0;
  int64_t value_ = 0;
};

}  // namespace

TEST_CASE("random programs: memory") {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    Program("memory", seed, 1 << 30).Run(250);
  }
}

TEST_CASE("random programs: memory, changes written ahead in parts") {
  for (uint64_t seed = 31; seed <= 36; ++seed) {
    INFO("seed " << seed);
    Program("memory", seed, 10000, seed % 2 == 0 ? 300 : 5000).Run(250);
  }
}

TEST_CASE("random programs: rocksdb, all in memory") { Program("rocksdb", 11, 1 << 30).Run(250); }

TEST_CASE("random programs: rocksdb, most on disk") {
  for (uint64_t seed = 21; seed <= 28; ++seed) {
    INFO("seed " << seed);
    Program("rocksdb", seed, seed % 2 == 0 ? 20000 : 60000, seed % 3 == 0 ? 300 : 5000).Run(200);
  }
}

TEST_CASE("random programs: rocksdb, most on disk, written there as sorted files") {
  static int asked;
  asked = 0;
  buggify::hook = [](std::string_view name) { return name == "database_file" && ++asked % 3 != 0; };
  for (uint64_t seed = 41; seed <= 43; ++seed) {
    INFO("seed " << seed);
    Program("rocksdb", seed, seed % 2 == 0 ? 20000 : 60000, 5000).Run(120);
  }
  buggify::hook = nullptr;
  CHECK(asked > 100);
}

}  // namespace weir::taskmanager
