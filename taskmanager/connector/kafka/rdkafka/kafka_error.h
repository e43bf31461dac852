#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weir::taskmanager::kafka {

/// An rd_kafka_resp_err_t as a status: `DOING: REASON`. `reason` empty: librdkafka's text of the code.
///
/// Errors:  kUnauthenticated: login or certificate refused; kPermissionDenied: a right is missing; kNotFound: no such
///          topic or partition; kInvalidArgument: a record too large, a setting refused; kOutOfRange: an offset that
///          is not there; kResourceExhausted: the client's queue is full; kAborted: fenced or another fatal
///          state of an instance; kDeadlineExceeded: time ran out, without a word why; kUnavailable: the broker's or
///          the network's trouble, which may pass.
absl::Status KafkaError(int code, std::string_view doing, std::string_view reason = {});
/// ` alerts [3]`: for messages.
std::string PartitionName(std::string_view topic, int32_t partition);
/// A record's own fault (too large, refused by the broker) or anything else, naming topic, partition, size.
absl::Status DeliveryError(int code, std::string_view topic, int32_t partition, int64_t bytes);

}  // namespace weir::taskmanager::kafka
