#include "taskmanager/format/encoder.h"

#include <cmath>
#include <string>
#include <tuple>

#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::taskmanager {
namespace {

using batch::TypeKind;

/// A row of every type, then a row of NULLs.
batch::Batch AllTypes() {
  auto schema = SchemaOf({{"t", "boolean"},
                          {"i", "int"},
                          {"n", "bigint"},
                          {"d", "double"},
                          {"m", "decimal(12,2)"},
                          {"s", "string"},
                          {"at", "timestamp"},
                          {"on", "date"}});
  batch::Batch batch;
  batch.schema = schema;
  batch.rows = 2;
  for (const batch::Field& field : schema->fields) {
    batch.columns.push_back(batch::Column::Allocate(field.type, 2));
    batch.columns.back().EnsureValidity()[1] = 0;
  }
  batch.columns[0].mutable_data<uint8_t>()[0] = 1;
  batch.columns[1].mutable_data<int32_t>()[0] = -5;
  batch.columns[2].mutable_data<int64_t>()[0] = INT64_MIN;
  batch.columns[3].mutable_data<double>()[0] = 0.1;
  batch.columns[4].mutable_data<batch::Decimal>()[0] = -150;
  batch.columns[5].mutable_data<batch::StringRef>()[0] = batch::StringRef("a\"b,\n\x01\xff");
  batch.columns[6].mutable_data<int64_t>()[0] = -1'500;
  batch.columns[7].mutable_data<int32_t>()[0] = 1;
  return batch;
}

std::string Encode(job::FormatType type, job::TimestampFormat timestamps, const batch::Batch& batch) {
  job::Format format;
  format.type = type;
  format.timestamps = timestamps;
  auto encoder = MakeEncoder(format, batch.schema);
  REQUIRE(encoder.ok());
  std::string out;
  (*encoder)->AppendHeader(&out);
  (*encoder)->Append(batch, &out);
  return out;
}

TEST_CASE("a special character is seen wherever it stands in a text", "[encoder]") {
  auto schema = SchemaOf({{"s", "string"}});
  for (size_t size : {1, 15, 16, 17, 33, 48}) {
    for (size_t at = 0; at < size; ++at) {
      for (const auto& [c, json, csv] : {std::tuple('"', "\\\"", "\"\""), std::tuple('\n', "\\n", "\n"),
                                         std::tuple('\\', "\\\\", ""), std::tuple(',', ",", ","),
                                         std::tuple('\r', "\\r", "\r"), std::tuple('\x1f', "\\u001f", ""),
                                         std::tuple('\xff', "\xef\xbf\xbd", ""), std::tuple('\x7f', "\x7f", "")}) {
        const std::string text = std::string(at, 'a') + c + std::string(size - at - 1, 'b');
        batch::Batch batch;
        batch.schema = schema;
        batch.rows = 1;
        batch.columns.push_back(batch::Column::Constant(schema->fields[0].type, 1, batch::StringRef(text)));
        INFO(text);
        const std::string before(at, 'a'), behind(size - at - 1, 'b');
        CHECK(Encode(job::FormatType::kJson, job::TimestampFormat::kMillis, batch) ==
              "{\"s\":\"" + before + json + behind + "\"}\n");
        CHECK(Encode(job::FormatType::kCsv, job::TimestampFormat::kMillis, batch) ==
              "s\n" + (*csv == 0 ? text : "\"" + before + csv + behind + "\"") + "\n");
      }
    }
  }
}

TEST_CASE("long texts are written in pieces", "[encoder]") {
  auto schema = SchemaOf({{"s", "string"}});
  for (const size_t size : {4094, 4095, 4096, 4097, 8191, 20'000}) {
    // A character of two bytes across the end of a piece, and quotes all over.
    const std::string plain(size, 'a'), quotes(size, '"');
    std::string escaped;
    for (size_t i = 0; i < size; ++i) escaped += "\\\"";
    for (const auto& [text, wanted] : {std::pair(plain + "\u00e9" + plain, plain + "\u00e9" + plain),
                                       std::pair(quotes, escaped), std::pair(plain + "\xc3", plain + "\xef\xbf\xbd")}) {
      batch::Batch batch;
      batch.schema = schema;
      batch.rows = 1;
      batch.columns.push_back(batch::Column::Constant(schema->fields[0].type, 1, batch::StringRef(text)));
      CHECK(Encode(job::FormatType::kJson, job::TimestampFormat::kMillis, batch) == "{\"s\":\"" + wanted + "\"}\n");
    }
  }
}

TEST_CASE("rows as records have no line ends", "[encoder]") {
  for (const job::FormatType type : {job::FormatType::kJson, job::FormatType::kCsv}) {
    const batch::Batch batch = AllTypes();
    job::Format format;
    format.type = type;
    auto encoder = MakeEncoder(format, batch.schema);
    REQUIRE(encoder.ok());
    std::string lines, records = "before";
    (*encoder)->Append(batch, &lines);
    std::vector<size_t> ends;
    (*encoder)->AppendRecords(batch, 0, 2, &records, &ends);
    REQUIRE(ends.size() == 2);
    CHECK(ends[1] == records.size());
    CHECK(lines == records.substr(6, ends[0] - 6) + "\n" + records.substr(ends[0]) + "\n");
    ends.clear();
    records.clear();
    (*encoder)->AppendRecords(batch, 1, 1, &records, &ends);
    CHECK(ends == std::vector<size_t>{records.size()});
    CHECK(lines.ends_with(records + "\n"));
  }
}

TEST_CASE("json out", "[encoder]") {
  const std::string nulls =
      "{\"t\":null,\"i\":null,\"n\":null,\"d\":null,\"m\":null,\"s\":null,\"at\":null,\"on\":null}\n";
  CHECK(Encode(job::FormatType::kJson, job::TimestampFormat::kMillis, AllTypes()) ==
        "{\"t\":true,\"i\":-5,\"n\":-9223372036854775808,\"d\":0.1,\"m\":-1.50,"
        "\"s\":\"a\\\"b,\\n\\u0001\xef\xbf\xbd\",\"at\":-2,\"on\":\"1970-01-02\"}\n" +
            nulls);
  CHECK(Encode(job::FormatType::kJson, job::TimestampFormat::kRfc3339, AllTypes())
            .find("\"at\":\"1969-12-31T23:59:59.998500Z\"") != std::string::npos);
}

TEST_CASE("json out: what JSON has no number for is null", "[encoder]") {
  batch::Batch batch;
  batch.schema = SchemaOf({{"d", "double"}});
  batch.rows = 3;
  batch.columns.push_back(batch::Column::Allocate(batch.schema->fields[0].type, 3));
  double* d = batch.columns[0].mutable_data<double>();
  d[0] = NAN;
  d[1] = -INFINITY;
  d[2] = 1e300;
  CHECK(Encode(job::FormatType::kJson, {}, batch) == "{\"d\":null}\n{\"d\":null}\n{\"d\":1e+300}\n");
}

TEST_CASE("csv out", "[encoder]") {
  CHECK(Encode(job::FormatType::kCsv, job::TimestampFormat::kRfc3339, AllTypes()) ==
        "t,i,n,d,m,s,at,on\n"
        "true,-5,-9223372036854775808,0.1,-1.50,\"a\"\"b,\n\x01\xff\",1969-12-31T23:59:59.998500Z,1970-01-02\n"
        ",,,,,,,\n");
}

TEST_CASE("raw out takes one column", "[encoder]") {
  auto decoder = MakeTestDecoder(job::FormatType::kRaw, SchemaOf({{"value", "bytes"}}));
  auto buffer = batch::Buffer::Copy("a\xff\nlonger than twelve bytes\n");
  const DecodeResult result = decoder->Decode({buffer, 0, buffer->size(), buffer->size(), true}, 10);
  CHECK(Encode(job::FormatType::kRaw, {}, result.batch) == "a\xff\nlonger than twelve bytes\n");
  job::Format format;
  format.type = job::FormatType::kRaw;
  CHECK(!MakeEncoder(format, AllTypes().schema).ok());
}

TEST_CASE("what is written is read back", "[encoder]") {
  const batch::Batch batch = AllTypes();
  for (job::FormatType type : {job::FormatType::kJson, job::FormatType::kCsv}) {
    const std::string text = Encode(type, job::TimestampFormat::kRfc3339, batch.Slice(1, 1));
    auto decoder = MakeTestDecoder(type, batch.schema);
    const auto header = decoder->ReadHeader(text, true);
    REQUIRE(header.ok());
    const Decoded decoded = DecodeAll(*decoder, std::string_view(text).substr(*header));
    CHECK(decoded.rows == std::vector<std::string>{RowToString(batch, 1)});
  }
}

}  // namespace
}  // namespace weir::taskmanager
