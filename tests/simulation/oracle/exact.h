#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// One record of a test source: number `seq` of its split.
struct RecordId {
  int32_t split = 0;
  int64_t seq = 0;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

/// Numbers [from, to) of a split.
struct Range {
  int64_t from = 0, to = 0;
  friend bool operator==(const Range&, const Range&) = default;
};
using Ranges = std::map<int32_t, Range>;  // by split

/// O1: the output is exactly these records, each once. One violation at most, which names the first missing, doubled
/// and unexpected ones.
Violations CheckExact(const Ranges& expected, std::vector<RecordId> output, const std::string& where);

/// O1 of a job that stopped with a named error: nothing twice, nothing that was not handed out. (What is missing was
/// said.)
Violations CheckNothingTwice(const Ranges& handed_out, std::vector<RecordId> output, const std::string& where);

/// O1 of other rows: the same multiset of texts.
Violations CheckSameRows(std::vector<std::string> expected, std::vector<std::string> output, const std::string& where);

/// O2: within one output partition the records of a split come in their order.
Violations CheckOrder(const std::vector<RecordId>& partition, const std::string& where);

/// Reads `{"p":1,"s":17}` as a sink wrote it, with other fields around; false: it is no such row.
bool ParseRecord(const std::string& row, RecordId* id);

}  // namespace weir::sim
