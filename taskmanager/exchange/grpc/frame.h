#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

/// A channel within one stream, whose job and attempt are known.
struct ChannelKey {
  int32_t edge = 0;
  int32_t from_subtask = 0;
  int32_t to_subtask = 0;
  friend auto operator<=>(const ChannelKey&, const ChannelKey&) = default;
};

/// Head of every frame on the wire, 36 bytes little-endian: kind u8, three zero bytes, edge i32, from i32, to i32,
/// value i64, payload length u32, CRC-32C of the payload u32, CRC-32C of the bytes before it u32. Frames follow each
/// other in a gRPC message, whole.
struct FrameHeader {
  static constexpr size_t kBytes = 36;
  static constexpr uint32_t kMaxPayload = 64u << 20;
  enum Kind : uint8_t {
    // 1 to 4: Element::Kind
    kCredit = 16,  // from receiver to sender: `value` bytes were consumed
  };
  uint8_t kind = 0;
  ChannelKey channel;
  int64_t value = 0;  // of a batch: the bytes it counts against credit
  uint32_t payload_bytes = 0;
  uint32_t payload_crc = 0;
};

std::string EncodeHeader(const FrameHeader& header);

/// Takes the next frame off `*bytes`. kDataLoss when it is damaged, of an unknown kind or too large.
struct Frame {
  FrameHeader header;
  std::string_view payload;  // into the bytes
};
absl::StatusOr<Frame> TakeFrame(std::string_view* bytes);

}  // namespace weir::taskmanager
