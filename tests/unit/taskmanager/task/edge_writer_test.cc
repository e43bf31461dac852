#include "taskmanager/task/edge_writer.h"

#include <catch2/catch.hpp>
#include <map>

using namespace weir;
using namespace weir::taskmanager;

namespace {

struct Recorded final : OutputChannel {
  explicit Recorded(std::vector<Element>* to) : to(to) {}
  absl::Status Send(Element element) override {
    to->push_back(std::move(element));
    return absl::OkStatus();
  }
  bool writable() const override { return true; }
  std::vector<Element>* to;
};

plan::Edge EdgeOf(plan::EdgeKind kind) {
  plan::Edge edge;
  edge.kind = kind;
  edge.schema = std::make_shared<batch::Schema>(batch::Schema{{{"n", {batch::TypeKind::kBigint, false, 0, 0}}}});
  if (kind == plan::EdgeKind::kHash) edge.keys = {0};
  return edge;
}

batch::Batch Numbers(const plan::Edge& edge, int64_t from, int64_t count) {
  batch::Batch out;
  out.schema = edge.schema;
  out.rows = count;
  out.columns.push_back(batch::Column::Allocate(edge.schema->fields[0].type, count));
  for (int64_t i = 0; i < count; ++i) out.columns[0].mutable_data<int64_t>()[i] = from + i;
  return out;
}

struct Fixture {
  Fixture(plan::EdgeKind kind, int targets) : edge(EdgeOf(kind)), sent(targets) {
    std::vector<std::unique_ptr<OutputChannel>> channels;
    for (auto& to : sent) channels.push_back(std::make_unique<Recorded>(&to));
    writer = std::make_unique<EdgeWriter>(&edge, 128, std::move(channels));
  }
  plan::Edge edge;
  std::vector<std::vector<Element>> sent;
  std::unique_ptr<EdgeWriter> writer;
};

}  // namespace

TEST_CASE("EdgeWriter: hash sends each row to the owner of its key group, and every row once", "[task]") {
  Fixture f(plan::EdgeKind::kHash, 3);
  for (const int64_t count : {5, 4096, 700}) REQUIRE(f.writer->Write(Numbers(f.edge, count * 10'000, count), 0).ok());
  REQUIRE(f.writer->Flush().ok());
  int64_t rows = 0;
  for (size_t target = 0; target < f.sent.size(); ++target) {
    for (const Element& element : f.sent[target]) {
      batch::KeyBatch keys;
      batch::MakeKeys(element.batch, {0}, &keys);
      for (int64_t i = 0; i < element.batch.rows; ++i) {
        CHECK(batch::SubtaskOf(batch::KeyGroupOf(keys.hashes[i], 128), 3, 128) == static_cast<int>(target));
      }
      rows += element.batch.rows;
      CHECK(element.bytes > 0);
    }
  }
  CHECK(rows == 5 + 4096 + 700);
}

TEST_CASE("EdgeWriter: small pieces wait for company, a barrier sends them first", "[task]") {
  Fixture f(plan::EdgeKind::kForward, 1);
  REQUIRE(f.writer->Write(Numbers(f.edge, 0, 3), 1000).ok());
  f.writer->Watermark(77, 1000);
  REQUIRE(f.writer->Write(Numbers(f.edge, 3, 2), 1500).ok());
  CHECK(f.sent[0].empty());
  CHECK(f.writer->flush_at() == 1000 + EdgeWriter::kFlushMicros);
  Element barrier;
  barrier.kind = Element::Kind::kBarrier;
  barrier.value = 9;
  REQUIRE(f.writer->Broadcast(barrier).ok());
  REQUIRE(f.sent[0].size() == 3);
  CHECK(f.sent[0][0].batch.rows == 5);
  CHECK(f.sent[0][1].kind == Element::Kind::kWatermark);
  CHECK(f.sent[0][1].value == 77);
  CHECK(f.sent[0][2].kind == Element::Kind::kBarrier);
  CHECK(f.writer->flush_at() == 0);
}

TEST_CASE("EdgeWriter: a large piece goes at once, behind what waited", "[task]") {
  Fixture f(plan::EdgeKind::kForward, 1);
  REQUIRE(f.writer->Write(Numbers(f.edge, 0, 3), 0).ok());
  REQUIRE(f.writer->Write(Numbers(f.edge, 3, 4096), 0).ok());
  REQUIRE(f.writer->Flush().ok());
  int64_t next = 0;
  for (const Element& element : f.sent[0]) {
    for (int64_t i = 0; i < element.batch.rows; ++i) CHECK(element.batch.columns[0].at<int64_t>(i) == next++);
  }
  CHECK(next == 4099);
}

TEST_CASE("EdgeWriter: rebalance spreads batches over all channels", "[task]") {
  Fixture f(plan::EdgeKind::kRebalance, 4);
  for (int i = 0; i < 8; ++i) REQUIRE(f.writer->Write(Numbers(f.edge, 0, 2000), 0).ok());
  for (const auto& sent : f.sent) CHECK(sent.size() == 2);
}
