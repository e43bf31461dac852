#include <catch2/catch.hpp>

#include "taskmanager/connector/kafka/protocol/client/wire_marker_groups.h"
#include "tests/unit/kafka/protocol/fake_cluster.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

using Names = std::vector<std::string>;

struct Fixture {
  SteadyMicros In(int64_t seconds) const { return brokers.clock.now + seconds * 1'000'000; }
  FakeBrokers brokers;
  WireMarkerGroups groups{brokers.MakeCluster()};
};

FakeBrokers::Body Groups(Names names) {
  return [names](WireWriter& out, int16_t version) {
    if (version >= 1) out.Put(int32_t{0});
    out.Put(int16_t{0});
    out.PutArraySize(names.size());
    for (const std::string& name : names) {
      out.PutString(name);
      out.PutString("consumer");
    }
  };
}

FakeBrokers::Body Deleted(int16_t error) {
  return [error](WireWriter& out, int16_t) {
    out.Put(int32_t{0});
    out.PutArraySize(1);
    out.PutString("x/0");
    out.Put(error);
    out.EndStruct();
    out.EndStruct();
  };
}

TEST_CASE("groups are listed at every broker, by prefix") {
  Fixture f;
  f.brokers.Script(ListGroupsRequest::kApi, {Groups({"x/0", "y/0"}), Groups({"x/1"})});
  const auto found = f.groups.List("x/", f.In(10));
  REQUIRE(found.ok());
  CHECK(*found == Names{"x/0", "x/1"});
  CHECK(f.brokers.calls == Names{"Metadata@1", "ListGroups@1", "ListGroups@2"});
}

TEST_CASE("a group is deleted at its coordinator, wherever that moves; one that is gone is no error") {
  Fixture f;
  f.brokers.Script(DeleteGroupsRequest::kApi, {Deleted(kNotCoordinator), Deleted(kNone)});
  CHECK(f.groups.Delete("x/0", f.In(10)).ok());
  CHECK(f.brokers.calls == Names{"FindCoordinator@1", "DeleteGroups@1", "FindCoordinator@1", "DeleteGroups@1"});
  f.brokers.Script(DeleteGroupsRequest::kApi, {Deleted(kGroupIdNotFound)});
  CHECK(f.groups.Delete("x/0", f.In(10)).ok());
  f.brokers.Script(DeleteGroupsRequest::kApi, {Deleted(kGroupAuthorizationFailed)});
  const absl::Status refused = f.groups.Delete("x/0", f.In(10));
  CHECK(absl::IsPermissionDenied(refused));
  CHECK(std::string(refused.message()).find("DELETE on group x/0") != std::string::npos);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
