#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "common/batch/batch.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::contract {

constexpr int64_t kSecond = 1'000'000;
/// Of every source of a contract's job.
constexpr int64_t kMaxDelay = 5 * kSecond;

/// A row of a contract's source: schema kSchema.
struct Row {
  int64_t id = 0;  // unique in its source
  std::optional<int64_t> k;
  std::optional<std::string> s;
  std::optional<int64_t> v;
  int64_t ts = 0;
};
constexpr char kSchema[] =
    "{id: bigint not null, k: bigint, s: string, v: bigint, ts: timestamp not null}";

/// A source in the job file, of type `file`.
inline std::string SourceYaml(const std::string& name) {
  return "  " + name + ": {type: file, path: /x, format: {type: json}, schema: " + kSchema +
         ", event_time: {field: ts, max_delay: 5s}}\n";
}

/// A row that came into the world: of which source, into which of its splits.
struct Event {
  std::string source;
  int32_t split = 0;
  Row row;
};

/// A row that a sink wrote.
struct Written {
  std::string text;  // values divided by `|`
  batch::RowKind kind = batch::RowKind::kInsert;
  int64_t time = 0;  // event time; 0 without
  friend auto operator<=>(const Written&, const Written&) = default;
};

/// What lies outside of a job and outlives its attempts: the rows of its sources, of which a test
/// says how many may be read, and what its sinks have committed. Thread: confined.
class World {
 public:
  static constexpr int32_t kSplits = 3;

  explicit World(std::vector<Event> events, uint64_t seed) : rng(seed), events_(std::move(events)) {
    for (size_t e = 0; e < events_.size(); ++e)
      streams_[events_[e].source][events_[e].split].push_back(e);
  }
  const std::vector<Event>& events() const { return events_; }
  /// The first `count` events may be read.
  void Release(size_t count) { released_ = count; }
  size_t released() const { return released_; }

  /// Rows of a split, by their index in events().
  const std::vector<size_t>& Split(const std::string& source, int32_t split) {
    return streams_[source][split];
  }

  /// Makes the rows of a sealed transaction visible, once.
  void Commit(const std::string& transaction) {
    auto sealed = sealed_.find(transaction);
    if (sealed == sealed_.end()) return;
    for (Written& row : sealed->second.second)
      visible_[sealed->second.first].push_back(std::move(row));
    sealed_.erase(sealed);
  }
  std::string Seal(const std::string& sink, std::vector<Written> rows) {
    const std::string transaction = std::to_string(++transactions_);
    sealed_[transaction] = {sink, std::move(rows)};
    return transaction;
  }
  /// What nobody resolved is aborted.
  void AbortRest() { sealed_.clear(); }
  const std::vector<Written>& Visible(const std::string& sink) { return visible_[sink]; }

  /// Connectors `file` of an attempt; the world outlives them.
  ConnectorRegistry Connectors();

  /// A bounded table {k: bigint, name: string}, and the digest of what it was read from.
  std::vector<std::pair<int64_t, std::string>> table;
  std::string table_digest;

  Rng rng;
  bool whole_reads = false;  // a read takes all that may be read
  bool may_end = false;      // splits end behind their last row

 private:
  std::vector<Event> events_;
  std::map<std::string, std::map<int32_t, std::vector<size_t>>> streams_;
  size_t released_ = 0;
  int64_t transactions_ = 0;
  std::map<std::string, std::pair<std::string, std::vector<Written>>> sealed_;
  std::map<std::string, std::vector<Written>> visible_;
};

}  // namespace weir::taskmanager::contract
