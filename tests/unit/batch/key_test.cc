#include "common/batch/key.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace weir::batch;

namespace {

Batch OneColumn(Column column) {
  auto schema = std::make_shared<Schema>();
  schema->fields.push_back({"k", column.type()});
  Batch batch;
  batch.schema = schema;
  batch.rows = column.size();
  batch.columns.push_back(std::move(column));
  return batch;
}

Column Strings(const std::vector<std::string_view>& values) {
  Column column = Column::Allocate(*ParseDataType("string"), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) column.mutable_data<StringRef>()[i] = StringRef(values[i]);
  return column;
}

}  // namespace

TEST_CASE("Key hash: golden values, stable for ever (state on disk and routing depend on them)", "[batch]") {
  KeyBatch keys;
  MakeKeys(OneColumn(Strings({"", "alice", "a name that is longer than twelve bytes"})), {0}, &keys);
  CHECK(keys.key(1) == std::string_view("\x01\x05" "alice", 7));
  CHECK(keys.hashes[0] == 0xab94ac0ace7276c0ULL);
  CHECK(keys.hashes[1] == 0xb580cefac392c2c4ULL);
  CHECK(HashKey("") == 0x2d06800538d394c2ULL);
}

TEST_CASE("Keys: the fast path for strings and the general path agree", "[batch]") {
  Column fast = Strings({"x", "a name that is longer than twelve bytes", ""});
  Column general = fast;
  general.EnsureValidity();
  KeyBatch a, b;
  MakeKeys(OneColumn(fast), {0}, &a);
  MakeKeys(OneColumn(general), {0}, &b);
  CHECK(a.hashes == b.hashes);
  CHECK(a.bytes == b.bytes);
}

TEST_CASE("Keys: zeros and NaNs of double are one key each, NULL is a key", "[batch]") {
  Column column = Column::Allocate(*ParseDataType("double"), 5);
  double* v = column.mutable_data<double>();
  v[0] = 0.0, v[1] = -0.0, v[2] = std::nan("1"), v[3] = -std::nan("2"), v[4] = 1;
  column.EnsureValidity()[4] = 0;
  KeyBatch keys;
  MakeKeys(OneColumn(column), {0}, &keys);
  CHECK(keys.hashes[0] == keys.hashes[1]);
  CHECK(keys.hashes[2] == keys.hashes[3]);
  CHECK(keys.key(4) == std::string_view("\0", 1));
}

TEST_CASE("Keys: decoding brings back the values", "[batch]") {
  Column column = Strings({"x", "a name that is longer than twelve bytes", "?"});
  column.EnsureValidity()[2] = 0;
  KeyBatch keys;
  MakeKeys(OneColumn(column), {0}, &keys);
  auto columns = DecodeKeys({column.type()}, {keys.key(0), keys.key(1), keys.key(2)});
  REQUIRE(columns.ok());
  CHECK(ValueToString((*columns)[0], 0) == "x");
  CHECK(ValueToString((*columns)[0], 1) == "a name that is longer than twelve bytes");
  CHECK((*columns)[0].IsNull(2));
  CHECK_FALSE(DecodeKeys({column.type()}, {"\x01\x7f" "short"}).ok());
}

TEST_CASE("Key groups: every group has one owner, and ranges cover all", "[batch]") {
  for (const int max_parallelism : {1, 2, 7, 128, 1000}) {
    for (int parallelism = 1; parallelism <= std::min(max_parallelism, 9); ++parallelism) {
      for (int group = 0; group < max_parallelism; ++group) {
        const int owner = SubtaskOf(static_cast<uint16_t>(group), parallelism, max_parallelism);
        for (int s = 0; s < parallelism; ++s) {
          CHECK(RangeOf(s, parallelism, max_parallelism).Contains(group) == (s == owner));
        }
      }
    }
  }
}

TEST_CASE("Keys: columns of fixed width, with and without NULLs, constants too, agree byte by byte", "[batch]") {
  constexpr int64_t kRows = 5;
  auto schema = std::make_shared<Schema>();
  Batch fast;
  fast.rows = kRows;
  for (const char* type : {"boolean", "int", "bigint", "double", "decimal(20,2)", "timestamp"}) {
    const DataType data_type = *ParseDataType(type);
    schema->fields.push_back({type, data_type});
    Column column = Column::Allocate(data_type, kRows);
    const int width = Width(data_type.kind);
    std::memset(column.mutable_data<char>(), 0, static_cast<size_t>(width) * kRows);
    for (int64_t i = 0; i < kRows; ++i) column.mutable_data<char>()[i * width] = static_cast<char>(i % 2);
    fast.columns.push_back(column);
  }
  schema->fields.push_back({"constant", *ParseDataType("bigint")});
  fast.columns.push_back(Column::Constant<int64_t>(*ParseDataType("bigint"), kRows, 7));
  fast.schema = schema;
  const std::vector<int> all{0, 1, 2, 3, 4, 5, 6};
  Batch general = fast;
  general.columns[2].EnsureValidity();
  KeyBatch a, b;
  MakeKeys(fast, all, &a);
  MakeKeys(general, all, &b);
  CHECK(a.bytes == b.bytes);
  CHECK(a.hashes == b.hashes);
  CHECK(a.offsets == b.offsets);
  CHECK(HashKey(a.key(3)) == a.hashes[3]);

  general.columns[2].EnsureValidity()[1] = 0;
  MakeKeys(general, all, &b);
  CHECK(b.key(1).size() == b.key(0).size() - 8);
  std::vector<DataType> types;
  for (const Field& field : schema->fields) types.push_back(field.type);
  std::vector<std::string_view> views;
  for (int64_t i = 0; i < kRows; ++i) views.push_back(i == 1 ? b.key(i) : a.key(i));
  for (const bool with_null : {false, true}) {
    views[1] = with_null ? b.key(1) : a.key(1);
    auto columns = DecodeKeys(types, views);
    REQUIRE(columns.ok());
    for (size_t c = 0; c < columns->size(); ++c) {
      for (int64_t i = 0; i < kRows; ++i) {
        const Batch& wanted = with_null && i == 1 ? general : fast;
        CHECK(ValueToString((*columns)[c], i) == ValueToString(wanted.columns[c], i));
      }
    }
  }
}
