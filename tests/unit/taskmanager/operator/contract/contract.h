#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/taskmanager/operator/contract/job_run.h"
#include "tests/unit/taskmanager/operator/contract/world.h"

// The contract that every stateful operator keeps: what its job writes is what a model makes of the
// rows, whatever the parallelism, the cuts into batches, the order in which tasks run, the
// checkpoints, crashes, restores and rescalings.

namespace weir::taskmanager::contract {

/// A row with the watermark that the operator under test had when the row came, the time of day,
/// and the batch it came in (kQuiet only).
struct Fed {
  const Event* event;
  int64_t watermark;
  int64_t clock = 0;
  int64_t batch = 0;
  bool is_behind(int64_t time) const {
    return watermark != batch::kMinTimestamp && time <= watermark;
  }
  const Row& row() const { return event->row; }
};
using History = std::vector<Fed>;

struct Expected {
  std::vector<std::string> rows;  // of the sink `out`; with `key`, the last of each key
  int64_t late = 0;
  std::vector<std::string> late_rows;  // of the sink `late`, when the contract has one
};

struct Contract {
  /// `operators:` and `sinks:` of the job file; the sink `out` is what is judged.
  std::string nodes;
  std::vector<std::string> sources = {"a"};
  std::vector<std::pair<int64_t, std::string>> table;  // of a lookup_join
  /// The operator whose watermark judges rows.
  std::string judge = "w";
  std::function<Expected(const History&)> model;
  /// Results are updated: the part of a row's text by which the last one stands. Not set: every row
  /// counts.
  std::function<std::string(const std::string&)> key;
  /// Instead of `model`, where it depends on when rows came: looks at the rows of `out`.
  std::function<void(const History&, const std::vector<std::string>&)> check;
  bool row_kinds = false;    // the first row of a key is an insert, others are update_after
  bool counts_late = true;   // late rows are in the counters
  bool late_allowed = true;  // the model knows what becomes of late rows
  bool late_sink = false;    // there is a sink `late`
  bool quiet_only = false;   // results depend on the watermark that a row finds
  /// Rounds the sources' times: coarse makes ties.
  int64_t tick = kSecond / 2;
  int keys = 6;
  int events = 260;
};

enum class Mode {
  kQuiet,   // batch by batch, the next when all has come to rest: late rows are judged exactly
  kRacing,  // every task at its own pace, no late rows
};
struct Setting {
  Mode mode = Mode::kQuiet;
  std::string backend = "memory";
  int64_t state_memory = int64_t{64} << 20;
  int parallelism = 0;    // 0: another one at each start
  bool calm = false;      // kRacing: no checkpoint, no crash
  uint64_t schedule = 0;  // others: the same rows, otherwise played
};

/// Runs the job of a contract through random checkpoints, crashes and rescalings and compares.
void Keep(const Contract& contract, uint64_t seed, const Setting& setting);

/// Both modes over `runs` seeds, a few of them with state that does not fit in memory. `make` makes
/// a random contract.
void KeepAll(const std::function<Contract(Rng&)>& make, int runs);

/// Whatever their order; says what is missing and what is too much.
void CheckSameRows(std::vector<std::string> rows, std::vector<std::string> wanted);

std::string Text(const std::optional<int64_t>& value);
std::string Text(const std::optional<std::string>& value);
std::string TimeText(int64_t micros);
/// All columns of kSchema.
std::string Text(const Row& row);
/// The values of a row's text.
std::vector<std::string> Values(const std::string& text);
/// All but the last `count` values of a row's text.
std::string WithoutLast(const std::string& text, int count);
/// Canonical bytes of the whole row, which break ties.
std::string CanonicalBytes(const Row& row);
inline int64_t FloorTo(int64_t t, int64_t unit) {
  return (t >= 0 ? t / unit : -((-t + unit - 1) / unit)) * unit;
}

}  // namespace weir::taskmanager::contract
