#include "common/batch/batch.h"

#include <catch2/catch.hpp>

#include "common/base/rng.h"

using namespace weir::batch;

namespace {

DataType Type(const char* text) { return *ParseDataType(text); }

Batch Sample(weir::Rng& rng, int64_t rows) {
  auto schema = std::make_shared<Schema>();
  for (const char* type : {"boolean", "int", "bigint", "double", "decimal(12,2)", "string", "bytes", "timestamp", "date"}) {
    schema->fields.push_back({std::string("c_") + type, Type(type)});
  }
  Batch batch;
  batch.schema = schema;
  batch.rows = rows;
  for (const Field& field : schema->fields) {
    Column column = Column::Allocate(field.type, rows);
    StringArena arena;
    const int width = Width(field.type.kind);
    for (int64_t i = 0; i < rows; ++i) {
      char* to = column.mutable_data<char>() + i * width;
      if (IsVariable(field.type.kind)) {
        const StringRef ref(arena.Copy(rng.Hex(static_cast<int>(rng.Below(40)))));
        std::memcpy(to, &ref, 16);
      } else {
        const Decimal value = field.type.kind == TypeKind::kBoolean ? rng.Below(2) : rng.Below(1'000'000);
        std::memcpy(to, &value, static_cast<size_t>(width));
      }
      if (rng.Below(4) == 0) column.EnsureValidity()[i] = 0;
    }
    column.AddHeaps(arena.buffers());
    batch.columns.push_back(column);
  }
  batch.event_times = Buffer::Allocate(static_cast<size_t>(rows) * 8);
  for (int64_t i = 0; i < rows; ++i) reinterpret_cast<int64_t*>(batch.event_times->data())[i] = i;
  return batch;
}

std::vector<std::string> Rows(const Batch& batch) {
  std::vector<std::string> out;
  for (int64_t i = 0; i < batch.rows; ++i) {
    out.push_back(RowToString(batch, i) + (batch.times() ? std::to_string(batch.times()[i]) : ""));
  }
  return out;
}

}  // namespace

TEST_CASE("DataType: the spellings of a job file", "[batch]") {
  CHECK(ToString(Type("Decimal(12, 2) NOT NULL")) == "decimal(12,2) not null");
  CHECK(ToString(Type("timestamp")) == "timestamp");
  CHECK_FALSE(ParseDataType("varchar"));
  CHECK_FALSE(ParseDataType("decimal(39,2)"));
  CHECK_FALSE(ParseDataType("decimal(2,3)"));
  CHECK_FALSE(ParseDataType("int(3)"));
  CHECK_FALSE(ParseDataType(""));
}

TEST_CASE("Batch: the wire form brings back every row", "[batch]") {
  weir::Rng rng(1);
  for (const int64_t rows : {0, 1, 7, 1000}) {
    Batch batch = Sample(rng, rows);
    batch.columns[0] = Column::Null(batch.columns[0].type(), rows);
    batch.columns[5] = Column::Constant(batch.columns[5].type(), rows, StringRef("constant, longer than inline"));
    std::string bytes;
    EncodeBatch(batch, &bytes);
    auto decoded = DecodeBatch(batch.schema, Buffer::Copy(bytes));
    REQUIRE(decoded.ok());
    CHECK(Rows(*decoded) == Rows(batch));
  }
}

TEST_CASE("Batch: damaged wire bytes are refused or decode to something, never read outside", "[batch]") {
  weir::Rng rng(2);
  const Batch batch = Sample(rng, 20);
  std::string bytes;
  EncodeBatch(batch, &bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK_FALSE(DecodeBatch(batch.schema, Buffer::Copy(bytes.substr(0, cut))).ok());
  }
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    damaged[rng.Below(damaged.size())] ^= static_cast<char>(1 << rng.Below(8));
    auto decoded = DecodeBatch(batch.schema, Buffer::Copy(damaged));
    if (decoded.ok()) Rows(*decoded);
  }
}

