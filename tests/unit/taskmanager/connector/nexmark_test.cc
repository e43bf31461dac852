#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "common/batch/key.h"
#include "taskmanager/connector/nexmark/nexmark_source.h"

namespace weir::taskmanager::nexmark {
namespace {

job::Node MakeNode(std::string stream, int64_t events = -1, int64_t generators = 1, std::string rate = "10000/s",
                   int64_t seed = 1) {
  job::Node node;
  node.name = "site";
  node.type = "nexmark";
  std::vector<config::MapEntry> options = {{"stream", {}, config::Value::Plain(stream)},
                                           {"generators", {}, config::Value::Int(generators)},
                                           {"seed", {}, config::Value::Int(seed)},
                                           {"event_rate", {}, config::Value::Plain(rate)}};
  if (events >= 0) options.push_back({"events", {}, config::Value::Int(events)});
  node.options = config::Value::Map(options);
  return node;
}

SourceContext MakeContext(const job::Node& node) {
  SourceContext context;
  context.node = &node;
  config::Diagnostics diagnostics;
  context.schema = std::make_shared<const batch::Schema>(*Descriptor()->OutputSchema(node, &diagnostics));
  return context;
}

/// All rows as text, by one reader of the splits for `parallelism`; a new reader after each batch when `resume`.
std::vector<std::string> ReadRows(const job::Node& node, int32_t parallelism, int64_t max_rows, bool resume = false) {
  const SourceContext context = MakeContext(node);
  const auto splits = NexmarkEnumerator(node.name, ReadOptions(node)).Enumerate(parallelism);
  REQUIRE(splits.ok());
  std::vector<std::string> positions(splits->size());
  std::vector<bool> ended(splits->size());
  std::vector<int64_t> times(splits->size(), 0);
  std::vector<std::string> rows;
  const int time = context.schema->IndexOf("date_time");
  for (bool done = false; !done;) {
    NexmarkReader reader(context, ReadOptions(node));
    for (size_t i = 0; i < splits->size(); ++i) {
      if (!ended[i]) REQUIRE(reader.AddSplit(static_cast<int32_t>(i), (*splits)[i], positions[i]).ok());
    }
    for (;;) {
      auto result = reader.Read(max_rows);
      REQUIRE(result.ok());
      done = result->kind == ReadResult::Kind::kEnded;
      if (done) break;
      const batch::Batch& batch = result->batch;
      for (int64_t row = 0; row < batch.rows; ++row) {
        rows.push_back(RowToString(batch, row));
        REQUIRE(batch.columns[time].at<int64_t>(row) >= times[result->split]);
        times[result->split] = batch.columns[time].at<int64_t>(row);
      }
      positions[result->split] = reader.Position(result->split);
      ended[result->split] = result->split_ended;
      if (resume) break;
    }
  }
  return rows;
}

std::vector<std::string> Sorted(std::vector<std::string> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// The first `rows` rows of a stream in one batch.
batch::Batch First(const job::Node& node, int64_t rows) {
  const SourceContext context = MakeContext(node);
  NexmarkReader reader(context, ReadOptions(node));
  REQUIRE(reader.AddSplit(0, (*NexmarkEnumerator("site", ReadOptions(node)).Enumerate(1))[0], "").ok());
  auto result = reader.Read(rows);
  REQUIRE(result.ok());
  REQUIRE(result->batch.rows == rows);
  return result->batch;
}

TEST_CASE("nexmark: some events as they are for ever", "[nexmark]") {
  // A restore makes events again: none of them may ever change.
  const auto hash = [](const char* stream, int64_t events, int64_t generators) {
    std::string all;
    for (const std::string& row : ReadRows(MakeNode(stream, events, generators), 1, 4096)) all += row;
    return batch::HashKey(all);
  };
  CHECK(ReadRows(MakeNode("bid", 6), 1, 10) == std::vector<std::string>{
            R"({auction: 1000, bidder: 1001, price: 42003, channel: "channel-4674", url: )"
            R"("https://www.nexmark.com/isxc/azk/rpog/item.htm?query=1&channel_id=1112014848", )"
            R"(date_time: 2026-01-01 00:00:00, )"
            R"(extra: "nxptiijpsjfzhdqnwgkhllxpaxbjeqbagotgzfriohoghjxtjtkoxdujaipsmi"})",
            R"({auction: 1012, bidder: 1001, price: 31203455, channel: "Apple", url: )"
            R"("https://www.nexmark.com/intv/uteg/hexz/item.htm?query=1", )"
            R"(date_time: 2026-01-01 00:00:00, extra: "iunohaiantxnfqajfiudcfaytycsvqwuoqgsuflysmwcqajeybxjsneiz"})"});
  CHECK(hash("person", 1, 1) == 0x27626782b0dd45bd);
  CHECK(hash("auction", 4, 1) == 0xc53ae6d422130316);
  CHECK(hash("person", 100000, 3) == 0x7f9eefda3df1a1e0);
  CHECK(hash("auction", 100000, 3) == 0xb279d208b8a48704);
  CHECK(hash("bid", 100000, 3) == 0xad142da6983aac36);
}

TEST_CASE("nexmark: the events do not depend on parallelism, batches or restores", "[nexmark]") {
  for (const char* stream : {"person", "auction", "bid", "all"}) {
    for (const int64_t generators : {1, 3}) {
      const job::Node node = MakeNode(stream, 30017, generators);
      const auto rows = Sorted(ReadRows(node, 1, 4096));
      CHECK(std::adjacent_find(rows.begin(), rows.end()) == rows.end());
      for (const int32_t parallelism : {2, 5}) CHECK(Sorted(ReadRows(node, parallelism, 1000)) == rows);
      CHECK(Sorted(ReadRows(node, 4, 613, true)) == rows);
    }
  }
}

TEST_CASE("nexmark: as many events as were asked for", "[nexmark]") {
  for (const int64_t events : {0, 1, 2, 4, 5, 49, 50, 51, 3999, 4000, 4001, 12345}) {
    for (const int64_t generators : {1, 2, 7}) {
      for (const int32_t parallelism : {1, 3}) {
        const auto count = [&](const char* stream) {
          return static_cast<int64_t>(ReadRows(MakeNode(stream, events, generators), parallelism, 4096).size());
        };
        CHECK(count("person") == (events + 49) / 50);
        CHECK(count("auction") == events / 50 * 3 + std::clamp<int64_t>(events % 50 - 1, 0, 3));
        CHECK(count("bid") == events / 50 * 46 + std::clamp<int64_t>(events % 50 - 4, 0, 46));
        CHECK(count("all") == events);
      }
    }
  }
}

TEST_CASE("nexmark: the one stream has the rows of the three", "[nexmark]") {
  const batch::Batch all = First(MakeNode("all", 4000), 4000);
  const std::map<int, std::pair<const char*, int>> kinds = {
      {0, {"person", 2}}, {1, {"auction", 10}}, {2, {"bid", 20}}};
  for (const auto& [kind, stream] : kinds) {
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < 4000; ++row) {
      if (all.columns[0].at<int32_t>(row) == kind) rows.push_back(row);
    }
    const batch::Batch own = First(MakeNode(stream.first, 4000), static_cast<int64_t>(rows.size()));
    for (size_t c = 0; c < own.columns.size(); ++c) {
      const batch::Column& column = all.columns[static_cast<size_t>(stream.second) + c];
      int64_t valid = 0;
      for (int64_t row = 0; row < 4000; ++row) valid += column.IsNull(row) ? 0 : 1;
      CHECK(valid == own.rows);
      for (size_t i = 0; i < rows.size(); ++i) {
        REQUIRE(ValueToString(column, rows[i]) == ValueToString(own.columns[c], static_cast<int64_t>(i)));
      }
    }
  }
}

TEST_CASE("nexmark: only the wanted columns are made, and are the same", "[nexmark]") {
  const job::Node node = MakeNode("bid", 1000);
  SourceContext context = MakeContext(node);
  context.wanted = {false, true, false, false, false, false, true};
  NexmarkReader reader(context, ReadOptions(node));
  REQUIRE(reader.AddSplit(0, (*NexmarkEnumerator("site", ReadOptions(node)).Enumerate(1))[0], "").ok());
  const auto some = reader.Read(1000);
  const batch::Batch whole = First(node, 920);
  for (int64_t row = 0; row < 920; ++row) {
    CHECK(some->batch.columns[0].IsNull(row));
    REQUIRE(ValueToString(some->batch.columns[1], row) == ValueToString(whole.columns[1], row));
    REQUIRE(ValueToString(some->batch.columns[6], row) == ValueToString(whole.columns[6], row));
  }
}

TEST_CASE("nexmark: event time goes at the rate, shared by the generators", "[nexmark]") {
  const auto times = [](const job::Node& node) {
    const batch::Batch batch = First(node, 4000);
    return std::pair{batch.columns[1].at<int64_t>(0), batch.columns[1].at<int64_t>(3999)};
  };
  const int64_t base = *batch::ParseTimestamp("2026-01-01T00:00:00Z");
  CHECK(times(MakeNode("all")) == std::pair{base, base + 399000});               // 399.9 ms
  CHECK(times(MakeNode("all", -1, 1, "7/s")) == std::pair{base, base + 571285000});
  CHECK(times(MakeNode("all", -1, 1, "10000000/s")) == std::pair{base, base});
  CHECK(times(MakeNode("all", 100000, 2)) == std::pair{base, base + 799000});
}

TEST_CASE("nexmark: values have the shares of the benchmark", "[nexmark]") {
  std::map<std::string, int> counts;
  const batch::Batch bids = First(MakeNode("bid"), 4096);
  const int64_t rows = bids.rows;
  double price = 0;
  double extra = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t epoch = row / 46;
    const int64_t auction = bids.columns[0].at<int64_t>(row) - 1000;
    const int64_t bidder = bids.columns[1].at<int64_t>(row) - 1000;
    const int64_t last = 3 * epoch + 2;
    counts["hot auction"] += auction == last / 100 * 100;
    REQUIRE(auction >= 0);
    REQUIRE(auction <= last + 10);
    REQUIRE((auction == last / 100 * 100 || auction >= last - 100));
    counts["hot bidder"] += bidder == epoch / 100 * 100 + 1;
    REQUIRE(bidder >= 0);
    REQUIRE(bidder <= epoch + 10);
    const int64_t value = bids.columns[2].at<int64_t>(row);
    REQUIRE(value >= 100);
    REQUIRE(value <= 100'000'000);
    price += value < 100'000 ? 1 : 0;
    const std::string_view channel = bids.columns[3].text(row);
    counts["hot channel"] += channel.substr(0, 8) != "channel-";
    const std::string_view url = bids.columns[4].text(row);
    REQUIRE(url.substr(0, 24) == "https://www.nexmark.com/");
    counts["channel id"] += url.find("&channel_id=") != std::string_view::npos;
    extra += static_cast<double>(bids.columns[6].text(row).size());
    for (const char c : bids.columns[6].text(row)) REQUIRE((c >= 'a' && c <= 'z'));
  }
  const auto near = [&](double count, double share) {
    INFO(count / static_cast<double>(rows) << " for " << share);
    CHECK(std::abs(count / static_cast<double>(rows) - share) < 0.05);
  };
  near(counts["hot auction"], 0.5);
  near(counts["hot bidder"], 0.75);
  near(counts["hot channel"], 0.5);
  near(counts["channel id"], 0.45);
  near(price, 0.5);
  CHECK(std::abs(extra / static_cast<double>(rows) - 67.5) < 1);

