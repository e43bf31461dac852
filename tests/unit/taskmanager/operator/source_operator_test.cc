#include "taskmanager/operator/source_operator.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "taskmanager/exchange/channel.h"
#include "tests/unit/taskmanager/operator/operator_harness.h"

// The head of a source task over a scripted reader: rate, event times, idleness, ends, and splits
// that move.

namespace weir::taskmanager {
namespace {

std::shared_ptr<const plan::ExecutionPlan> SourcePlan(const std::string& more) {
  return testing::PlanOf(absl::StrCat(R"y(
version: 1
name: t
sources:
  src: {type: file, path: /x, format: {type: json}, schema: {n: bigint not null, ts: timestamp}, )y",
                                      more, R"y(}
operators:
  pick: {type: select, input: src, fields: {n: n, ts: ts}}
sinks:
  out: {type: print, input: pick}
)y"));
}

/// Reads numbers; each split holds event times, one a row. `n` is split * 100 + place.
class FakeReader final : public SourceReader {
 public:
  using Data = std::map<int32_t, std::vector<std::optional<int64_t>>>;
  FakeReader(batch::SchemaPtr schema, const Data* data) : schema_(std::move(schema)), data_(data) {}

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split&,
                        const std::string& position) override {
    at_[index] = position.empty() ? 0 : std::stoul(position);
    touched_[index] = !position.empty();
    return absl::OkStatus();
  }
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override {
    ReadResult result;
    asked.push_back(max_rows);
    if (idle) {
      result.retry_at = idle_until;
      return result;
    }
    if (at_.empty()) {
      result.kind = ReadResult::Kind::kEnded;
      return result;
    }
    const int32_t split = at_.begin()->first;
    size_t& at = at_.begin()->second;
    touched_[split] = true;
    const auto& times = data_->at(split);
    const auto count = static_cast<int64_t>(
        std::min<size_t>(times.size() - at, static_cast<size_t>(std::min(max_rows, most))));
    result.kind = ReadResult::Kind::kBatch;
    result.split = split;
    BatchOf batch(schema_, count);
    batch.Set<int64_t>("n", [&](int64_t i) {
      return std::optional<int64_t>(split * 100 + static_cast<int64_t>(at) + i);
    });
    batch.Set<int64_t>("ts", [&](int64_t i) { return times[at + static_cast<size_t>(i)]; });
    result.batch = batch.Finish();
    result.bytes = count * 10;
    at += static_cast<size_t>(count);
    if (at == times.size()) {
      result.split_ended = true;
      at_.erase(split);
    }
    return result;
  }
  std::string Position(int32_t index) const override {
    return touched_.at(index) ? std::to_string(at_.at(index)) : std::string();
  }

  int64_t most = 2;  // rows a call
  bool idle = false;
  SteadyMicros idle_until = 0;
  std::vector<int64_t> asked;

 private:
  batch::SchemaPtr schema_;
  const Data* data_;
  std::map<int32_t, size_t> at_;
  std::map<int32_t, bool> touched_;
};

struct Source {
  Source(std::shared_ptr<const plan::ExecutionPlan> made, const FakeReader::Data& data,
         ManualClock* clock, int subtask = 0, int parallelism = 1, bool bounded = true,
         const std::map<int32_t, checkpoint::SplitState>& restored = {},
         const std::string& group = "")
      : plan(std::move(made)) {
    REQUIRE(plan != nullptr);
    planned = plan->tasks[0].operators[0];
    planned.bounded = bounded;
    auto owned = std::make_unique<FakeReader>(planned.output, &data);
    reader = owned.get();
    SourceOperator::Options options;
    options.plan = &planned;
    options.node = &plan->node(planned);
    options.subtask = subtask;
    options.parallelism = parallelism;
    options.clock = clock;
    options.counters = &counters;
    op = std::make_unique<SourceOperator>(options, std::move(owned));
    std::vector<checkpoint::SourceSplits::Split> splits;
    for (const auto& [index, times] : data)
      splits.push_back({"", group.empty() ? std::to_string(index) : group});
    REQUIRE_STATUS(op->Assign(splits, restored));
  }
  SourceOperator::PollResult Poll() {
    auto result = op->Poll(output);
    INFO(result.status().ToString());
    REQUIRE(result.ok());
    return *result;
  }
  using Kind = SourceOperator::PollResult::Kind;

