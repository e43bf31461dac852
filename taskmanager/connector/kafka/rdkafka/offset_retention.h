#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/kafka_options.h"

namespace weir::taskmanager::kafka {

/// How long the cluster's brokers keep the offset of a group without members (offsets.retention.minutes).
/// Units:  milliseconds.
/// Thread: any; blocks up to `timeout_ms` for each of two answers.
/// Errors: kPermissionDenied: DESCRIBE_CONFIGS on the cluster is needed; kNotFound: the broker does not say;
///         kUnavailable, kUnauthenticated.
absl::StatusOr<int64_t> AskOffsetRetentionMs(const ConnectionOptions& connection, int64_t timeout_ms);

}  // namespace weir::taskmanager::kafka
