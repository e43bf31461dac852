#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace weir::control {

/// One transaction of a sink that is not committed, for `weir transactions` and metrics.
struct TransactionInfo {
  enum class State : uint8_t { kOpen, kSealed, kPrepared };
  std::string id;  // of the sink's system: a transactional id
  State state = State::kOpen;
  CheckpointId checkpoint{0};  // sealed and prepared ones
  int64_t opened_at_ms = 0;    // wall clock
  int64_t deadline_ms = 0;     // wall clock; 0: none
  int64_t records = 0;
  friend bool operator==(const TransactionInfo&, const TransactionInfo&) = default;
};

/// What becomes of a prepared transaction whose outcome cannot be known or repaired (`--unresolved`).
enum class UnresolvedPolicy : uint8_t {
  kFail,    // stop with DATA_LOSS or OUTCOME_UNKNOWN
  kSkip,    // leave it as it is
  kRepeat,  // re-produce what is found of it
};

/// What a sink subtask has open, and counts since its attempt began.
struct SinkTransactions {
  std::vector<TransactionInfo> open;
  int64_t commits = 0;
  int64_t repairs = 0;
  int64_t commit_micros = 0;       // sum, from pre-commit to confirmed commit
  int64_t last_commit_micros = 0;  // of the last one
  friend bool operator==(const SinkTransactions&, const SinkTransactions&) = default;
};

}  // namespace weir::control
