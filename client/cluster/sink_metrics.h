#pragma once

#include <cstdint>

#include "common/control/transaction_info.h"

namespace weir::client {

/// What a sink subtask's transactions come to at `now_ms`, for /metrics. Units: seconds. Thread: pure.
struct SinkFigures {
  double open_age = 0, prepared_age = 0;  // of the oldest; 0: none
  bool has_deadline = false;
  double to_deadline = 0;  // of the nearest
};
SinkFigures FiguresOf(const control::SinkTransactions& transactions, int64_t now_ms);

}  // namespace weir::client
