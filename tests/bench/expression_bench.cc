// How long expressions take: CPU nanoseconds a row over batches like Nexmark's bids, and over the steps of its
// stateless queries. Prints one line each; asserts nothing. Arguments: only lines whose name contains one of them.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/expression/expression.h"

namespace weir::expression {
namespace {

constexpr int64_t kRows = 4096;
constexpr int kBatches = 8;

int64_t CpuNanos() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

batch::SchemaPtr Bids() {
  auto schema = std::make_shared<batch::Schema>();
  for (const auto& [name, type] :
       {std::pair("auction", "bigint not null"), std::pair("bidder", "bigint not null"),
        std::pair("price", "bigint not null"), std::pair("channel", "string not null"),
        std::pair("url", "string not null"), std::pair("date_time", "timestamp not null"),
        std::pair("extra", "string not null")}) {
    schema->fields.push_back({name, *batch::ParseDataType(type)});
  }
  return schema;
}

std::string Letters(Rng& rng, int length) {
  std::string out;
  for (int i = 0; i < length; ++i) out += static_cast<char>('a' + rng.Below(26));
  return out;
}

batch::Batch MakeBatch(Rng& rng) {
  batch::Batch batch;
  batch.schema = Bids();
  batch.rows = kRows;
  batch::StringArena arena;
  std::vector<batch::Column> columns;
  for (const batch::Field& field : batch.schema->fields) columns.push_back(batch::Column::Allocate(field.type, kRows));
  auto put = [&](int c, int64_t i, const std::string& text) {
    columns[c].mutable_data<batch::StringRef>()[i] = batch::StringRef(
        text.size() <= batch::StringRef::kInline ? std::string_view(text) : arena.Copy(text));
  };
  const char* names[] = {"Google", "Facebook", "Baidu", "Apple"};
  int64_t at = 1'767'225'600'000'000;
  for (int64_t i = 0; i < kRows; ++i) {
    columns[0].mutable_data<int64_t>()[i] = 1000 + static_cast<int64_t>(rng.Below(100'000));
    columns[1].mutable_data<int64_t>()[i] = 1000 + static_cast<int64_t>(rng.Below(50'000));
    int64_t price = 100;
    for (uint64_t k = rng.Below(7); k > 0; --k) price *= 10;
    columns[2].mutable_data<int64_t>()[i] = price + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(price)));
    columns[5].mutable_data<int64_t>()[i] = at += 100;
    std::string url = absl::StrCat("https://www.nexmark.com/", Letters(rng, 4), "/", Letters(rng, 4), "/",
                                   Letters(rng, 3), "/item.htm?query=1");
    if (rng.Below(2) == 0) {
      put(3, i, names[rng.Below(4)]);
    } else {
      put(3, i, absl::StrCat("channel-", rng.Below(10'000)));
      if (rng.Below(10) != 0) absl::StrAppend(&url, "&channel_id=", rng.Below(2'000'000'000));
    }
    put(4, i, url);
    put(6, i, Letters(rng, 40 + static_cast<int>(rng.Below(40))));
  }
  for (int c : {3, 4, 6}) columns[c].AddHeaps(arena.buffers());
  batch.columns = std::move(columns);
  return batch;
}

struct Step {
  std::string name;
  std::string where;  // empty: all rows
  std::vector<std::string> fields;
};

class Bench {
 public:
  explicit Bench(std::vector<std::string> wanted) : wanted_(std::move(wanted)) {
    Rng rng(1);
    for (int i = 0; i < kBatches; ++i) batches_.push_back(MakeBatch(rng));
  }

  void Run(const Step& step) {
    bool named = wanted_.empty();
    for (const std::string& part : wanted_) named = named || step.name.find(part) != std::string::npos;
    if (!named) return;
    BindOptions boolean;
    boolean.want_boolean = true;
    std::vector<Evaluator> filters, fields;
    if (!step.where.empty()) filters.emplace_back(Compile(step.where, *batches_[0].schema, boolean).value());
    for (const std::string& text : step.fields) fields.emplace_back(Compile(text, *batches_[0].schema).value());
    RowErrors errors;
    std::vector<uint32_t> kept;
    int64_t rows = 0, out = 0;
    const int64_t begin = CpuNanos();
    int64_t took = 0;
    for (int round = 0; took < 200'000'000; ++round) {
      batch::Batch batch = batches_[round % kBatches];
      rows += batch.rows;
      for (Evaluator& filter : filters) {
        filter.EvaluateFilter(batch, &kept, &errors);
        batch = batch.Gather(kept.data(), static_cast<int64_t>(kept.size()));
      }
      out += batch.rows;
      for (Evaluator& field : fields) {
        batch::Column column;
        field.Evaluate(batch, &column, &errors);
      }
      took = CpuNanos() - begin;
    }
    std::printf("%-34s %7.2f ns/row in  %5.1f %% kept%s\n", step.name.c_str(),
                static_cast<double>(took) / static_cast<double>(rows),
                100.0 * static_cast<double>(out) / static_cast<double>(rows), errors.empty() ? "" : " (errors!)");
  }

 private:
  std::vector<std::string> wanted_;
  std::vector<batch::Batch> batches_;
};

const char kId[] = "regexp_extract(url, '(&|^)channel_id=([^&]*)', 2)";

void Run(std::vector<std::string> wanted) {
  Bench bench(std::move(wanted));
  const std::string id = kId;
  const std::string known = "lower(channel) in ('apple', 'google', 'facebook', 'baidu')";
  const std::string channel_case =
      "case when lower(channel) = 'apple' then '0' when lower(channel) = 'google' then '1' "
      "when lower(channel) = 'facebook' then '2' when lower(channel) = 'baidu' then '3' else " + id + " end";
  const std::string day_part =
      "case when hour(date_time) >= 8 and hour(date_time) <= 18 then 'dayTime' "
      "when hour(date_time) <= 6 or hour(date_time) >= 20 then 'nightTime' else 'otherTime' end";
  const Step steps[] = {
      {"q0", "", {"auction", "bidder", "price", "date_time", "extra"}},
      {"q1", "", {"auction", "bidder", "0.908 * price", "date_time", "extra"}},
      {"q2", "auction % 123 = 0", {"auction", "price"}},
      {"q14", "0.908 * price > 1000000 and 0.908 * price < 50000000",
       {"auction", "bidder", "0.908 * price", day_part, "date_time", "extra",
        "length(extra) - length(replace(extra, 'c', ''))"}},
      {"q14 regexp_count", "0.908 * price > 1000000 and 0.908 * price < 50000000",
       {"auction", "bidder", "0.908 * price", day_part, "date_time", "extra", "regexp_count(extra, 'c')"}},
      {"q21", id + " is not null or " + known, {"auction", "bidder", "price", "channel", channel_case}},
      {"q22", "", {"auction", "bidder", "price", "channel", "split_index(url, '/', 3)", "split_index(url, '/', 4)",
                   "split_index(url, '/', 5)"}},
      {"where decimal range", "0.908 * price > 1000000 and 0.908 * price < 50000000", {}},
      {"where range, all columns, 90 %", "price < 100000000", {}},
      {"where string =", "channel = 'Apple'", {}},
      {"where lower in", known, {}},
      {"where like", "url like '%channel_id=1%'", {}},
      {"decimal *", "", {"0.908 * price"}},
      {"bigint +", "", {"price + 1"}},
      {"bigint %", "", {"auction % 10000"}},
      {"bigint % column", "", {"price % auction"}},
      {"double *", "", {"price * 0.908e0"}},
      {"cast decimal", "", {"cast(0.908 * price as decimal(23,3))"}},
      {"cast bigint to string", "", {"cast(price as string)"}},
      {"hour", "", {"hour(date_time)"}},
      {"date_format day", "", {"date_format(date_time, 'yyyy-MM-dd')"}},
      {"date_format minute", "", {"date_format(date_time, 'HH:mm')"}},
      {"case day part", "", {day_part}},
      {"lower", "", {"lower(channel)"}},
      {"lower long", "", {"lower(url)"}},
      {"length", "", {"length(extra)"}},
      {"replace", "", {"replace(extra, 'c', '')"}},
      {"regexp_extract", "", {id}},
      {"regexp_like", "", {"regexp_like(url, 'channel_id=[0-9]*7$')"}},
      {"split_index 3", "", {"split_index(url, '/', 3)"}},
      {"concat", "", {"channel || '-' || url"}},
      {"substring", "", {"substring(url, 9, 20)"}},
      {"channel case", "", {channel_case}},
      {"coalesce", "", {"coalesce(nullif(price, 100), 0)"}},
  };
  for (const Step& step : steps) bench.Run(step);
}

}  // namespace
}  // namespace weir::expression

int main(int argc, char** argv) {
  weir::expression::Run({argv + 1, argv + argc});
  return 0;
}
