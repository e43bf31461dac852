// What goes between TaskManagers: frames with batches in them.
#include <algorithm>
#include <string>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/sealing.h"
#include "taskmanager/exchange/grpc/frame.h"

namespace {

void TakeAll(std::string_view bytes) {
  using namespace weir;
  while (!bytes.empty()) {
    const size_t before = bytes.size();
    const auto frame = taskmanager::TakeFrame(&bytes);
    if (!frame.ok()) return;
    fuzz::Expect(bytes.size() < before, "a frame takes bytes");
    fuzz::Expect(frame->payload.size() == frame->header.payload_bytes, "a payload is as long as it says");
    std::string copy(frame->payload);
  }
}

}  // namespace

WEIR_FUZZ_TARGET(frame, input) {
  using namespace weir;
  using taskmanager::FrameHeader;
  TakeAll(input);
  std::string sealed(input);
  if (sealed.size() < FrameHeader::kBytes) return;
  constexpr size_t kPayloadBytesAt = FrameHeader::kBytes - 12;
  const std::string payload = sealed.substr(FrameHeader::kBytes);
  fuzz::Overwrite(&sealed, kPayloadBytesAt, static_cast<uint32_t>(payload.size()));
  fuzz::Overwrite(&sealed, kPayloadBytesAt + 4, Crc32c(payload));
  fuzz::Overwrite(&sealed, kPayloadBytesAt + 8, Crc32c(std::string_view(sealed).substr(0, FrameHeader::kBytes - 4)));
  TakeAll(sealed);
}
