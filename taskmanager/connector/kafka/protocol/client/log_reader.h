#pragma once

#include <memory>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// Reads runs of a partition's log with read_uncommitted over the wire. Connects on first use.
///
/// Thread:  what it returns is thread-safe; concurrent calls use connections of their own.
/// Errors:  of Read: kDataLoss with topic, partition and offsets, after what is left was given out; kPermissionDenied,
///          kUnauthenticated; kUnavailable at the deadline; what `found` returns ends the reading and is returned as it
///          is.
/// `clock` must outlive it; deadlines are of its steady time.
std::unique_ptr<LogReader> MakeLogReader(const ConnectionOptions& options, const Clock* clock);

}  // namespace weir::taskmanager::kafka
