#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/fs/posix/posix_file_system.h"
#include "taskmanager/connector/file/file_enumerator.h"
#include "taskmanager/connector/file/file_reader.h"
#include "taskmanager/connector/file/file_split.h"
#include "tests/support/temporary_folder.h"

namespace weir::taskmanager::file {
namespace {

using Splits = std::vector<checkpoint::SourceSplits::Split>;

/// A source in the job file, and what it has read.
struct Source {
  explicit Source(job::FormatType format, job::OnError on_error = job::OnError::kFail) {
    node.name = "in";
    node.type = "file";
    node.format.type = format;
    node.format.on_error = on_error;
    auto made = std::make_shared<batch::Schema>();
    if (format == job::FormatType::kRaw) {
      made->fields = {{"value", *batch::ParseDataType("bytes not null")}};
    } else {
      made->fields = {{"n", *batch::ParseDataType("bigint not null")}, {"s", *batch::ParseDataType("string")}};
    }
    schema = made;
    auto errors = std::make_shared<batch::Schema>();
    errors->fields = {{"raw", *batch::ParseDataType("bytes")},
                      {"error", *batch::ParseDataType("string")},
                      {"origin", *batch::ParseDataType("string")}};
    context.node = &node;
    context.schema = schema;
    context.errors_schema = errors;
  }

  std::unique_ptr<FileReader> Reader(size_t read_bytes = FileReader::kReadBytes) const {
    DecoderOptions options;
    options.format = node.format.type;
    options.schema = schema;
    auto decoder = MakeDecoder(options);
    REQUIRE(decoder.ok());
    return std::make_unique<FileReader>(context, std::move(*decoder), read_bytes);
  }

  job::Node node;
  batch::SchemaPtr schema;
  SourceContext context;
};

struct Rows {
  std::vector<std::string> rows;
  std::vector<std::string> errors;
  int64_t skipped = 0;
  absl::Status status;
};

/// Reads on until the end, an error, or `most` calls.
void ReadOn(SourceReader& reader, int64_t max_rows, Rows* out, int64_t most = 1'000'000) {
  for (int64_t i = 0; i < most; ++i) {
    auto result = reader.Read(max_rows);
    if (!result.ok()) {
      out->status = result.status();
      return;
    }
    if (result->kind == ReadResult::Kind::kEnded) return;
    REQUIRE(result->kind == ReadResult::Kind::kBatch);
    REQUIRE(result->batch.rows <= max_rows);
    for (int64_t row = 0; row < result->batch.rows; ++row) out->rows.push_back(RowToString(result->batch, row));
    for (int64_t row = 0; row < result->errors.rows; ++row) out->errors.push_back(RowToString(result->errors, row));
    out->skipped += result->skipped_rows;
  }
  FAIL("the source does not end");
}

Splits Cut(const std::string& path, int64_t range) {
  const OpenFile file = std::move(fs::Posix().Open(path, fs::OpenMode::kRead).value);
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path));
  const auto identity = Identify(file, path, size);
  REQUIRE(identity.ok());
  Splits splits;
  for (int64_t begin = 0; begin < size; begin += range) {
    splits.push_back({EncodeSplit({path, begin, std::min(begin + range, size), *identity}), path});
  }
  return splits;
}

Rows ReadAll(const Source& source, const Splits& splits, int64_t max_rows, size_t read_bytes) {
  auto reader = source.Reader(read_bytes);
  for (size_t i = 0; i < splits.size(); ++i) REQUIRE(reader->AddSplit(static_cast<int32_t>(i), splits[i], "").ok());
  Rows rows;
  ReadOn(*reader, max_rows, &rows);
  return rows;
}

/// Lines of very different lengths, some bad, some blank.
std::string MixedLines(int count) {
  Rng rng(3);
  std::string text;
  for (int i = 0; i < count; ++i) {
    switch (rng.Below(6)) {
      case 0:
        absl::StrAppend(&text, "{\"n\":", i, ",\"s\":\"", std::string(rng.Below(90), 'x'), "\"}\n");
        break;
      case 1:
        absl::StrAppend(&text, "bad line ", i, "\n");
        break;
      case 2:
        absl::StrAppend(&text, "{\"n\":", i, ",\"s\":\"\\u00e9", i, "\"}\r\n");
        break;
      case 3:
        absl::StrAppend(&text, "{\"n\":", i, "}\n\n");
        break;
      default:
        absl::StrAppend(&text, "{\"s\":\"short\",\"n\":", i, "}\n");
    }
  }
  text.pop_back();  // the last line has no end
  return text;
}