TEST_CASE("Batch: gather, slice and builder agree row by row", "[batch]") {
  weir::Rng rng(3);
  Batch batch = Sample(rng, 100);
  batch.columns[2] = Column::Constant(batch.columns[2].type(), 100, int64_t{42});
  const std::vector<std::string> all = Rows(batch);
  std::vector<uint32_t> picks;
  std::vector<std::string> expected;
  for (int i = 0; i < 37; ++i) picks.push_back(static_cast<uint32_t>(rng.Below(100)));
  for (const uint32_t p : picks) expected.push_back(all[p]);
  CHECK(Rows(batch.Gather(picks.data(), 37)) == expected);
  const auto slice = Rows(batch.Slice(10, 5));
  CHECK(slice == std::vector<std::string>(all.begin() + 10, all.begin() + 15));
  BatchBuilder builder(batch.schema, true);
  builder.Append(batch, picks.data(), 20);
  builder.Append(batch, picks.data() + 20, 17);
  CHECK(builder.rows() == 37);
  CHECK(Rows(builder.Finish()) == expected);
  CHECK(builder.rows() == 0);
}

TEST_CASE("Batch: row kinds go wherever rows go", "[batch]") {
  weir::Rng rng(4);
  const Batch inserts = Sample(rng, 6);
  Batch batch = Sample(rng, 6);
  batch.row_kinds = Buffer::Copy({"\0\2\0\2\3\1", 6});
  auto kinds = [](const Batch& b) {
    std::string out;
    for (int64_t i = 0; i < b.rows; ++i) out += static_cast<char>('0' + static_cast<int>(b.kind(i)));
    return out;
  };
  const uint32_t picks[] = {5, 1, 1, 0};
  CHECK(kinds(batch.Gather(picks, 4)) == "1220");
  CHECK(kinds(batch.Slice(1, 3)) == "202");
  std::string bytes;
  EncodeBatch(batch, &bytes);
  CHECK(kinds(*DecodeBatch(batch.schema, Buffer::Copy(bytes))) == "020231");
  bytes.back() = 4;
  CHECK(absl::IsDataLoss(DecodeBatch(batch.schema, Buffer::Copy(bytes)).status()));
  // The builder's rows of before are inserts, and what comes after without kinds, too.
  BatchBuilder builder(batch.schema, true);
  builder.Append(inserts, picks, 2);
  builder.Append(batch, picks, 4);
  builder.Append(inserts, picks, 1);
  CHECK(kinds(builder.Finish()) == "0012200");
  builder.Append(inserts, picks, 2);
  CHECK(builder.Finish().row_kinds == nullptr);
}

TEST_CASE("Decimal: text to number and back", "[batch]") {
  auto round = [](const char* text, int precision, int scale) {
    const auto v = ParseDecimal(text, precision, scale);
    return v ? DecimalToString(*v, scale) : "-";
  };
  CHECK(round("1.5", 12, 2) == "1.50");
  CHECK(round("-0.005", 12, 2) == "-0.01");
  CHECK(round("0.0049", 12, 2) == "0.00");
  CHECK(round("9.995", 3, 2) == "-");
  CHECK(round("1e3", 12, 2) == "1000.00");
  CHECK(round("12345e-3", 12, 2) == "12.35");
  CHECK(round("99999999999", 12, 2) == "-");
  CHECK(round("0e999999999", 12, 2) == "0.00");
  CHECK(round("1e999999999", 12, 2) == "-");
  CHECK(round("99999999999999999999999999999999999999", 38, 0) == "99999999999999999999999999999999999999");
  for (const char* bad : {"", "-", ".", "1.2.3", "1e", "abc", "1 "}) CHECK(round(bad, 12, 2) == "-");
}

TEST_CASE("Timestamps: text to microseconds and back", "[batch]") {
  CHECK(ParseTimestamp("1970-01-01T00:00:01Z") == 1'000'000);
  CHECK(ParseTimestamp("2026-01-31 10:00:00.25+01:00") == *ParseTimestamp("2026-01-31T09:00:00.250Z"));
  CHECK(TimestampToString(*ParseTimestamp("2026-01-31T09:00:00.123456Z")) == "2026-01-31 09:00:00.123456");
  CHECK(TimestampToString(-1'000'000) == "1969-12-31 23:59:59");
  CHECK(TimestampToString(kMinTimestamp) == "-290308-12-21 19:59:05.224192");
  CHECK(TimestampToString(std::numeric_limits<int64_t>::max()) == "294247-01-10 04:00:54.775807");
  CHECK_FALSE(ParseTimestamp("2026-02-30"));
  CHECK_FALSE(ParseTimestamp("2026-01-31T25:00:00Z"));
  CHECK(DateToString(*ParseDate("2024-02-29")) == "2024-02-29");
}
