#include "taskmanager/exchange/grpc/frame.h"

#include <catch2/catch.hpp>

#include "common/base/crc32c.h"
#include "common/base/rng.h"

using namespace weir::taskmanager;

namespace {
std::string Sample(const std::string& payload) {
  FrameHeader header;
  header.kind = 1;
  header.channel = {3, 1, 2};
  header.value = 77;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc = weir::Crc32c(payload);
  return EncodeHeader(header) + payload;
}
}  // namespace

TEST_CASE("Frame: what is encoded is taken off again, one after another", "[exchange]") {
  const std::string both = Sample("first") + Sample("");
  std::string_view rest = both;
  auto first = TakeFrame(&rest);
  REQUIRE(first.ok());
  CHECK(first->payload == "first");
  CHECK(first->header.channel == ChannelKey{3, 1, 2});
  CHECK(first->header.value == 77);
  REQUIRE(TakeFrame(&rest).ok());
  CHECK(rest.empty());
}

TEST_CASE("Frame: any cut and any flipped bit is found", "[exchange]") {
  const std::string good = Sample("some payload");
  for (size_t cut = 0; cut < good.size(); ++cut) {
    std::string_view rest(good.data(), cut);
    CHECK_FALSE(TakeFrame(&rest).ok());
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    std::string_view rest = bad;
    CHECK_FALSE(TakeFrame(&rest).ok());
  }
}

TEST_CASE("Frame: a payload over the bound is refused before it is looked at", "[exchange]") {
  FrameHeader header;
  header.kind = 1;
  header.payload_bytes = FrameHeader::kMaxPayload + 1;
  const std::string head = EncodeHeader(header);
  std::string_view rest = head;
  CHECK_FALSE(TakeFrame(&rest).ok());
}
