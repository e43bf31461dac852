// Writes inputs to begin with, made by the encoders of this build: fuzz_seeds CORPUS JOB.yaml…
// Run it when a format has changed, and commit what it writes.
#include "tests/fuzz/fuzz_seeds.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/checkpoint/delta.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/control/proto/convert.h"
#include "common/job/proto/job_proto.h"
#include "common/job/yaml/job_reader.h"
#include "jobmanager/metadata/file/record_codec.h"
#include "jobmanager/rpc/job_convert.h"
#include "taskmanager/connector/builtin/catalog.h"
#include "taskmanager/connector/file/file_sink.h"
#include "taskmanager/connector/file/file_split.h"
#include "taskmanager/exchange/grpc/frame.h"
#include "tests/fuzz/targets/text_rows.h"
#include "tests/unit/control/random_messages.h"
#include "weir/v1/control.pb.h"
#include "weir/v1/jobs.pb.h"

namespace weir::fuzz {
namespace {

std::string corpus;

checkpoint::SubtaskSnapshot Snapshot() {
  checkpoint::SubtaskSnapshot snapshot;
  snapshot.subtask = {1, 3};
  snapshot.ended = true;
  checkpoint::OperatorSnapshot op;
  op.node = "count.local";
  op.watermark = -5;
  op.bytes = std::string("\0x", 2);
  op.splits = {{4, "pos", true, 99}};
  op.handles = {{CheckpointId(6), 2, "file", "handle", 12}};
  checkpoint::KeyedSnapshot keyed;
  keyed.range = {32, 64};
  keyed.base_kind = "rocksdb";
  keyed.base = {{"j/base-1", 10, 11}, {"j/base-2", 12, 13}};
  keyed.base_names = {"000001.sst", "CURRENT"};
  keyed.deltas = {{CheckpointId(5), {"j/delta-5", 3, 4}, ""}, {CheckpointId(7), {}, "inline"}};
  op.keyed = {keyed};
  snapshot.operators = {op};
  return snapshot;
}

void Checkpoints() {
  checkpoint::Manifest manifest;
  manifest.job.value = "0123456789abcdef0123456789abcdef";
  manifest.job_name = "fraud";
  manifest.id = CheckpointId(7);
  manifest.savepoint = true;
  manifest.state_layouts = {{"count", "v1:8"}};
  manifest.sources = {{"cards", {{"file-a:0-10", "a"}, {"file-b:0-10", ""}}}};
  manifest.subtasks = {Snapshot(), Snapshot()};
  Put("manifest", "manifest", checkpoint::EncodeManifest(manifest));
  Put("manifest", "empty", checkpoint::EncodeManifest({}));
  Put("manifest", "subtask", checkpoint::EncodeSubtaskSnapshot(Snapshot()));

  checkpoint::DeltaBuilder delta;
  delta.Drop("table", 7);
  for (const bool has_text : {false, true}) {
    delta.BeginEntries("counts", 8, has_text, 3);
    delta.Add(1, "key", "", "12345678", has_text ? "text" : "");
    delta.Add(9, "another key", "subkey", "abcdefgh", "");
    delta.EndEntries();
  }
  delta.BeginRemovals("counts", 3);
  delta.AddRemoval(9, "a third key", "subkey");
  delta.EndRemovals();
  std::string bytes = delta.Take();
  checkpoint::DeltaBuilder::Seal(CheckpointId(5), checkpoint::DeltaKind::kDelta, &bytes);
  Put("delta", "delta", bytes);
  Put("delta", "two", bytes + bytes);
}

void Records() {
  jobmanager::JobRecord record;
  record.id = JobId("0123456789abcdef");
  record.name = "fraud";
  record.storage = "file:///c";
  record.retained = {{}, {}};
  record.savepoints = {{}};
  record.failure.emplace();
  record.pending = {{}};
  record.stop_savepoint = CheckpointId(4);
  record.staged = checkpoint::FileRef{"a/b", 3, 4};
  Put("job_record", "full", jobmanager::EncodeJobRecord(record));
  Put("job_record", "empty", jobmanager::EncodeJobRecord({}));
  Put("handle", "file-handle", taskmanager::file::EncodeHandle({"id", "/out", ".part-1", "part-1", 17}));
  Put("handle", "file-split", taskmanager::file::EncodeSplit({"/in/a.csv", 10, 20, {30, 1, 2}}));
}

void Batches() {
  const batch::SchemaPtr schema = RowSchema();
  const auto decoder = DecoderOf(job::FormatType::kJson, schema);
  const Rows rows = DecodeRows(*decoder,
                               R"({"b":true,"i":1,"l":2,"d":0.5,"m":"1.25","s":"short","y":"Ynl0ZXM=","t":"2026-01-31 10:00:00"}
{"l":3,"s":"a string that is longer than twelve bytes","dt":"2026-01-31"}
{"l":4}
)",
                               1000);
  std::string bytes;
  for (const batch::Batch& batch : rows.batches) batch::EncodeBatch(batch, &bytes);
  Put("batch", "rows", bytes);
  taskmanager::FrameHeader header;
  header.kind = 1;
  header.channel = {1, 2, 3};
  header.value = 100;
  header.payload_bytes = static_cast<uint32_t>(bytes.size());
  header.payload_crc = Crc32c(bytes);
  Put("frame", "batch", taskmanager::EncodeHeader(header) + bytes);
  header.kind = taskmanager::FrameHeader::kCredit;
  header.payload_bytes = 0;
  header.payload_crc = Crc32c("");
  Put("frame", "credit", taskmanager::EncodeHeader(header) + taskmanager::EncodeHeader(header));
}

void Control() {
  control::RandomMessages random(1);
  for (size_t kind = 0; kind < std::variant_size_v<control::ToJobManager>; ++kind) {
    v1::ToJobManager proto;
    control::ToProto(random.Up(kind), &proto);
    Put("control", absl::StrCat("up-", kind), std::string(1, '\0') + proto.SerializeAsString());
  }
  for (size_t kind = 0; kind < std::variant_size_v<control::ToTaskManager>; ++kind) {
    v1::ToTaskManager proto;
    control::ToProto(random.Down(kind), &proto);
    Put("control", absl::StrCat("down-", kind), std::string(1, '\1') + proto.SerializeAsString());
  }
  v1::SubmitRequest submit;
  jobmanager::ToProto(jobmanager::SubmitRequest{}, &submit);
  Put("control", "submit", std::string(1, '\2') + submit.SerializeAsString());
  v1::JobStatus status;
  jobmanager::ToProto(jobmanager::JobStatus{}, &status);
  Put("control", "status", std::string(1, '\3') + status.SerializeAsString());
  v1::CheckpointsReply checkpoints;
  jobmanager::ToProto(std::vector<jobmanager::CheckpointInfo>(2), &checkpoints);
  Put("control", "checkpoints", std::string(1, '\4') + checkpoints.SerializeAsString());
  v1::ClusterInfo cluster;
  jobmanager::ToProto(jobmanager::ClusterInfo{}, &cluster);
  Put("control", "cluster", std::string(1, '\5') + cluster.SerializeAsString());
}

void Jobs(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string name = std::filesystem::path(path).stem().string();
  Put("yaml", name, text);
  Put("job", name, text);
  config::Diagnostics diagnostics;
  const auto spec = job::ReadJob(text, {}, taskmanager::BuiltinCatalog(), &diagnostics);
  if (spec.has_value() && diagnostics.ok()) Put("job_spec", name, job::Serialize(*spec));
}

}  // namespace

void Put(const std::string& target, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(corpus + "/" + target);
  std::ofstream(corpus + "/" + target + "/" + name, std::ios::binary) << bytes;
}

}  // namespace weir::fuzz

int main(int argc, char** argv) {
  using namespace weir::fuzz;
  if (argc < 2) {
    std::fprintf(stderr, "usage: fuzz_seeds CORPUS JOB.yaml...\n");
    return 2;
  }
  corpus = argv[1];
  Checkpoints();
  Records();
  Batches();
  Control();
  PutKafkaSeeds();
  for (int i = 2; i < argc; ++i) Jobs(argv[i]);
  return 0;
}
