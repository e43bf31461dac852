// How long decoding takes: nanoseconds a row, of rows like those of the fraud job, for each format and both ways
// through the JSON decoder. Prints one line each; asserts nothing.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/rng.h"
#include "taskmanager/format/decoder.h"

namespace weir::taskmanager {
namespace {

constexpr int kRows = 200'000;
constexpr int kRounds = 10;

void Measure(const char* name, job::FormatType format, const std::string& text, std::vector<bool> wanted) {
  auto schema = std::make_shared<batch::Schema>();
  for (const auto& [column, type] : {std::pair("user", "string not null"), std::pair("amount", "decimal(12,2)"),
                                     std::pair("ts", "timestamp not null")}) {
    schema->fields.push_back({column, *batch::ParseDataType(type)});
  }
  auto decoder = MakeDecoder({format, schema, std::move(wanted), {}});
  if (!decoder.ok()) return;
  constexpr size_t kChunk = size_t{512} << 10;
  int64_t rows = 0, bad = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int round = 0; round < kRounds; ++round) {
    auto buffer = batch::Buffer::Allocate(2 * kChunk);
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min(kChunk, text.size() - at);
      std::memcpy(buffer->data(), text.data() + at, size);
      buffer->data()[size] = '\0';
      size_t from = 0;
      for (;;) {
        const DecodeResult result = (*decoder)->Decode({buffer, from, size, size, at + size == text.size()}, 4096);
        rows += result.batch.rows;
        bad += static_cast<int64_t>(result.bad.size());
        if (result.next == from) break;
        from = result.next;
      }
      at += from;
    }
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  std::printf("%-28s %6.1f ns/row %8.0f MB/s %s\n", name, took.count() / static_cast<double>(rows + bad),
              static_cast<double>(text.size()) * kRounds / took.count() * 1000, bad > 0 ? "(bad rows!)" : "");
}

void Run() {
  Rng rng(1);
  std::string json, spaced, slow, wide, csv;
  for (int i = 0; i < kRows; ++i) {
    const std::string user = absl::StrFormat("u%05d", rng.Below(20'000));
    const std::string amount = absl::StrFormat("%d.%02d", rng.Below(1000), rng.Below(100));
    const int64_t ts = 1'700'000'040'000 + i * 6;
    absl::StrAppend(&json, "{\"user\":\"", user, "\",\"amount\":", amount, ",\"ts\":", ts, "}\n");
    absl::StrAppend(&spaced, "{\"user\": \"", user, "\", \"amount\": ", amount, ", \"ts\": ", ts, "}\n");
    absl::StrAppend(&slow, "\t{\"user\":\"", user, "\",\"amount\":", amount, ",\"ts\":", ts, "}\n");
    absl::StrAppend(&wide, "{\"id\":", i,
                    ",\"card\":\"4000-1234-5678-9010\",\"shop\":{\"name\":\"corner\",\"city\":\"Ulm\"},\"user\":\"",
                    user, "\",\"amount\":", amount, ",\"ts\":", ts, "}\n");
    absl::StrAppend(&csv, user, ",", amount, ",", ts, "\n");
  }
  Measure("json, user and ts", job::FormatType::kJson, json, {true, false, true});
  Measure("json, all", job::FormatType::kJson, json, {});
  Measure("json with spaces, all", job::FormatType::kJson, spaced, {});
  Measure("json, other keys, all", job::FormatType::kJson, wide, {});
  Measure("json by simdjson, all", job::FormatType::kJson, slow, {});
  Measure("csv, all", job::FormatType::kCsv, csv, {});
}

}  // namespace
}  // namespace weir::taskmanager

int main() {
  weir::taskmanager::Run();
  return 0;
}
