#include "taskmanager/connector/file/file_sink.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/failpoint.h"
#include "tests/support/temporary_folder.h"

namespace weir::taskmanager::file {
namespace {

const JobId kJob{"0123456789abcdef0123456789abcdef"};

struct Sink {
  Sink(const std::string& folder, int64_t attempt, int32_t subtask = 0, bool exactly_once = true,
       job::FormatType format = job::FormatType::kJson, JobId job = kJob) {
    node.name = "out";
    node.type = "file";
    node.format.type = format;
    auto schema = std::make_shared<batch::Schema>();
    schema->fields = {{"n", *batch::ParseDataType("bigint")}};
    SinkContext context;
    context.node = &node;
    context.schema = schema;
    context.job = job;
    context.attempt = Attempt(attempt);
    context.subtask = subtask;
    context.exactly_once = exactly_once;
    auto encoder = MakeEncoder(node.format, schema);
    REQUIRE(encoder.ok());
    sink = std::make_unique<FileSink>(context, folder, std::move(*encoder));
    rows.schema = schema;
  }

  FileSink* operator->() { return sink.get(); }

  void Write(int64_t first, int64_t count) {
    rows.rows = count;
    rows.columns = {batch::Column::Allocate(rows.schema->fields[0].type, count)};
    for (int64_t i = 0; i < count; ++i) rows.columns[0].mutable_data<int64_t>()[i] = first + i;
    REQUIRE(sink->Write(rows).ok());
  }
  /// The handle; empty: nothing was written.
  std::string Checkpoint(int64_t id) {
    auto sealed = sink->Seal(CheckpointId(id));
    REQUIRE(sealed.ok());
    if (*sealed == nullptr) return "";
    auto handle = (*sealed)->PreCommit();
    REQUIRE(handle.ok());
    return handle->value_or("");
  }