TEST_CASE("any ranges, reads and batches give the same rows in the same order", "[file][source]") {
  testing::TemporaryFolder folder;
  const std::string path = folder.Write("in.jsonl", MixedLines(60));
  const Source source(job::FormatType::kJson, job::OnError::kRoute);
  const Rows whole = ReadAll(source, Cut(path, 1 << 20), 1000, FileReader::kReadBytes);
  REQUIRE(whole.status.ok());
  REQUIRE(whole.rows.size() > 30);
  REQUIRE(whole.errors.size() > 3);
  for (int64_t range : {1, 2, 3, 17, 64, 100, 333, 5000}) {
    for (size_t read_bytes : {size_t{1}, size_t{13}, size_t{100}, size_t{4096}}) {
      for (int64_t max_rows : {1, 7, 1000}) {
        INFO(range << " " << read_bytes << " " << max_rows);
        const Rows rows = ReadAll(source, Cut(path, range), max_rows, read_bytes);
        REQUIRE(rows.status.ok());
        REQUIRE(rows.rows == whole.rows);
        REQUIRE(rows.errors == whole.errors);
      }
    }
  }
}

TEST_CASE("reading goes on at any position", "[file][source]") {
  testing::TemporaryFolder folder;
  const std::string csv = "n,s\n1,a\n2,\"two\nlines\"\n3,\"say \"\"x\"\"\"\n4,\n5,\"end\"";
  struct File {
    job::FormatType format;
    std::string path;
    int64_t range;
  };
  for (const File& file :
       {File{job::FormatType::kJson, folder.Write("a.jsonl", MixedLines(30)), 50},
        File{job::FormatType::kJson, folder.Write("b.jsonl", MixedLines(30)), 1 << 20},
        File{job::FormatType::kCsv, folder.Write("c.csv", csv), 1 << 20},
        File{job::FormatType::kRaw, folder.Write("d.txt", "\nx\n\nlong line without an end"), 4}}) {
    const Source source(file.format, job::OnError::kSkip);
    const Splits splits = Cut(file.path, file.range);
    const Rows whole = ReadAll(source, splits, 1000, FileReader::kReadBytes);
    REQUIRE(whole.status.ok());
    for (size_t read_bytes : {size_t{5}, size_t{4096}}) {
      // After every single Read, everything is thrown away and a new reader goes on from the positions.
      Rows rows;
      std::vector<std::string> positions(splits.size());
      std::vector<bool> ended(splits.size());
      for (int round = 0; round < 100'000; ++round) {
        auto reader = source.Reader(read_bytes + static_cast<size_t>(round) / 4);
        for (size_t i = 0; i < splits.size(); ++i) {
          if (!ended[i]) REQUIRE(reader->AddSplit(static_cast<int32_t>(i), splits[i], positions[i]).ok());
        }
        // A read that is too short for a row makes no progress yet.
        absl::StatusOr<ReadResult> result = reader->Read(2);
        for (int i = 0; i < 50 && result.ok() && result->kind == ReadResult::Kind::kBatch &&
                        result->batch.rows == 0 && result->skipped_rows == 0 && !result->split_ended;
             ++i) {
          result = reader->Read(2);
        }
        REQUIRE(result.ok());
        if (result->kind == ReadResult::Kind::kEnded) break;
        for (int64_t row = 0; row < result->batch.rows; ++row) rows.rows.push_back(RowToString(result->batch, row));
        rows.skipped += result->skipped_rows;
        positions[result->split] = reader->Position(result->split);
        ended[result->split] = result->split_ended;
      }
      CHECK(rows.rows == whole.rows);
      CHECK(rows.skipped == whole.skipped);
      CHECK(std::find(ended.begin(), ended.end(), false) == ended.end());
    }
  }
}

TEST_CASE("a bad row is named by file and line", "[file][source]") {
  testing::TemporaryFolder folder;
  std::string text;
  for (int i = 1; i <= 500; ++i) {
    absl::StrAppend(&text, i % 100 == 37 ? "{\"n\":\"x\"}" : absl::StrCat("{\"n\":", i, "}"), "\n");
  }
  const std::string path = folder.Write("in.jsonl", text);
  const Rows failed = ReadAll(Source(job::FormatType::kJson), Cut(path, 100), 10, 64);
  CHECK(failed.status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(failed.status.message()) == path + ":37: `n`: expected bigint not null, but \"x\" is a string");

  const Rows routed = ReadAll(Source(job::FormatType::kJson, job::OnError::kRoute), Cut(path, 100), 10, 64);
  REQUIRE(routed.errors.size() == 5);
  CHECK(routed.errors[4] ==
        "{raw: \"{\"n\":\"x\"}\", error: \"`n`: expected bigint not null, but \"x\" is a string\", origin: \"" +
            path + ":437\"}");
  CHECK(ReadAll(Source(job::FormatType::kJson, job::OnError::kSkip), Cut(path, 100), 10, 64).skipped == 5);

  const std::string csv = folder.Write("in.csv", "n,s\n1,\"two\nlines\"\nx,\n");
  const Rows bad_csv = ReadAll(Source(job::FormatType::kCsv), Cut(csv, 1 << 20), 10, 64);
  CHECK(std::string(bad_csv.status.message()) == csv + ":4: `n`: `x` is not a bigint");
  const std::string header = folder.Write("header.csv", "a,s\n1,2\n");
  CHECK(std::string(ReadAll(Source(job::FormatType::kCsv), Cut(header, 1 << 20), 10, 64).status.message()) ==
        header + ":1: the header has no `n`, only a, s");
}

