#include "taskmanager/exchange/grpc/frame.h"

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace weir::taskmanager {

std::string EncodeHeader(const FrameHeader& header) {
  std::string out;
  out.reserve(FrameHeader::kBytes);
  ByteWriter writer(&out);
  writer.Put<uint8_t>(header.kind);
  out.append(3, '\0');
  writer.Put(header.channel.edge);
  writer.Put(header.channel.from_subtask);
  writer.Put(header.channel.to_subtask);
  writer.Put(header.value);
  writer.Put(header.payload_bytes);
  writer.Put(header.payload_crc);
  writer.Put(Crc32c(out));
  return out;
}

absl::StatusOr<Frame> TakeFrame(std::string_view* bytes) {
  if (bytes->size() < FrameHeader::kBytes) return absl::DataLossError("exchange: a frame is cut off");
  ByteReader reader(bytes->substr(0, FrameHeader::kBytes));
  Frame frame;
  frame.header.kind = reader.Get<uint8_t>();
  reader.GetRaw(3);
  frame.header.channel.edge = reader.Get<int32_t>();
  frame.header.channel.from_subtask = reader.Get<int32_t>();
  frame.header.channel.to_subtask = reader.Get<int32_t>();
  frame.header.value = reader.Get<int64_t>();
  frame.header.payload_bytes = reader.Get<uint32_t>();
  frame.header.payload_crc = reader.Get<uint32_t>();
  if (reader.Get<uint32_t>() != Crc32c(bytes->substr(0, FrameHeader::kBytes - 4))) {
    return absl::DataLossError("exchange: the head of a frame is damaged");
  }
  const uint8_t kind = frame.header.kind;
  if ((kind < 1 || kind > 4) && kind != FrameHeader::kCredit) {
    return absl::DataLossError(absl::StrCat("exchange: a frame of unknown kind ", kind));
  }
  if (frame.header.payload_bytes > FrameHeader::kMaxPayload) {
    return absl::DataLossError(absl::StrCat("exchange: a frame of ", frame.header.payload_bytes, " bytes is too large"));
  }
  bytes->remove_prefix(FrameHeader::kBytes);
  if (bytes->size() < frame.header.payload_bytes) return absl::DataLossError("exchange: a frame is cut off");
  frame.payload = bytes->substr(0, frame.header.payload_bytes);
  bytes->remove_prefix(frame.header.payload_bytes);
  if (Crc32c(frame.payload) != frame.header.payload_crc) {
    return absl::DataLossError("exchange: the payload of a frame is damaged");
  }
  return frame;
}

}  // namespace weir::taskmanager
