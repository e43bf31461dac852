#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "catch2/catch.hpp"
#include "taskmanager/state/state_factory.h"
#include "tests/support/memory_storage.h"

namespace weir::taskmanager {

/// Keys made by hand: any bytes will do.
inline batch::KeyBatch KeysOf(const std::vector<std::string>& keys) {
  batch::KeyBatch out;
  out.offsets.push_back(0);
  for (const std::string& key : keys) {
    out.bytes += key;
    out.offsets.push_back(static_cast<uint32_t>(out.bytes.size()));
    out.hashes.push_back(batch::HashKey(key));
  }
  return out;
}

inline std::vector<uint32_t> AllRows(size_t n) {
  std::vector<uint32_t> rows(n);
  for (size_t i = 0; i < n; ++i) rows[i] = static_cast<uint32_t>(i);
  return rows;
}

/// (table, namespace, key, subkey) -> (value, text)
using Contents = std::map<std::tuple<std::string, NamespaceId, std::string, std::string>,
                          std::pair<int64_t, std::string>>;

/// The two tables that the tests use.
inline TableSpec CountSpec() { return {"count", 8, false}; }
inline TableSpec TextSpec() { return {"least", 16, true}; }

/// One subtask's state with storage and folder of its own.
class StateFixture {
 public:
  explicit StateFixture(std::string backend) {
    std::string name = (std::filesystem::temp_directory_path() / "weir-state-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    options.backend = std::move(backend);
    options.range = {0, 128};
  }
  ~StateFixture() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  absl::StatusOr<std::unique_ptr<KeyedState>> TryOpen(
      std::vector<checkpoint::KeyedSnapshot> restored, batch::KeyGroupRange range = {0, 128}) {
    KeyedStateOptions o = options;
    o.range = range;
    o.local_dir = folder_ + "/" + std::to_string(++opened_);
    o.storage_prefix = "job/state/" + std::to_string(opened_) + "/";
    return OpenKeyedState(o, storage, std::move(restored));
  }
  std::unique_ptr<KeyedState> Open(std::vector<checkpoint::KeyedSnapshot> restored = {},
                                   batch::KeyGroupRange range = {0, 128}) {
    auto state = TryOpen(std::move(restored), range);
    INFO(state.status().ToString());
    REQUIRE(state.ok());
    return *std::move(state);
  }
  const std::string& folder() const { return folder_; }

  KeyedStateOptions options;
  std::shared_ptr<tests::MemoryStorage> storage = std::make_shared<tests::MemoryStorage>();

 private:
  std::string folder_;
  int opened_ = 0;
};

inline KeyedTable& TableOf(KeyedState& state, const TableSpec& spec) {
  auto table = state.OpenTable(spec);
  INFO(table.status().ToString());
  REQUIRE(table.ok());
  return **table;
}

/// Sets entries of one namespace; returns how many were new.
inline absl::StatusOr<int> TrySet(KeyedState& state, const TableSpec& spec, NamespaceId ns,
                                  const std::vector<std::string>& keys, int64_t value,
                                  const std::vector<std::string>& subkeys = {}, const std::string& text = "") {
  NamespaceTable& entries = TableOf(state, spec).Open(ns);
  const batch::KeyBatch k = KeysOf(keys);
  const batch::KeyBatch s = KeysOf(subkeys);
  const std::vector<uint32_t> rows = AllRows(keys.size());
  std::vector<uint32_t> slots(keys.size());
  std::vector<uint8_t> inserted(keys.size());
  const absl::Status status =
      entries.FindOrInsert(k, subkeys.empty() ? nullptr : &s, rows.data(),
                           static_cast<int64_t>(rows.size()), slots.data(), inserted.data());
  if (!status.ok()) return status;
  int made = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    std::memcpy(entries.value(slots[i]), &value, sizeof(value));
    if (spec.has_text) entries.set_text(slots[i], text);
    made += inserted[i];
  }
  return made;
}

inline int Set(KeyedState& state, const TableSpec& spec, NamespaceId ns, const std::vector<std::string>& keys,
               int64_t value, const std::vector<std::string>& subkeys = {}, const std::string& text = "") {
  const absl::StatusOr<int> made = TrySet(state, spec, ns, keys, value, subkeys, text);
  INFO(made.status().ToString());
  REQUIRE(made.ok());
  return *made;
}

inline std::vector<std::string> Numbered(int from, int to) {
  std::vector<std::string> keys;
  for (int i = from; i < to; ++i) keys.push_back("key-" + std::to_string(i));
  return keys;
}

/// Slots of entries; kNoSlot where there is none.
inline std::vector<uint32_t> Find(NamespaceTable& entries, const std::vector<std::string>& keys,
                                  const std::vector<std::string>& subkeys = {}) {
  const batch::KeyBatch k = KeysOf(keys);
  const batch::KeyBatch s = KeysOf(subkeys);
  const std::vector<uint32_t> rows = AllRows(keys.size());
  std::vector<uint32_t> slots(keys.size());
  const absl::Status status = entries.Find(k, subkeys.empty() ? nullptr : &s, rows.data(),
                                           static_cast<int64_t>(rows.size()), slots.data());
  INFO(status.ToString());
  REQUIRE(status.ok());
  return slots;
}

/// Removes those of the entries that there are; returns how many.
inline int Remove(NamespaceTable& entries, const std::vector<std::string>& keys,
                  const std::vector<std::string>& subkeys = {}) {
  std::vector<uint32_t> slots = Find(entries, keys, subkeys);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  if (!slots.empty() && slots.back() == kNoSlot) slots.pop_back();
  entries.Remove(slots.data(), static_cast<int64_t>(slots.size()));
  return static_cast<int>(slots.size());
}

/// All that a state holds, read by scans of small pages.
inline Contents ReadAll(KeyedState& state, int64_t page_size = 7) {
  Contents all;
  for (const TableSpec& spec : {CountSpec(), TextSpec()}) {
    KeyedTable& table = TableOf(state, spec);
    for (NamespaceId ns : table.Namespaces()) {
      NamespaceTable* entries = table.Find(ns);
      REQUIRE(entries != nullptr);
      uint64_t cursor = 0;
      NamespaceTable::Page page;
      do {
        const absl::Status status = entries->Scan(&cursor, page_size, &page);
        INFO(status.ToString());
        REQUIRE(status.ok());
        REQUIRE(static_cast<int64_t>(page.keys.size()) <= page_size);
        for (size_t i = 0; i < page.keys.size(); ++i) {
          int64_t value = 0;
          std::memcpy(&value, page.values[i], sizeof(value));
          const std::string text(spec.has_text ? page.texts[i] : "");
          const bool fresh = all.emplace(std::tuple(spec.name, ns, std::string(page.keys[i]),
                                                    std::string(page.subkeys[i])),
                                         std::pair(value, text))
                                 .second;
          REQUIRE(fresh);
        }
      } while (!page.last);
    }
  }
  return all;
}

/// Freezes, and copies all.
inline std::unique_ptr<KeyedSnapshotWriter> Freeze(KeyedState& state, int64_t id) {
  auto writer = state.Freeze(CheckpointId(id));
  REQUIRE(writer.ok());
  REQUIRE(state.CopyFrozen(std::numeric_limits<int64_t>::max()));
  return *std::move(writer);
}

inline checkpoint::KeyedSnapshot Checkpoint(KeyedState& state, int64_t id) {
  auto snapshot = Freeze(state, id)->Write();
  INFO(snapshot.status().ToString());
  REQUIRE(snapshot.ok());
  return *std::move(snapshot);
}

}  // namespace weir::taskmanager