  job::Node node;
  batch::Batch rows;
  std::unique_ptr<FileSink> sink;
};

/// Files of the folder that a reader sees, or those it does not.
std::vector<std::string> Names(const std::string& folder, bool hidden = false) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name != ".weir-id" && (name[0] == '.') == hidden) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Text(const std::string& folder) {
  std::string text;
  for (const std::string& name : Names(folder)) text += testing::TemporaryFolder::Read(folder + "/" + name);
  return text;
}

TEST_CASE("rows are hidden until they are committed", "[file][sink]") {
  testing::TemporaryFolder folder;
  const std::string path = folder.PathOf("deep/er");
  Sink sink(path, 1);
  REQUIRE(sink->Open().ok());
  CHECK(sink.Checkpoint(1).empty());  // no rows, no file
  sink.Write(1, 2);
  const std::string first = sink.Checkpoint(2);
  sink.Write(3, 1);
  const std::string second = sink.Checkpoint(3);
  CHECK(Names(path).empty());
  CHECK(Names(path, true).size() == 2);
  REQUIRE(sink->Commit(first).ok());
  CHECK(Text(path) == "{\"n\":1}\n{\"n\":2}\n");
  REQUIRE(sink->Commit(second).ok());
  REQUIRE(sink->Commit(first).ok());  // again
  REQUIRE(sink->Resolve(second).ok());
  CHECK(Text(path) == "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
  CHECK(Names(path, true).empty());
  CHECK(Names(path) ==
        std::vector<std::string>{"part-" + kJob.value + "-" + Names(path)[0].substr(38, 8) + "-1-0-0.json",
                                 "part-" + kJob.value + "-" + Names(path)[0].substr(38, 8) + "-1-0-1.json"});
}

TEST_CASE("sealing does no I/O, large transactions are written on the way", "[file][sink]") {
  testing::TemporaryFolder folder;
  Sink sink(folder.path(), 1);
  REQUIRE(sink->Open().ok());
  sink.Write(0, 4096);
  CHECK(Names(folder.path(), true).empty());
  auto sealed = sink->Seal(CheckpointId(1));
  CHECK(Names(folder.path(), true).empty());
  // The next transaction fills up before the first is flushed.
  for (int i = 1; i < 40; ++i) sink.Write(i * 4096, 4096);
  CHECK(Names(folder.path(), true).size() == 1);
  const auto handle = (*sealed)->PreCommit();
  REQUIRE(handle.ok());
  const std::string second = sink.Checkpoint(2);
  REQUIRE(sink->Commit(**handle).ok());
  REQUIRE(sink->Commit(second).ok());
  std::string expected;
  for (int n = 0; n < 40 * 4096; ++n) expected += "{\"n\":" + std::to_string(n) + "}\n";
  CHECK(Text(folder.path()) == expected);
}

TEST_CASE("csv files begin with a header each", "[file][sink]") {
  testing::TemporaryFolder folder;
  Sink sink(folder.path(), 1, 0, true, job::FormatType::kCsv);
  REQUIRE(sink->Open().ok());
  for (int id = 1; id <= 2; ++id) {
    sink.Write(id, 1);
    REQUIRE(sink->Commit(sink.Checkpoint(id)).ok());
  }
  CHECK(Text(folder.path()) == "n\n1\nn\n2\n");
}

TEST_CASE("a later attempt resolves what was pre-committed and sweeps the rest", "[file][sink]") {
  testing::TemporaryFolder folder;
  folder.Write("users-own.json", "kept");
  folder.Write(".users-own", "kept");
  std::string committed, pending;
  {
    Sink first(folder.path(), 1, 0);
    REQUIRE(first->Open().ok());
    first.Write(1, 1);
    committed = first.Checkpoint(1);
    REQUIRE(first->Commit(committed).ok());
    first.Write(2, 1);
    pending = first.Checkpoint(2);
    first.Write(3, 1);
    first.Checkpoint(3);  // its checkpoint never completed
    Sink other(folder.path(), 1, 1);
    REQUIRE(other->Open().ok());
    other.Write(4, 1);
    other.Checkpoint(3);
    Sink stranger(folder.path(), 1, 0, true, job::FormatType::kJson, JobId{"ffff456789abcdef0123456789abcdef"});
    REQUIRE(stranger->Open().ok());
    stranger.Write(5, 1);
    stranger.Checkpoint(1);
  }
  CHECK(Names(folder.path(), true).size() == 5);
  Sink second(folder.path(), 2);
  REQUIRE(second->Resolve(committed).ok());
  REQUIRE(second->Resolve(pending).ok());
  REQUIRE(second->Open().ok());
  second.Write(6, 1);
  const std::string mine = second.Checkpoint(4);
  REQUIRE(second->Sweep().ok());
  REQUIRE(second->Sweep().ok());
  REQUIRE(second->Commit(mine).ok());
  CHECK(Text(folder.path()) == "{\"n\":1}\n{\"n\":2}\n{\"n\":6}\nkept");
  CHECK(Names(folder.path(), true).size() == 2);  // the stranger's and the user's
}

TEST_CASE("a crash at any point of a commit is mended by resolving again", "[file][sink]") {
  for (const char* point : {"before_commit_rename", "after_commit_rename"}) {
    testing::TemporaryFolder folder;
    Sink sink(folder.path(), 1);
    REQUIRE(sink->Open().ok());
    sink.Write(1, 1);
    const std::string handle = sink.Checkpoint(1);
    REQUIRE(failpoint::Configure(std::string(point) + "=error").ok());
    CHECK(!sink->Commit(handle).ok());
    REQUIRE(failpoint::Configure("").ok());
    Sink next(folder.path(), 2);
    REQUIRE(next->Resolve(handle).ok());
    REQUIRE(next->Sweep().ok());
    CHECK(Text(folder.path()) == "{\"n\":1}\n");
    // A reader may have taken the file away already: it was committed all the same.
    std::filesystem::remove(folder.PathOf(Names(folder.path())[0]));
    CHECK(next->Resolve(handle).ok());
  }
}

TEST_CASE("nothing is concluded from another folder", "[file][sink]") {
  testing::TemporaryFolder one, two;
  std::string handle;
  {
    Sink sink(one.path(), 1);
    REQUIRE(sink->Open().ok());
    sink.Write(1, 1);
    handle = sink.Checkpoint(1);
  }
  Sink other(two.path(), 2);
  const absl::Status without_id = other->Resolve(handle);
  CHECK(without_id.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(without_id.message().find("SINK_FOLDER_MISMATCH") == 0);
  REQUIRE(other->Open().ok());
  const absl::Status other_id = other->Resolve(handle);
  CHECK(other_id.message().find("SINK_FOLDER_MISMATCH") == 0);
  CHECK(other_id.message().find(two.path()) != absl::string_view::npos);
  CHECK(Sink(one.path(), 2)->Resolve(handle).ok());
  CHECK(other->Resolve("nonsense").code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("what cannot be committed is said, and nothing is replaced", "[file][sink]") {
  testing::TemporaryFolder folder;
  Sink sink(folder.path(), 1);
  REQUIRE(sink->Open().ok());
  sink.Write(1, 1);
  const std::string bytes = sink.Checkpoint(1);
  const auto handle = DecodeHandle(bytes);
  REQUIRE(handle.ok());
  folder.Write(handle->visible, "somebody else's");
  CHECK(sink->Commit(bytes).code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Text(folder.path()) == "somebody else's");
  std::filesystem::remove(folder.PathOf(handle->visible));
  std::filesystem::resize_file(folder.PathOf(handle->hidden), 3);
  CHECK(sink->Resolve(bytes).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("at_least_once writes plain files at once", "[file][sink]") {
  testing::TemporaryFolder folder;
  Sink sink(folder.path(), 1, 0, false);
  REQUIRE(sink->Open().ok());
  sink.Write(1, 1);
  REQUIRE(sink->Flush().ok());
  CHECK(Text(folder.path()) == "{\"n\":1}\n");
  sink.Write(2, 1);
  CHECK(sink.Checkpoint(1).empty());
  CHECK(Text(folder.path()) == "{\"n\":1}\n{\"n\":2}\n");
  Sink again(folder.path(), 2, 0, false);
  REQUIRE(again->Open().ok());
  again.Write(2, 1);
  CHECK(again.Checkpoint(2).empty());
  CHECK(Names(folder.path()).size() == 2);
}

TEST_CASE("a folder that cannot be written is named", "[file][sink]") {
  testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "x");
  for (const std::string& path : {file, file + "/below", std::string("/proc/weir")}) {
    const absl::Status status = Sink(path, 1)->Open();
    INFO(status.message());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(status.message().find(path.substr(0, 5)) != absl::string_view::npos);
  }
  folder.Write(".weir-id", "damaged");
  CHECK(Sink(folder.path(), 1)->Open().code() == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace weir::taskmanager::file
