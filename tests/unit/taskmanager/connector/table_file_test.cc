#include "taskmanager/connector/file/table_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/security/path_roots.h"
#include "tests/support/temporary_folder.h"

namespace weir::taskmanager::file {
namespace {

/// A table in the job file, and its file.
struct Table {
  Table(job::FormatType format, const std::string& content) {
    path = folder.path() + "/table";
    std::ofstream(path, std::ios::binary) << content;
    node.name = "joined";
    node.format.type = format;
    config::Value value;
    value.kind = config::Value::Kind::kString;
    value.text = path;
    node.options.entries.push_back({"path", {}, value});
    auto made = std::make_shared<batch::Schema>();
    made->fields = {{"key", *batch::ParseDataType("bigint not null")}, {"value", *batch::ParseDataType("string")}};
    context.node = &node;
    context.schema = made;
  }
  absl::StatusOr<BoundedTable> Read() const { return ReadTable(context); }
  std::string Text() const {
    const auto table = Read();
    INFO(table.status());
    REQUIRE(table.ok());
    std::string text;
    for (int64_t i = 0; i < table->rows.rows; ++i) text += batch::RowToString(table->rows, i);
    return text;
  }
  void CheckFails(const std::string& what) const {
    const auto table = Read();
    REQUIRE_FALSE(table.ok());
    CHECK(absl::IsInvalidArgument(table.status()));
    INFO(table.status());
    CHECK(std::string(table.status().message()).find(what) != std::string::npos);
  }

  testing::TemporaryFolder folder;
  std::string path;
  job::Node node;
  SourceContext context;
};

TEST_CASE("table file: all rows, of either format", "[connector]") {
  const std::string rows = R"({key: 1, value: "a value of more than twelve bytes"}{key: 2, value: NULL})";
  CHECK(Table(job::FormatType::kCsv, "key,value\n1,a value of more than twelve bytes\n2,\n").Text() == rows);
  CHECK(Table(job::FormatType::kCsv, "\xef\xbb\xbfvalue,key\na value of more than twelve bytes,1\n,2").Text() == rows);
  CHECK(Table(job::FormatType::kJson, "{\"key\": 1, \"value\": \"a value of more than twelve bytes\"}\n{\"key\": 2}")
            .Text() == rows);
}

TEST_CASE("table file: more rows than a batch has, and none", "[connector]") {
  std::string content = "key,value\n";
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&content, i, ",v", i, "\n");
  const auto table = Table(job::FormatType::kCsv, content).Read();
  REQUIRE(table.ok());
  REQUIRE(table->rows.rows == 10'000);
  CHECK(batch::RowToString(table->rows, 9'999) == R"({key: 9999, value: "v9999"})");
  CHECK(Table(job::FormatType::kCsv, "key,value\n").Text().empty());
  CHECK(Table(job::FormatType::kJson, "").Text().empty());
}

TEST_CASE("table file: the digest stands for the content", "[connector]") {
  const auto a = Table(job::FormatType::kCsv, "key,value\n1,a\n").Read();
  const auto same = Table(job::FormatType::kCsv, "key,value\n1,a\n").Read();
  const auto other = Table(job::FormatType::kCsv, "key,value\n1,b\n").Read();
  REQUIRE((a.ok() && same.ok() && other.ok()));
  CHECK(a->digest == same->digest);
  CHECK(a->digest != other->digest);
}

TEST_CASE("table file: what is wrong is said with path and line", "[connector]") {
  const Table bad(job::FormatType::kCsv, "key,value\n1,a\nx,b\n");
  bad.CheckFails(bad.path + ":3: ");
  const Table header(job::FormatType::kCsv, "number,value\n1,a\n");
  header.CheckFails(header.path + ":1");
  Table missing(job::FormatType::kCsv, "");
  missing.node.options.entries[0].value.text += ".gone";
  missing.CheckFails(missing.path + ".gone");
  Table folder(job::FormatType::kCsv, "");
  folder.node.options.entries[0].value.text = folder.folder.path();
  folder.CheckFails("is no file");
}

TEST_CASE("table file: only below the allowed folders", "[connector]") {
  Table table(job::FormatType::kCsv, "key,value\n1,a\n");
  table.context.roots = std::make_shared<const security::PathRoots>(std::vector<std::string>{"/nowhere"});
  CHECK_FALSE(table.Read().ok());
  table.context.roots =
      std::make_shared<const security::PathRoots>(std::vector<std::string>{table.folder.path()});
  CHECK(table.Read().ok());
}

}  // namespace
}  // namespace weir::taskmanager::file