  const batch::Batch people = First(MakeNode("person"), 1000);
  const batch::Batch auctions = First(MakeNode("auction"), 4000);
  double length = 0;
  for (int64_t row = 0; row < 1000; ++row) {
    CHECK(people.columns[0].at<int64_t>(row) == 1000 + row);
    length += 8;
    for (const int c : {1, 2, 3, 4, 5, 7}) length += static_cast<double>(people.columns[c].text(row).size());
    REQUIRE(people.columns[3].text(row).size() == 19);
  }
  CHECK(std::abs(length / 1000 - 200) < 3);
  length = 0;
  std::set<int64_t> categories;
  for (int64_t row = 0; row < 4000; ++row) {
    CHECK(auctions.columns[0].at<int64_t>(row) == 1000 + row);
    REQUIRE(auctions.columns[4].at<int64_t>(row) >= auctions.columns[3].at<int64_t>(row) + 100);
    const int64_t open = auctions.columns[6].at<int64_t>(row) - auctions.columns[5].at<int64_t>(row);
    REQUIRE(open >= 1000);
    REQUIRE(open <= 2 * 167'000);
    categories.insert(auctions.columns[8].at<int64_t>(row));
    length += 48;
    for (const int c : {1, 2, 9}) length += static_cast<double>(auctions.columns[c].text(row).size());
  }
  CHECK(categories == std::set<int64_t>{10, 11, 12, 13, 14});
  CHECK(std::abs(length / 4000 - 500) < 3);
}

TEST_CASE("nexmark: another seed, other events", "[nexmark]") {
  const auto one = ReadRows(MakeNode("bid", 1000), 1, 4096);
  const auto other = ReadRows(MakeNode("bid", 1000, 1, "10000/s", 2), 1, 4096);
  for (size_t i = 0; i < one.size(); ++i) CHECK(one[i] != other[i]);
}

TEST_CASE("nexmark: endless generators never make an id twice", "[nexmark]") {
  const job::Node node = MakeNode("auction", -1, 2);
  const SourceContext context = MakeContext(node);
  const auto splits = NexmarkEnumerator("site", ReadOptions(node)).Enumerate(2);
  std::set<int64_t> ids;
  NexmarkReader reader(context, ReadOptions(node));
  for (int32_t i = 0; i < 2; ++i) REQUIRE(reader.AddSplit(i, (*splits)[i], "").ok());
  for (int turn = 0; turn < 10; ++turn) {
    const auto result = reader.Read(1000);
    CHECK(!result->split_ended);
    for (int64_t row = 0; row < result->batch.rows; ++row) ids.insert(result->batch.columns[0].at<int64_t>(row));
  }
  CHECK(ids.size() == 10000);
}

TEST_CASE("nexmark: what does not fit is refused", "[nexmark]") {
  const auto problem = [](const job::Node& node) {
    config::Diagnostics diagnostics;
    Descriptor()->Validate(node, &diagnostics);
    return diagnostics.errors().empty() ? std::string() : diagnostics.errors()[0].message;
  };
  CHECK(problem(MakeNode("bid", 1'000'000'000'000)).empty());
  CHECK(problem(MakeNode("bid", 1'000'000'000'000, 1, "1/s")).find("year 9999") != std::string::npos);
  job::Node node = MakeNode("bid");
  node.options.entries.push_back({"base_time", {}, config::Value::Plain("yesterday")});
  CHECK(problem(node).find("`base_time` must be a timestamp") == 0);
  CHECK(!Descriptor()->Bounded(MakeNode("bid")));
  CHECK(Descriptor()->Bounded(MakeNode("bid", 0)));

  const job::Node two = MakeNode("bid", 100, 2);
  const job::Node three = MakeNode("bid", 100, 3);
  const SourceContext context = MakeContext(three);
  NexmarkReader reader(context, ReadOptions(three));
  const auto split = (*NexmarkEnumerator("site", ReadOptions(two)).Enumerate(1))[0];
  CHECK(reader.AddSplit(0, split, "").code() == absl::StatusCode::kFailedPrecondition);
  checkpoint::SourceSplits::Split torn = (*NexmarkEnumerator("site", ReadOptions(three)).Enumerate(1))[0];
  CHECK(reader.AddSplit(0, torn, "-1").code() == absl::StatusCode::kDataLoss);
  torn.payload.pop_back();
  CHECK(reader.AddSplit(0, torn, "").code() == absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace weir::taskmanager::nexmark
