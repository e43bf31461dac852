// Requests byte for byte, against bytes made by hand from Kafka's message definitions.
#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"
#include "taskmanager/connector/kafka/protocol/frame.h"
#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

std::string Encoded(const std::string& name, int16_t version) {
  const auto frame = [&](const auto& request) { return EncodeRequest(request, version, 7, "c"); };
  if (name == "api_versions") return frame(ApiVersionsRequest{"weir", "1"});
  if (name == "handshake") return frame(SaslHandshakeRequest{"PLAIN"});
  if (name == "authenticate") return frame(SaslAuthenticateRequest{"ab"});
  if (name == "metadata") return frame(MetadataRequest{{"t"}});
  if (name == "brokers") return frame(MetadataRequest{});
  if (name == "find") return frame(FindCoordinatorRequest{"x/0", FindCoordinatorRequest::kTransaction});
  if (name == "init") return frame(InitProducerIdRequest{"x/0", 60'000});
  if (name == "describe") return frame(DescribeTransactionsRequest{"x/0"});
  if (name == "list") return frame(ListTransactionsRequest{{"Ongoing"}});
  if (name == "list_groups") return frame(ListGroupsRequest{});
  if (name == "delete_groups") return frame(DeleteGroupsRequest{"x/0"});
  if (name == "end") return frame(EndTxnRequest{"x/0", 4001, 3, true});
  if (name == "offset_fetch") return frame(OffsetFetchRequest{"x/0", "t", 5, true});
  if (name == "list_offsets") return frame(ListOffsetsRequest{"t", 5, ListOffsetsRequest::kEarliest});
  if (name == "fetch") return frame(FetchRequest{"t", 5, 100, 200, 4096});
  FAIL("no request " << name);
  return "";
}

void Check(const std::string& name, int16_t version, const std::string& expected) {
  INFO(name << " v" << version);
  const std::string frame = Encoded(name, version);
  CHECK(absl::BytesToHexString(frame) == expected);
}

TEST_CASE("requests are what Kafka's message definitions say") {
  Check("api_versions", 0, "0000000b0012000000000007000163");
  Check("api_versions", 3, "000000140012000300000007000163000577656972023100");
  Check("list_groups", 2, "0000000b0010000200000007000163");
  Check("delete_groups", 1, "00000014002a0001000000070001630000000100" "03782f30");
  Check("delete_groups", 2, "00000012002a000200000007000163000204782f3000");
  Check("handshake", 1, "0000001200110001000000070001630005504c41494e");
  Check("authenticate", 0, "000000110024000000000007000163000000026162");
  Check("authenticate", 2, "0000001000240002000000070001630003616200");
  Check("metadata", 4, "0000001300030004000000070001630000000100017400");
  Check("metadata", 8, "00000015000300080000000700016300000001000174000000");
  Check("metadata", 9, "000000140003000900000007000163000202740000000000");
  Check("metadata", 10,
        "000000240003000a0000000700016300020000000000000000000000000000000002740000000000");
  Check("metadata", 12, "000000230003000c00000007000163000200000000000000000000000000000000027400000000");
  Check("brokers", 12, "000000100003000c000000070001630001000000");
  Check("find", 1, "00000011000a0001000000070001630003782f3001");
  Check("find", 3, "00000012000a0003000000070001630004782f300100");
  Check("find", 4, "00000013000a00040000000700016300010204782f3000");
  Check("init", 0, "0000001400160000000000070001630003782f300000ea60");
  Check("init", 2, "0000001500160002000000070001630004782f300000ea6000");
  Check("init", 4, "0000001f00160004000000070001630004782f300000ea60ffffffffffffffffffff00");
  Check("describe", 0, "000000120041000000000007000163000204782f3000");
  Check("list", 0, "0000001700420000000000070001630002084f6e676f696e670100");
  Check("end", 1, "0000001b001a0001000000070001630003782f300000000000000fa1000301");
  Check("end", 4, "0000001c001a0004000000070001630004782f300000000000000fa100030100");
  Check("offset_fetch", 7, "0000001b00090007000000070001630004782f300202740200000005000100");
  Check("offset_fetch", 8, "0000001d0009000800000007000163000204782f30020274020000000500000100");
  Check("list_offsets", 1,
        "000000260002000100000007000163ffffffff000000010001740000000100000005fffffffffffffffe");
  Check("list_offsets", 2,
        "000000270002000200000007000163ffffffff00000000010001740000000100000005fffffffffffffffe");
  Check("fetch", 4,
        "000000370001000400000007000163ffffffff000000c800000001000010000000000001000174000000010000000500"
        "0000000000006400001000");
  Check("fetch", 7,
        "0000004b0001000700000007000163ffffffff000000c800000001000010000000000000ffffffff0000000100017400"
        "000001000000050000000000000064ffffffffffffffff0000100000000000");
  Check("fetch", 11,
        "000000510001000b00000007000163ffffffff000000c800000001000010000000000000ffffffff0000000100017400"
        "00000100000005ffffffff0000000000000064ffffffffffffffff00001000000000000000");
  Check("fetch", 12,
        "0000004e0001000c0000000700016300ffffffff000000c800000001000010000000000000ffffffff02027402000000"
        "05ffffffff0000000000000064ffffffffffffffffffffffff000010000000010100");
}

TEST_CASE("a commit is never newer than version 4") {
  // In version 5 a repeated commit means another transaction.
  CHECK(EndTxnRequest::kApi.newest == 4);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
