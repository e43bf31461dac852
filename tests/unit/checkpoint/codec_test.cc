#include <cstring>
#include <span>

#include "catch2/catch.hpp"
#include "common/base/crc32c.h"
#include "common/base/rng.h"
#include "common/checkpoint/delta.h"
#include "common/checkpoint/manifest_codec.h"

namespace weir::checkpoint {
namespace {

Manifest Example() {
  Manifest m;
  m.job.value = "0123456789abcdef0123456789abcdef";
  m.job_name = "fraud";
  m.id = CheckpointId(7);
  m.attempt = Attempt(2);
  m.epoch = LeaderEpoch(3);
  m.savepoint = true;
  m.completed_at_ms = 1700000000000;
  m.max_parallelism = 64;
  m.state_layouts = {{"count", "v1:8"}};
  m.sources = {{"cards", {{"file-a:0-10", "a"}, {"file-b:0-10", ""}}}};
  SubtaskSnapshot s;
  s.subtask = {1, 3};
  s.ended = true;
  OperatorSnapshot op;
  op.node = "count.local";
  op.watermark = -5;
  op.bytes = std::string("\0x", 2);
  op.splits = {{4, "pos", true, 99}};
  op.handles = {{CheckpointId(6), 2, "file", "handle", 12}};
  KeyedSnapshot k;
  k.range = {32, 64};
  k.base_kind = "rocksdb";
  k.base = {{"j/base-1", 10, 11}, {"j/base-2", 12, 13}};
  k.base_names = {"000001.sst", "CURRENT"};
  k.deltas = {{CheckpointId(5), {"j/delta-5", 3, 4}, ""}, {CheckpointId(7), {}, "inline"}};
  op.keyed = {k};
  s.operators = {op};
  m.subtasks = {s, s};
  return m;
}

struct Log : DeltaVisitor {
  std::vector<std::string> lines;
  uint32_t width = 0;
  absl::Status OnDrop(std::string_view table, int64_t ns) override {
    lines.push_back("drop " + std::string(table) + " " + std::to_string(ns));
    return absl::OkStatus();
  }
  absl::Status OnBlock(const Block& block) override {
    width = block.value_width;
    lines.push_back((block.removals ? "removals " : "block ") + std::string(block.table) + " " + std::to_string(block.ns));
    return absl::OkStatus();
  }
  absl::Status OnEntries(std::span<const Entry> entries) override {
    CHECK(!entries.empty());
    CHECK(entries.size() <= kGroup);
    for (const Entry& e : entries) {
      lines.push_back(std::to_string(e.key_group) + " " + std::string(e.key) + " " + std::string(e.subkey) + " " +
                      std::string(e.value, width) + " " + std::string(e.text));
    }
    return absl::OkStatus();
  }
};

std::string ExampleDelta(int64_t checkpoint, const std::string& value) {
  DeltaBuilder b;
  b.Drop("t", -3);
  b.BeginEntries("t", static_cast<uint32_t>(value.size()), true, 60);
  b.Add(5, "key", "sub", value.data(), "text");
  b.Add(6, std::string(600, 'k'), "", value.data(), "");
  b.EndEntries();
  b.BeginRemovals("t", 61);
  b.AddRemoval(7, "gone", "sub");
  b.EndRemovals();
  std::string bytes = b.Take();
  DeltaBuilder::Seal(CheckpointId(checkpoint), DeltaKind::kDelta, &bytes);
  CHECK(b.empty());
  return bytes;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C of any length, from any beginning, in one piece or several") {
  CHECK(Crc32c("123456789") == 0xe3069283u);
  Rng rng(5);
  std::string bytes(20000, '\0');
  for (char& c : bytes) c = static_cast<char>(rng.Below(256));
  for (int i = 0; i < 200; ++i) {
    const size_t begin = rng.Below(64), size = rng.Below(i % 2 == 0 ? 200 : bytes.size() - begin);
    const std::string_view part = std::string_view(bytes).substr(begin, size);
    uint32_t c = ~uint32_t{0};
    for (const char byte : part) {
      c ^= static_cast<uint8_t>(byte);
      for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    }
    REQUIRE(Crc32c(part) == ~c);
    const size_t cut = rng.Below(size + 1);
    REQUIRE(Crc32c(part.substr(cut), Crc32c(part.substr(0, cut))) == ~c);
  }
}

TEST_CASE("a manifest comes back as it was, and lists its files once") {
  const Manifest m = Example();
  const absl::StatusOr<Manifest> back = DecodeManifest(EncodeManifest(m), "m");
  REQUIRE(back.ok());
  CHECK(*back == m);
  const std::vector<FileRef> files = FilesOf(m);
  REQUIRE(files.size() == 3);
  CHECK(files[2].path == "j/delta-5");
  const auto subtask = DecodeSubtaskSnapshot(EncodeSubtaskSnapshot(m.subtasks[0]), "s");
  REQUIRE(subtask.ok());
  CHECK(*subtask == m.subtasks[0]);
}

TEST_CASE("every flipped bit and every truncation of a manifest is found") {
  const std::string good = EncodeManifest(Example());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    REQUIRE(absl::IsDataLoss(DecodeManifest(bad, "m").status()));
    REQUIRE(absl::IsDataLoss(DecodeManifest(good.substr(0, i), "m").status()));
  }
  CHECK(absl::IsDataLoss(DecodeManifest(good + "x", "m").status()));
  CHECK(absl::IsDataLoss(DecodeSubtaskSnapshot(good, "m").status()));
}

TEST_CASE("a delta is visited in its order, several in one file too") {
  Log log;
  REQUIRE(ReadDeltas(ExampleDelta(1, "old") + ExampleDelta(2, "young"), "d", &log).ok());
  const std::string long_key(600, 'k');
  CHECK(log.lines ==
        std::vector<std::string>{
            "drop t -3", "block t 60", "5 key sub old text", "6 " + long_key + "  old ",
            "removals t 61", "7 gone sub  ", "drop t -3", "block t 60", "5 key sub young text",
            "6 " + long_key + "  young ", "removals t 61", "7 gone sub  "});
}

TEST_CASE("a block's entries come in their order, whatever their number") {
  for (const size_t n : {size_t{1}, DeltaVisitor::kGroup - 1, DeltaVisitor::kGroup, DeltaVisitor::kGroup + 1, size_t{1000}}) {
    DeltaBuilder b;
    std::vector<std::string> expected{"block t 1"};
    b.BeginEntries("t", 1, false, 1);
    for (size_t i = 0; i < n; ++i) {
      b.Add(3, std::to_string(i), "", "v", "");
      expected.push_back("3 " + std::to_string(i) + "  v ");
    }
    b.EndEntries();
    std::string bytes = b.Take();
    DeltaBuilder::Seal(CheckpointId(1), DeltaKind::kDump, &bytes);
    Log log;
    REQUIRE(ReadVerifiedDeltas(bytes, "d", &log).ok());
    CHECK(log.lines == expected);
    // One that is cut off is found, whatever its checksum would say.
    bytes.pop_back();
    const uint64_t body = bytes.size() - DeltaBuilder::kHeaderSize, block = body - 9;
    std::memcpy(bytes.data() + 16, &body, sizeof(body));
    std::memcpy(bytes.data() + DeltaBuilder::kHeaderSize + 1, &block, sizeof(block));
    CHECK(absl::IsDataLoss(ReadVerifiedDeltas(bytes, "d", &log)));
  }
}

TEST_CASE("a damaged delta is found before anything of it is visited") {
  const std::string good = ExampleDelta(1, "value");
  const std::string two = good + ExampleDelta(2, "value");
  for (size_t i = 0; i < two.size(); ++i) {
    Log log;
    std::string bad = two;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    REQUIRE(absl::IsDataLoss(ReadDeltas(bad, "d", &log)));
    REQUIRE(log.lines.empty());
    if (i != good.size()) REQUIRE(absl::IsDataLoss(VerifyDeltas(two.substr(0, i), "d")));
  }
}

}  // namespace weir::checkpoint
