#include "common/job/proto/job_proto.h"

#include <catch2/catch.hpp>

#include "weir/v1/job.pb.h"

namespace weir::job {
namespace {

/// A spec in which everything that can be set is set to something that is no default.
JobSpec Full() {
  JobSpec spec;
  spec.name = "full";
  spec.name_location = {2, 7};
  spec.parallelism = 3;
  spec.max_parallelism = 64;
  spec.guarantee = Guarantee::kAtLeastOnce;
  spec.checkpoint = {1, 2, 3, 4, 5, "file:///x", 6};
  spec.restart = {RestartStrategy::kFixed, 7, 8, 9};
  spec.backend = StateBackend::kMemory;
  Node source;
  source.name = "in";
  source.kind = NodeKind::kSource;
  source.type = "file";
  source.location = {4, 3};
  source.type_location = {5, 11};
  source.parallelism = 2;
  source.renamed_from = "old";
  source.options = Value::Map(
      {{"path", {6, 5}, Value::String("/p")},
       {"n", {}, Value::Int(5)},
       {"yes", {}, Value::Bool(true)},
       {"x", {}, Value::Plain("1.5")},
       {"nothing", {}, Value()},
       {"list", {}, Value::List({Value::String("5"), Value::Map({{"k", {}, Value::Int(-1)}})})}});
  source.format = {FormatType::kCsv, OnError::kRoute, TimestampFormat::kRfc3339, {7, 1}};
  source.schema = {{"shop.name", {.kind = batch::TypeKind::kString, .nullable = false}, {8, 2}},
                   {"d", {.kind = batch::TypeKind::kDecimal, .precision = 12, .scale = 2}, {}}};
  source.event_time = EventTime{{"ts", {9, 9}}, 10, 11};
  source.rate = 12;
  Node window;
  window.name = "w";
  window.kind = NodeKind::kOperator;
  window.type = "window_aggregate";
  window.inputs = {{"in", Port::kErrors, {10, 1}}, {"in", Port::kLate, {}}};
  window.on_error = OnError::kSkip;
  window.where = {"a > 1", {11, 1}};
  window.fields = {{"f", {"a + 1", {12, 1}}, {12, 2}}};
  window.key_by = {{"k", {"upper(u)", {13, 1}}, {}}};
  window.window = Window{Window::Kind::kSliding, 100, 50, true, {14, 1}};
  window.allowed_lateness = 13;
  window.aggregates = {{"n", {"count(*)", {15, 1}}, {15, 2}}};
  window.order_by = {{"price desc", {16, 1}}};
  window.limit = 10;
  window.ties = true;
  window.rank = "position";
  window.ttl = 14;
  window.keep_last = false;
  window.join = JoinType::kAnti;
  window.on = {{"id", {"seller", {17, 1}}, {17, 2}}};
  window.before = 15;
  window.after = 16;
  spec.nodes = {source, window};
  return spec;
}

TEST_CASE("job proto: everything survives the way there and back, places too") {
  const JobSpec spec = Full();
  const absl::StatusOr<JobSpec> back = Deserialize(Serialize(spec));
  REQUIRE(back.ok());
  CHECK(*back == spec);
  CHECK(Serialize(*back) == Serialize(spec));
  CHECK(back->name_location == spec.name_location);
  CHECK(back->nodes[0].options.Find("path")->text == "/p");
  CHECK(back->nodes[0].options.entries[0].key_location == Location{6, 5});
  CHECK(back->nodes[0].options.Find("list")->items[1].Find("k")->integer == -1);
  CHECK(back->nodes[1].aggregates[0].name_location == Location{15, 2});
  CHECK(back->nodes[1].window->location == Location{14, 1});
  CHECK(back->nodes[0].event_time->field.location == Location{9, 9});
}

TEST_CASE("job proto: two specs that differ are not equal, wherever they differ") {
  JobSpec other = Full();
  other.nodes[1].aggregates[0].value.text = "count(x)";
  CHECK_FALSE(other == Full());
  JobSpec moved = Full();
  moved.nodes[1].location = {99, 99};
  CHECK(moved == Full());
}

TEST_CASE("job proto: what this build does not know is refused") {
  v1::JobSpec proto;
  ToProto(Full(), &proto);
  CHECK(FromProto(proto).ok());
  v1::JobSpec bad = proto;
  bad.set_guarantee(static_cast<v1::Guarantee>(17));
  CHECK(FromProto(bad).status().code() == absl::StatusCode::kInvalidArgument);
  bad = proto;
  bad.mutable_nodes(0)->mutable_schema(0)->set_type("strng");
  CHECK_THAT(std::string(FromProto(bad).status().message()),
             Catch::Contains("node `in`: unknown type `strng`"));
  bad = proto;
  bad.mutable_nodes(1)->mutable_inputs(0)->set_port(static_cast<v1::InputRef::Port>(9));
  CHECK_FALSE(FromProto(bad).ok());
  CHECK_FALSE(Deserialize("\xff\xff\xff").ok());
  CHECK_FALSE(Deserialize(std::string(5 << 20, 'x')).ok());
}

TEST_CASE("job proto: options nested without end are refused") {
  v1::JobSpec proto;
  ToProto(Full(), &proto);
  v1::Value* value = proto.mutable_nodes(0)->mutable_options();
  for (int i = 0; i < 5000; ++i) {
    value->set_kind(v1::Value::LIST);
    value = value->add_items();
  }
  std::string bytes = proto.SerializeAsString();
  CHECK(Deserialize(bytes).status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::job
