#include "taskmanager/connector/kafka/source/value_decoder.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka {
namespace {

using Record = std::optional<std::string>;

struct Outcome {
  std::vector<std::string> rows;  // of values 0, 1, …: the row, or `! message`
  int calls = 0;
};

/// Decodes all the values, as the reader does, and checks that each becomes one row or one bad row.
class Bench {
 public:
  explicit Bench(job::FormatType format, bool one_column = false) {
    DecoderOptions options;
    options.format = format;
    if (format == job::FormatType::kRaw) {
      options.schema = std::make_shared<batch::Schema>(
          batch::Schema{{{"value", {.kind = batch::TypeKind::kBytes, .nullable = false}}}});
    } else if (one_column) {
      options.schema =
          std::make_shared<batch::Schema>(batch::Schema{{{"user", {.kind = batch::TypeKind::kString}}}});
    } else {
      options.schema = std::make_shared<batch::Schema>(batch::Schema{
          {{"user", {.kind = batch::TypeKind::kString, .nullable = false}}, {"n", {.kind = batch::TypeKind::kBigint}}}});
    }
    decoder_ = *ValueDecoder::Make(std::move(options));
  }

  Outcome Run(const std::vector<Record>& records) {
    std::vector<Value> values;
    for (const Record& record : records) {
      values.push_back(record ? Value{record->data(), record->size()} : Value{});
    }
    Outcome outcome;
    while (outcome.rows.size() < values.size()) {
      const size_t at = outcome.rows.size();
      const auto left = static_cast<int64_t>(values.size() - at);
      const ValueDecoder::Result result = decoder_->Decode(values.data() + at, left);
      ++outcome.calls;
      REQUIRE(result.taken >= 1);
      REQUIRE(result.taken <= left);
      REQUIRE(result.batch.rows + static_cast<int64_t>(result.bad.size()) == result.taken);
      REQUIRE(result.batch.columns.size() == static_cast<size_t>(result.batch.schema->size()));
      size_t bad = 0;
      int64_t row = 0;
      for (int64_t i = 0; i < result.taken; ++i) {
        if (bad < result.bad.size() && result.bad[bad].index == i) {
          outcome.rows.push_back(absl::StrCat("! ", result.bad[bad++].message));
        } else {
          outcome.rows.push_back(batch::RowToString(result.batch, row++));
        }
      }
      kept_.push_back(result.batch);
    }
    return outcome;
  }

