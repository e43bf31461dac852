#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"

namespace weir::taskmanager::kafka::protocol {

/// Bytes to a broker and back.
/// Thread:  confined; calls block until they are done or `deadline` has passed.
/// Errors:  kUnavailable: the connection is lost; kDeadlineExceeded; kUnauthenticated: of TLS. After an error of Write,
///          and any but kDeadlineExceeded of Read, the channel is of no more use.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual absl::Status Write(std::string_view bytes, SteadyMicros deadline) = 0;
  /// At least one byte, at most `room`. A deadline in the past: what is there now.
  virtual absl::StatusOr<size_t> Read(char* to, size_t room, SteadyMicros deadline) = 0;
  /// To poll for input; bytes may also have been taken from it and wait in the channel: Read until nothing is there.
  virtual int fd() const = 0;
};

}  // namespace weir::taskmanager::kafka::protocol
