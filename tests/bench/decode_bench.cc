// How long decoding and encoding take: CPU nanoseconds a row, of rows like those of the fraud job and of Nexmark, for
// each format and both ways through the JSON decoder. Prints one line each; asserts nothing.
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/rng.h"
#include "taskmanager/format/decoder.h"
#include "taskmanager/format/encoder.h"

namespace weir::taskmanager {
namespace {

constexpr int kRows = 200'000;
constexpr int kRounds = 10;

int64_t CpuNanos() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

batch::SchemaPtr Make(std::initializer_list<std::pair<const char*, const char*>> fields) {
  auto schema = std::make_shared<batch::Schema>();
  for (const auto& [column, type] : fields) schema->fields.push_back({column, *batch::ParseDataType(type)});
  return schema;
}

batch::SchemaPtr Payments() {
  return Make({{"user", "string not null"}, {"amount", "decimal(12,2)"}, {"ts", "timestamp not null"}});
}
batch::SchemaPtr Bids() {
  return Make({{"auction", "bigint not null"}, {"bidder", "bigint not null"}, {"price", "bigint not null"},
               {"channel", "string not null"}, {"url", "string not null"}, {"date_time", "timestamp not null"},
               {"extra", "string not null"}});
}

void Measure(const char* name, job::FormatType format, const batch::SchemaPtr& schema, const std::string& text,
             std::vector<bool> wanted) {
  auto decoder = MakeDecoder({format, schema, std::move(wanted), {}});
  if (!decoder.ok()) return;
  constexpr size_t kChunk = size_t{512} << 10;
  int64_t rows = 0, bad = 0;
  const int64_t begin = CpuNanos();
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
  const auto took = static_cast<double>(CpuNanos() - begin);
  std::printf("%-28s %6.1f ns/row %8.0f MB/s %s\n", name, took / static_cast<double>(rows + bad),
              static_cast<double>(text.size()) * kRounds / took * 1000, bad > 0 ? "(bad rows!)" : "");
}

void Encode(const char* name, job::Format format, const batch::Batch& batch) {
  auto encoder = MakeEncoder(format, batch.schema);
  if (!encoder.ok()) return;
  std::string out;
  const int64_t begin = CpuNanos();
  for (int round = 0; round < 50 * kRounds; ++round) {
    out.clear();
    (*encoder)->Append(batch, &out);
  }
  const auto took = static_cast<double>(CpuNanos() - begin);
  std::printf("%-28s %6.1f ns/row %8.0f MB/s\n", name, took / (50.0 * kRounds * static_cast<double>(batch.rows)),
              static_cast<double>(out.size()) * 50 * kRounds / took * 1000);
}

// Rows like Nexmark's bids, as a Weir file sink writes them.
void RunBids() {
  Rng rng(2);
  std::string millis, text, csv;
  auto letters = [&rng](int size) {
    std::string out;
    while (static_cast<int>(out.size()) < size) out += static_cast<char>('a' + rng.Below(26));
    return out;
  };
  for (int i = 0; i < kRows; ++i) {
    const int64_t time = 1'767'225'600'000'000 + i * 1000;
    const std::string channel = absl::StrCat("channel-", rng.Below(10'000)), extra = letters(40 + i % 40);
    const std::string url = absl::StrCat("https://www.nexmark.com/", letters(4), "/", letters(4), "/", letters(3),
                                         "/item.htm?query=1&channel_id=", rng.Below(2'000'000'000));
    const int64_t numbers[] = {1000 + static_cast<int64_t>(rng.Below(100'000)),
                               1000 + static_cast<int64_t>(rng.Below(50'000)), static_cast<int64_t>(rng.Below(10'000'000))};
    std::string moment = batch::TimestampToString(time);
    moment[10] = 'T';
    auto json = [&](const std::string& at) {
      return absl::StrCat("{\"auction\":", numbers[0], ",\"bidder\":", numbers[1], ",\"price\":", numbers[2],
                          ",\"channel\":\"", channel, "\",\"url\":\"", url, "\",\"date_time\":", at, ",\"extra\":\"",
                          extra, "\"}\n");
    };
    millis += json(absl::StrCat(time / 1000));
    text += json("\"" + moment + "Z\"");
    absl::StrAppend(&csv, numbers[0], ",", numbers[1], ",", numbers[2], ",", channel, ",", url, ",", moment, "Z,", extra,
                    "\n");
  }
  const batch::SchemaPtr bids = Bids();
  Measure("bids, json, all", job::FormatType::kJson, bids, millis, {});
  Measure("bids, json, times as text", job::FormatType::kJson, bids, text, {});
  Measure("bids, json, two columns", job::FormatType::kJson, bids, text, {true, false, true, false, false, false, false});
  Measure("bids, csv, all", job::FormatType::kCsv, bids, csv, {});
  Measure("bids, csv, two columns", job::FormatType::kCsv, bids, csv, {true, false, true, false, false, false, false});

  auto decoder = MakeDecoder({job::FormatType::kJson, bids, {}, {}});
  if (!decoder.ok()) return;
  auto buffer = batch::Buffer::Copy(millis);
  const DecodeResult rows = (*decoder)->Decode({buffer, 0, buffer->size(), buffer->size(), true}, 4096);
  Encode("bids, to json", {.type = job::FormatType::kJson}, rows.batch);
  Encode("bids, to json, times as text",
         {.type = job::FormatType::kJson, .timestamps = job::TimestampFormat::kRfc3339}, rows.batch);
  Encode("bids, to csv, times as text",
         {.type = job::FormatType::kCsv, .timestamps = job::TimestampFormat::kRfc3339}, rows.batch);
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
  const batch::SchemaPtr payments = Payments();
  Measure("json, user and ts", job::FormatType::kJson, payments, json, {true, false, true});
  Measure("json, all", job::FormatType::kJson, payments, json, {});
  Measure("json with spaces, all", job::FormatType::kJson, payments, spaced, {});
  Measure("json, other keys, all", job::FormatType::kJson, payments, wide, {});
  Measure("json by simdjson, all", job::FormatType::kJson, payments, slow, {});
  Measure("csv, all", job::FormatType::kCsv, payments, csv, {});
  RunBids();
}

}  // namespace
}  // namespace weir::taskmanager

int main() {
  weir::taskmanager::Run();
  return 0;
}
