#include "taskmanager/connector/kafka/sink/row_encoder.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::taskmanager::kafka {
namespace {

job::Format FormatOf(job::FormatType type, job::TimestampFormat timestamps = job::TimestampFormat::kMillis) {
  job::Format format;
  format.type = type;
  format.timestamps = timestamps;
  return format;
}

/// Two rows of (user string, n bigint, at timestamp); the second has NULLs but for n.
batch::Batch Rows() {
  batch::Batch batch;
  batch.schema = SchemaOf({{"user", "string"}, {"n", "bigint"}, {"at", "timestamp"}});
  batch.rows = 2;
  for (const batch::Field& field : batch.schema->fields) {
    batch.columns.push_back(batch::Column::Allocate(field.type, 2));
  }
  batch.columns[0].mutable_data<batch::StringRef>()[0] = batch::StringRef("a\"b");
  batch.columns[0].mutable_data<batch::StringRef>()[1] = batch::StringRef("");
  batch.columns[0].EnsureValidity()[1] = 0;
  batch.columns[1].mutable_data<int64_t>()[0] = -7;
  batch.columns[1].mutable_data<int64_t>()[1] = 8;
  batch.columns[2].mutable_data<int64_t>()[0] = 1'500;
  batch.columns[2].mutable_data<int64_t>()[1] = 0;
  batch.columns[2].EnsureValidity()[1] = 0;
  return batch;
}

std::unique_ptr<RowEncoder> Make(const job::Format& format, const batch::SchemaPtr& schema,
                                 const KafkaSinkOptions& options) {
  auto made = RowEncoder::Make(format, schema, options);
  REQUIRE(made.ok());
  return std::move(*made);
}

TEST_CASE("a row is a value without a line end", "[row_encoder]") {
  const batch::Batch rows = Rows();
  auto json = Make(FormatOf(job::FormatType::kJson), rows.schema, {});
  const auto& records = json->Encode(rows, 0, 2);
  REQUIRE(records.size() == 2);
  CHECK(records[0].value == "{\"user\":\"a\\\"b\",\"n\":-7,\"at\":1}");
  CHECK(records[1].value == "{\"user\":null,\"n\":8,\"at\":null}");
  CHECK_FALSE(records[0].has_key);
  CHECK(records[0].has_value);
  auto csv = Make(FormatOf(job::FormatType::kCsv), rows.schema, {});
  CHECK(csv->Encode(rows, 1, 1)[0].value == ",8,");
}

TEST_CASE("a key is the value's text", "[row_encoder]") {
  const batch::Batch rows = Rows();
  KafkaSinkOptions options;
  options.key = "user";
  auto by_user = Make(FormatOf(job::FormatType::kJson), rows.schema, options);
  const auto& records = by_user->Encode(rows, 0, 2);
  CHECK(records[0].has_key);
  CHECK(records[0].key == "a\"b");
  CHECK_FALSE(records[1].has_key);

  options.key = "n";
  auto by_n = Make(FormatOf(job::FormatType::kJson), rows.schema, options);
  CHECK(by_n->Encode(rows, 0, 2)[0].key == "-7");
  CHECK(by_n->Encode(rows, 0, 2)[1].key == "8");
  CHECK(by_n->Encode(rows, 1, 1)[0].key == "8");

  options.key = "at";
  auto by_time = Make(FormatOf(job::FormatType::kJson), rows.schema, options);
  CHECK(by_time->Encode(rows, 0, 2)[0].key == "1");
  CHECK_FALSE(by_time->Encode(rows, 0, 2)[1].has_key);
  auto by_text = Make(FormatOf(job::FormatType::kJson, job::TimestampFormat::kRfc3339), rows.schema, options);
  CHECK(by_text->Encode(rows, 0, 2)[0].key == "1970-01-01T00:00:00.001500Z");
}

TEST_CASE("raw passes bytes through, NULL is a tombstone", "[row_encoder]") {
  batch::Batch rows;
  rows.schema = SchemaOf({{"value", "bytes"}});
  rows.rows = 3;
  rows.columns.push_back(batch::Column::Allocate(rows.schema->fields[0].type, 3));
  rows.columns[0].mutable_data<batch::StringRef>()[0] = batch::StringRef("a\nb");
  rows.columns[0].mutable_data<batch::StringRef>()[1] = batch::StringRef("");
  rows.columns[0].mutable_data<batch::StringRef>()[2] = batch::StringRef("");
  rows.columns[0].EnsureValidity()[2] = 0;
  auto raw = Make(FormatOf(job::FormatType::kRaw), rows.schema, {});
  const auto& records = raw->Encode(rows, 0, 3);
  CHECK(records[0].value == "a\nb");
  CHECK(records[1].has_value);
  CHECK(records[1].value.empty());
  CHECK_FALSE(records[2].has_value);
}

TEST_CASE("headers are columns, NULLs are left out", "[row_encoder]") {
  const batch::Batch rows = Rows();
  KafkaSinkOptions options;
  options.headers = {{"who", "user"}, {"count", "n"}};
  auto encoder = Make(FormatOf(job::FormatType::kJson), rows.schema, options);
  CHECK(encoder->has_headers());
  using Headers = std::vector<std::pair<std::string, std::string>>;
  CHECK(encoder->Headers(rows, 0) == Headers{{"who", "a\"b"}, {"count", "-7"}});
  CHECK(encoder->Headers(rows, 1) == Headers{{"count", "8"}});
}

TEST_CASE("columns that are not there are named", "[row_encoder]") {
  KafkaSinkOptions options;
  options.key = "usr";
  const auto made = RowEncoder::Make(FormatOf(job::FormatType::kJson), Rows().schema, options);
  REQUIRE(made.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(made.status().message()).find("key `usr`") != std::string::npos);
  CHECK_FALSE(RowEncoder::Make(FormatOf(job::FormatType::kRaw), Rows().schema, {}).ok());
}

}  // namespace
}  // namespace weir::taskmanager::kafka
