#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace weir {

/// What an error says cannot be had back by any further attempt: a transaction that a checkpoint decided and that a sink
/// cannot bring to its end. It travels as a payload of the status, whatever the message; over the wire as a field of
/// v1.Status.
enum class Loss : uint8_t {
  kNone,
  kRecords,  // DATA_LOSS: it was aborted, and its records are gone
  kOutcome,  // OUTCOME_UNKNOWN: nobody can know any more whether it was committed
};

absl::Status WithLoss(absl::Status status, Loss loss);
/// kNone: also of a status that is OK, and of damage to our own files (kDataLoss).
Loss LossOf(const absl::Status& status);

}  // namespace weir