 private:
  std::unique_ptr<ValueDecoder> decoder_;
  std::vector<batch::Batch> kept_;
};

TEST_CASE("kafka values: JSON, a row each, in one call") {
  Bench bench(job::FormatType::kJson);
  const Outcome outcome = bench.Run({R"({"user":"a","n":1})", R"({"user":"a name that is long","n":2})", R"({"user":"c"})"});
  CHECK(outcome.calls == 1);
  CHECK(outcome.rows == std::vector<std::string>{R"({user: "a", n: 1})", R"({user: "a name that is long", n: 2})",
                                                 R"({user: "c", n: NULL})"});
}

TEST_CASE("kafka values: what is wrong with one value never touches its neighbours") {
  Bench bench(job::FormatType::kJson);
  const std::string good = R"({"user":"g","n":1})";
  const std::string row = R"({user: "g", n: 1})";
  const std::vector<Record> poison = {
      std::nullopt, "", "  \n", "\n", "nonsense", "{", "}", "{\"user\":\"a", "\"", "[1]", "{\"user\":\"a\"}{\"user\":\"b\"}",
      "{\"user\":\"a\"}\n{\"user\":\"b\"}", "{\"user\":\"a\nb\"}", std::string("\0\0", 2), std::string("{\"user\":\"a\0\"}", 13),
      "\xff\xfe", "{\"user\":1}", "{\"n\":1}", "{\"user\":\"a\",\"n\":1.5}", "\\"};
  for (const Record& bad : poison) {
    CAPTURE(bad.value_or("<null>"));
    const Outcome outcome = bench.Run({good, bad, good, bad, bad, good});
    CHECK(outcome.calls == 1);
    for (const size_t i : {0, 2, 5}) CHECK(outcome.rows[i] == row);
    for (const size_t i : {1, 3, 4}) CHECK(outcome.rows[i].substr(0, 2) == "! ");
  }
}

TEST_CASE("kafka values: line ends inside of JSON are white space") {
  Bench bench(job::FormatType::kJson);
  const Outcome outcome = bench.Run({"{\n  \"user\": \"a\",\r\n  \"n\": 1\n}\n", R"({"user":"b"})"});
  CHECK(outcome.rows == std::vector<std::string>{R"({user: "a", n: 1})", R"({user: "b", n: NULL})"});
}

TEST_CASE("kafka values: CSV has the schema's order and no header") {
  Bench bench(job::FormatType::kCsv);
  const Outcome outcome = bench.Run({"a,1", "b,\n", "\"c\"\"d\",3\r\n", "\"e,f\",4"});
  CHECK(outcome.calls == 1);
  CHECK(outcome.rows == std::vector<std::string>{R"({user: "a", n: 1})", R"({user: "b", n: NULL})",
                                                 R"({user: "c"d", n: 3})", R"({user: "e,f", n: 4})"});
}

TEST_CASE("kafka values: CSV quotes and line ends stay inside of their value") {
  Bench bench(job::FormatType::kCsv);
  const std::vector<Record> poison = {std::nullopt, "", "\r\n", "\"open,1", "a\",1", "a", "a,1,2", "a,1\nb,2",
                                      "\"a\nb\",1\nc,2", "\"a\"b,1", "\"\"\",1", "a,x"};
  for (const Record& bad : poison) {
    CAPTURE(bad.value_or("<null>"));
    const Outcome outcome = bench.Run({"g,1", bad, "g,1", bad, bad, "\"g\",1"});
    for (const size_t i : {0, 2, 5}) CHECK(outcome.rows[i] == R"({user: "g", n: 1})");
    for (const size_t i : {1, 3, 4}) CHECK(outcome.rows[i].substr(0, 2) == "! ");
  }
  CHECK(bench.Run({"a,1", "\"two\nlines\",2", "b,3"}).rows ==
        std::vector<std::string>{R"({user: "a", n: 1})", "{user: \"two\nlines\", n: 2}", R"({user: "b", n: 3})"});
  Bench one(job::FormatType::kCsv, true);
  CHECK(one.Run({"", "x"}).rows == std::vector<std::string>{"! the record's value is empty", R"({user: "x"})"});
}

TEST_CASE("kafka values: raw passes every byte, and only a missing value is bad") {
  Bench bench(job::FormatType::kRaw);
  const Outcome outcome = bench.Run({"a\nb", "", std::nullopt, std::string("\0x", 2), std::string(100, 'z')});
  CHECK(outcome.calls == 1);
  REQUIRE(outcome.rows.size() == 5);
  CHECK(outcome.rows[0].find("a\nb") != std::string::npos);
  CHECK(outcome.rows[2] == "! the record has no value");
  CHECK(outcome.rows[4].find(std::string(100, 'z')) != std::string::npos);
}

TEST_CASE("kafka values: many large values take several calls, one that is too large is bad") {
  Bench bench(job::FormatType::kJson);
  const std::string large = absl::StrCat(R"({"user":")", std::string(ValueDecoder::kMaxBytes / 2, 'x'), "\"}");
  const Outcome outcome = bench.Run({large, large, large, std::string(Decoder::kMaxRowBytes + 1, 'x'), R"({"user":"b"})"});
  CHECK(outcome.calls > 1);
  CHECK(outcome.rows[2].size() > ValueDecoder::kMaxBytes / 2);
  CHECK(outcome.rows[3] == "! the value is longer than 16 MiB");
  CHECK(outcome.rows[4] == R"({user: "b", n: NULL})");
}

TEST_CASE("kafka values: batches that are still in use keep their bytes") {
  Bench bench(job::FormatType::kRaw);
  DecoderOptions options;
  options.format = job::FormatType::kRaw;
  options.schema = std::make_shared<batch::Schema>(
      batch::Schema{{{"value", {.kind = batch::TypeKind::kBytes, .nullable = false}}}});
  const auto decoder = *ValueDecoder::Make(std::move(options));
  std::vector<batch::Batch> batches;
  for (int i = 0; i < 20; ++i) {
    const std::string text(40, static_cast<char>('a' + i));
    const Value value{text.data(), text.size()};
    batches.push_back(decoder->Decode(&value, 1).batch);
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(batch::RowToString(batches[i], 0).find(std::string(40, static_cast<char>('a' + i))) != std::string::npos);
  }
}

}  // namespace
}  // namespace weir::taskmanager::kafka