  std::shared_ptr<const plan::ExecutionPlan> plan;
  plan::PlanOperator planned;
  OperatorCounters counters;
  Collector output;
  FakeReader* reader;
  std::unique_ptr<SourceOperator> op;
};
using Kind = SourceOperator::PollResult::Kind;

constexpr char kTimes[] = "event_time: {field: ts, max_delay: 1ms}";

TEST_CASE(
    "source: rows get their event times, the watermark follows each split, then all has ended",
    "[operator][source]") {
  const FakeReader::Data data = {{0, {5000, 9000, 7000}}, {1, {-2000}}};
  ManualClock clock;
  Source s(SourcePlan(kTimes), data, &clock);
  CHECK(s.op->Watermark() == batch::kMinTimestamp);
  CHECK(s.Poll().kind == Kind::kRows);
  CHECK(s.op->Watermark() == batch::kMinTimestamp);  // nothing was read of split 1
  REQUIRE(s.output.batches[kMainPort].size() == 1);
  const batch::Batch first = s.output.batches[kMainPort][0];
  CHECK(std::vector<int64_t>(first.times(), first.times() + 2) == std::vector<int64_t>{5000, 9000});
  CHECK(s.Poll().kind == Kind::kRows);
  CHECK(s.op->Watermark() == batch::kMinTimestamp);  // split 0 has ended, 1 holds it back
  CHECK(s.Poll().kind == Kind::kRows);               // the last row
  CHECK(s.op->Watermark() != batch::kMaxTimestamp);  // the end is said only when the reader says so
  CHECK_FALSE(s.op->ended());
  CHECK(s.Poll().kind == Kind::kEnded);
  CHECK(s.op->ended());
  CHECK(s.op->Watermark() == batch::kMaxTimestamp);
  CHECK(s.Poll().kind == Kind::kEnded);
  CHECK(s.counters.rows_in == 4);
  CHECK(s.counters.bytes_in == 40);
}

TEST_CASE("source: without event_time there are no times and no watermark", "[operator][source]") {
  const FakeReader::Data data = {{0, {5000}}};
  ManualClock clock;
  Source s(SourcePlan("rate: 1000000/s"), data, &clock);
  clock.now += 1'000'000;
  CHECK(s.Poll().kind == Kind::kRows);
  CHECK(s.output.batches[kMainPort][0].times() == nullptr);
  CHECK(s.op->Watermark() == batch::kMinTimestamp);
}

TEST_CASE("source: a NULL event time is the user's error, with its row", "[operator][source]") {
  const FakeReader::Data data = {{0, {5000, std::nullopt}}};
  ManualClock clock;
  Source s(SourcePlan(kTimes), data, &clock);
  const auto result = s.op->Poll(s.output);
  CHECK(absl::IsInvalidArgument(result.status()));
  const std::string message(result.status().message());
  INFO(message);
  for (const char* part : {"src", "ts", "n: 1"}) CHECK(message.find(part) != std::string::npos);
}

TEST_CASE("source: rate is an upper bound over all subtasks", "[operator][source]") {
  FakeReader::Data data;
  for (int i = 0; i < 20000; ++i) data[0].push_back(i);
  data[1] = data[0];
  for (const int64_t step : {100, 5'000, 40'000, 700'000}) {
    ManualClock clock;
    Source s(SourcePlan("rate: 2000/s"), data, &clock, /*subtask=*/1, /*parallelism=*/2);
    s.reader->most = batch::Batch::kMaxRows;
    const SteadyMicros begin = clock.now;
    int64_t waits = 0;
    while (clock.now < begin + 4'000'000) {
      const auto result = s.Poll();
      if (result.kind == Kind::kWait) {
        REQUIRE(result.retry_at > clock.now);  // no spinning
        REQUIRE(result.retry_at <= clock.now + 10'000);
        clock.now = std::max(result.retry_at, clock.now + step);
        ++waits;
      }
      const double seconds = static_cast<double>(clock.now - begin) / 1e6;
      // Never ahead by more than a portion; half of 2000/s.
      REQUIRE(static_cast<double>(s.counters.rows_in) <= 1000 * seconds + 5 + 1);
    }
    INFO("step " << step);
    if (step <= 40'000)
      CHECK(s.counters.rows_in >= 3900);  // and not behind, when it is asked often enough
    CHECK(waits > 0);
  }
}

TEST_CASE("source: idle splits are left out, once, without spinning", "[operator][source]") {
  const FakeReader::Data data = {{0, {5000, 6000, 7000}}, {1, {7000}}};
  ManualClock clock;
  Source s(SourcePlan("event_time: {field: ts, max_delay: 1ms, idle_after: 1s}"), data, &clock, 0,
           1, /*bounded=*/false);
  s.reader->most = 1;
  CHECK(s.Poll().kind == Kind::kRows);
  s.reader->idle = true;
  const auto waiting = s.Poll();
  CHECK(waiting.kind == Kind::kWait);
  CHECK(waiting.retry_at == clock.now + 1'000'000);  // then it must look again
  s.reader->idle_until = clock.now + 500;
  CHECK(s.Poll().retry_at == clock.now + 500);
  s.reader->idle_until = 0;
  clock.now += 1'000'000;
  CHECK(s.op->Watermark() == kIdleWatermark);
  CHECK(s.Poll().retry_at == 0);  // all are idle: only a wake changes that
  s.reader->idle = false;
  CHECK(s.Poll().kind == Kind::kRows);  // the rest of split 0; split 1 stays idle
  CHECK(s.op->Watermark() == 5000);
}

TEST_CASE("source: a bounded source never counts as idle", "[operator][source]") {
  const FakeReader::Data data = {{0, {5000}}, {1, {7000}}};
  ManualClock clock;
  Source s(SourcePlan("event_time: {field: ts, idle_after: 1s}"), data, &clock);
  s.reader->idle = true;
  CHECK(s.Poll().retry_at == 0);
  clock.now += 100'000'000;
  CHECK(s.op->Watermark() == batch::kMinTimestamp);
}

TEST_CASE("source: splits move to other subtasks with what was read of them",
          "[operator][source]") {
  Rng rng(7);
  FakeReader::Data data;
  for (int32_t split = 0; split < 7; ++split) {
    const uint64_t rows = 1 + rng.Below(9);
    for (uint64_t r = 0; r < rows; ++r)
      data[split].push_back(static_cast<int64_t>(rng.Below(100'000)));
  }
  std::vector<std::string> expected, read;
  for (const auto& [split, times] : data) {
    for (size_t i = 0; i < times.size(); ++i)
      expected.push_back(std::to_string(split * 100 + static_cast<int>(i)));
  }
  std::map<int32_t, checkpoint::SplitState> restored;
  ManualClock clock;
  const auto plan = SourcePlan(kTimes);
  for (int round = 0;; ++round) {
    const int parallelism = 1 + static_cast<int>(rng.Below(9));  // more than there are splits, too
    std::map<int32_t, checkpoint::SplitState> next;
    bool all_ended = true;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      Source s(plan, data, &clock, subtask, parallelism, true, restored);
      for (uint64_t polls = rng.Below(4); polls > 0; --polls) s.Poll();
      if (round == 40) {
        while (!s.op->ended()) s.Poll();
      }
      all_ended &= s.op->ended();
      for (std::string& row : s.output.Take(kMainPort))
        read.push_back(row.substr(0, row.find('|')));
      const checkpoint::OperatorSnapshot snapshot = s.op->Snapshot(CheckpointId(1));
      CHECK(snapshot.node == "src");
      for (const checkpoint::SplitState& state : snapshot.splits) {
        CHECK(state.split % parallelism == subtask);
        CHECK(next.emplace(state.split, state).second);
        if (const auto it = restored.find(state.split); it != restored.end()) {
          CHECK(state.watermark >= it->second.watermark);
        }
      }
    }
    for (const auto& [split, state] : restored) CHECK(next.contains(split));
    restored = next;
    if (all_ended && round >= 40) break;
  }
  for (const auto& [split, state] : restored) CHECK(state.ended);
  std::sort(expected.begin(), expected.end());
  std::sort(read.begin(), read.end());
  CHECK(read == expected);
}

TEST_CASE(
    "source: a file's watermark is that of its earliest unfinished range, also after a rescale",
    "[operator][source]") {
  const FakeReader::Data data = {
      {0, {10'000, 20'000}}, {1, {30'000, 40'000}}, {2, {50'000, 60'000}}};
  ManualClock clock;
  const auto plan = SourcePlan(kTimes);
  std::map<int32_t, checkpoint::SplitState> restored;
  {
    Source even(plan, data, &clock, 0, 2, true, {}, "file");
    while (!even.op->ended()) even.Poll();
    Source odd(plan, data, &clock, 1, 2, true, {}, "file");
    odd.reader->most = 1;
    odd.Poll();
    CHECK(odd.op->Watermark() == 29'000);
    for (const Source* s : {&even, &odd}) {
      for (const auto& state : s->op->Snapshot(CheckpointId(1)).splits) restored[state.split] = state;
    }
  }
  Source one(plan, data, &clock, 0, 1, true, restored, "file");
  CHECK(one.op->Watermark() == 29'000);  // not the 59 000 of range 2: 40 000 is still to come
}

}  // namespace
}  // namespace weir::taskmanager