TEST_CASE("a row that is too long is a bad row", "[file][source]") {
  testing::TemporaryFolder folder;
  const std::string path = folder.Write(
      "in.jsonl",
      absl::StrCat("{\"n\":1}\n{\"n\":2,\"s\":\"", std::string(Decoder::kMaxRowBytes, 'x'), "\"}\n{\"n\":3}\n"));
  const Source source(job::FormatType::kJson, job::OnError::kSkip);
  for (int64_t range : {int64_t{1} << 30, int64_t{5} << 20}) {
    const Rows rows = ReadAll(source, Cut(path, range), 10, FileReader::kReadBytes);
    CHECK(rows.rows == std::vector<std::string>{"{n: 1, s: NULL}", "{n: 3, s: NULL}"});
    CHECK(rows.skipped == 1);
  }
}

TEST_CASE("another file under the same name is noticed", "[file][source]") {
  testing::TemporaryFolder folder;
  const std::string path = folder.Write("in.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  const Source source(job::FormatType::kJson);
  const Splits splits = Cut(path, 8);
  auto code_and_name = [&](const Rows& rows) {
    return absl::StrCat(absl::StatusCodeToString(rows.status.code()), " ",
                        std::string(rows.status.message()).substr(0, std::string(rows.status.message()).find(':')));
  };
  folder.Write("in.jsonl", "{\"n\":1}\n");
  CHECK(code_and_name(ReadAll(source, splits, 10, 64)) == "FAILED_PRECONDITION SOURCE_FILE_CHANGED");
  folder.Write("in.jsonl", "{\"n\":1}\n{\"n\":3}\n");
  CHECK(code_and_name(ReadAll(source, splits, 10, 64)) == "FAILED_PRECONDITION SOURCE_FILE_CHANGED");
  std::filesystem::remove(path);
  CHECK(code_and_name(ReadAll(source, splits, 10, 64)) == "FAILED_PRECONDITION SOURCE_FILE_MISSING");
  // What was appended later is not part of the job's input.
  folder.Write("in.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
  CHECK(ReadAll(source, splits, 10, 64).rows.size() == 2);
}

TEST_CASE("files are found, sorted and cut", "[file][source]") {
  testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder.PathOf("c.jsonl"));
  folder.Write("b.jsonl", std::string(300'000, '\n'));
  folder.Write("B.jsonl", "x\n");
  folder.Write("empty.jsonl", "");
  folder.Write(".hidden.jsonl", "x\n");
  auto found = [&](const std::string& path, bool splittable, int parallelism) {
    FileEnumerator enumerator(folder.PathOf(path), splittable);
    return enumerator.Enumerate(parallelism);
  };
  const auto splits = found("*.jsonl", true, 4);
  REQUIRE(splits.ok());
  REQUIRE(splits->size() == 1 + (300'000 + 65'535) / 65'536);
  CHECK(splits->front().group == folder.PathOf("B.jsonl"));
  int64_t end = 0;
  for (size_t i = 1; i < splits->size(); ++i) {
    const auto split = DecodeSplit((*splits)[i].payload);
    REQUIRE(split.ok());
    CHECK((*splits)[i].group == folder.PathOf("b.jsonl"));
    CHECK(split->begin == end);
    end = split->end;
  }
  CHECK(end == 300'000);
  CHECK(found("*.jsonl", false, 4)->size() == 2);
  CHECK(found("empty.jsonl", true, 4)->empty());
  CHECK(found("*.txt", true, 1).status().message() == "no file matches " + folder.PathOf("*.txt"));
  CHECK(found("missing", true, 1).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(found("c.jsonl", true, 1).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(!DecodeSplit("nonsense").ok());
}

}  // namespace
}  // namespace weir::taskmanager::file
