#include "taskmanager/connector/kafka/source/kafka_reader.h"

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/plan/plan.h"

namespace weir::taskmanager::kafka {
namespace {

class FixedClock final : public Clock {
 public:
  SteadyMicros Steady() const override { return 42; }
  WallMicros Wall() const override { return 42; }
};

/// A cluster's side that the test writes.
struct Script {
  std::deque<std::vector<Consumed>> rounds;
  std::deque<std::string> texts;  // what the records point to
  std::map<int32_t, RecordConsumer::Start> assigned;
  std::vector<int32_t> stopped;
  int assignments = 0;
  std::vector<std::map<int32_t, int64_t>> commits;
  std::map<int32_t, int64_t> high;
  RecordConsumer::Range range{0, 100};
  int held = 0;  // rounds that were not released
  bool verified = true;
  absl::Status verdict;
  int confirmed = 0;
  std::vector<KafkaSplit> watched, all;

  void Round(std::vector<Consumed> events) { rounds.push_back(std::move(events)); }
  Consumed Record(int32_t split, int64_t offset, std::string value) {
    Consumed record;
    record.split = split;
    record.offset = offset;
    texts.push_back(std::move(value));
    record.data = texts.back().data();
    record.size = texts.back().size();
    return record;
  }
  Consumed Good(int32_t split, int64_t offset) { return Record(split, offset, absl::StrCat("{\"n\":", offset, "}")); }
  static Consumed Event(Consumed::Kind kind, int32_t split, int64_t offset) {
    Consumed event;
    event.kind = kind;
    event.split = split;
    event.offset = offset;
    return event;
  }
};

class ScriptedConsumer final : public RecordConsumer {
 public:
  explicit ScriptedConsumer(Script* script) : script_(script) {}
  absl::Status Assign(const std::map<int32_t, Start>& starts) override {
    script_->assigned = starts;
    ++script_->assignments;
    return absl::OkStatus();
  }
  const std::vector<Consumed>& Consume(size_t) override {
    now_.clear();
    if (!script_->rounds.empty()) {
      now_ = std::move(script_->rounds.front());
      script_->rounds.pop_front();
      ++script_->held;
    }
    return now_;
  }
  void Release() override { --script_->held; }
  void Stop(int32_t split) override { script_->stopped.push_back(split); }
  absl::StatusOr<Range> QueryRange(int32_t) override { return script_->range; }
  int64_t HighWatermark(int32_t split) const override {
    const auto it = high_.find(split);
    return it == high_.end() ? -1 : it->second;
  }
  void RefreshWatermarks() override { high_ = script_->high; }
  void CommitOffsets(const std::map<int32_t, int64_t>& offsets) override { script_->commits.push_back(offsets); }

 private:
  Script* const script_;
  std::vector<Consumed> now_;
  std::map<int32_t, int64_t> high_;
};

class ScriptedMonitor final : public TopicMonitor {
 public:
  explicit ScriptedMonitor(Script* script) : script_(script) {}
  void Start(std::vector<KafkaSplit> mine, std::vector<KafkaSplit> all) override {
    script_->watched = std::move(mine);
    script_->all = std::move(all);
  }
  bool verified() const override { return script_->verified; }
  absl::Status status() const override { return script_->verdict; }
  void Confirm() override { ++script_->confirmed; }

 private:
  Script* const script_;
};

class Bench {
 public:
  explicit Bench(job::OnError on_error = job::OnError::kFail, bool out_of_range_earliest = false) {
    node_.name = "in";
    node_.format.type = job::FormatType::kJson;
    node_.format.on_error = on_error;
    SourceContext context;
    context.node = &node_;
    context.schema = std::make_shared<batch::Schema>(batch::Schema{{{"n", {.kind = batch::TypeKind::kBigint}}}});
    context.errors_schema = plan::ErrorsSchema();
    context.clock = &clock_;
    KafkaReader::Parts parts;
    DecoderOptions options;
    options.format = node_.format.type;
    options.schema = context.schema;
    parts.decoder = *ValueDecoder::Make(options);
    parts.consumer = std::make_unique<ScriptedConsumer>(&script);
    parts.monitor = std::make_unique<ScriptedMonitor>(&script);
    parts.out_of_range_earliest = out_of_range_earliest;
    reader = std::make_unique<KafkaReader>(context, std::move(parts));
  }

  void Add(int32_t index, int64_t start, int64_t stop = KafkaSplit::kNoStop, const std::string& position = "") {
    KafkaSplit split;
    split.topic = "t";
    split.partition = index;
    split.start = start;
    split.stop = stop;
    REQUIRE(reader->AddSplit(index, EncodeSplit(split), position).ok());
  }

  /// Reads until there is nothing: `0: 5 6 end`, `idle`, `ended`, or the error.
  std::vector<std::string> Drain(int64_t max_rows = 100) {
    std::vector<std::string> seen;
    for (;;) {
      auto read = reader->Read(max_rows);
      if (!read.ok()) {
        seen.push_back(std::string(read.status().message()));
        code = read.status().code();
        return seen;
      }
      if (read->kind == ReadResult::Kind::kIdle) {
        if (read->retry_at != 0) continue;
        seen.push_back("idle");
        return seen;
      }
      if (read->kind == ReadResult::Kind::kEnded) {
        seen.push_back("ended");
        return seen;
      }
      std::string text = absl::StrCat(read->split, ":");
      for (int64_t i = 0; i < read->batch.rows; ++i) {
        absl::StrAppend(&text, " ", batch::ValueToString(read->batch.columns[0], i));
      }
      for (int64_t i = 0; i < read->errors.rows; ++i) {
        absl::StrAppend(&text, " [", batch::ValueToString(read->errors.columns[0], i), "|",
                        batch::ValueToString(read->errors.columns[2], i), "]");
      }
      if (read->skipped_rows > 0) absl::StrAppend(&text, " skipped ", read->skipped_rows);
      if (read->split_ended) text += " end";
      seen.push_back(text);
    }
  }

  Script script;
  std::unique_ptr<KafkaReader> reader;
  absl::StatusCode code = absl::StatusCode::kOk;

 private:
  job::Node node_;
  FixedClock clock_;
};

using Kind = Consumed::Kind;
using Lines = std::vector<std::string>;

TEST_CASE("kafka reader: a batch is of one partition, and the position is behind its last record") {
  Bench bench;
  bench.Add(0, 5);
  bench.Add(1, 0);
  Script& s = bench.script;
  s.Round({s.Good(0, 5), s.Good(0, 7), s.Good(1, 0), s.Good(0, 8)});
  CHECK(bench.reader->Position(0).empty());
  CHECK(bench.Drain() == Lines{"0: 5 7", "1: 0", "0: 8", "idle"});
  CHECK(bench.reader->Position(0) == "9");
  CHECK(bench.reader->Position(1) == "1");
  CHECK(s.held == 0);
  CHECK(s.assigned.at(0).offset == 5);
  CHECK(s.watched.size() == 2);
}

TEST_CASE("kafka reader: no more rows than asked for, and the rest next time") {
  Bench bench;
  bench.Add(0, 0);
  Script& s = bench.script;
  s.Round({s.Good(0, 0), s.Good(0, 1), s.Good(0, 2)});
  CHECK(bench.Drain(2) == Lines{"0: 0 1", "0: 2", "idle"});
  CHECK(s.held == 0);
}

TEST_CASE("kafka reader: reading goes on at the position") {
  Bench bench;
  bench.Add(3, 0, KafkaSplit::kNoStop, "17");
  CHECK(bench.Drain() == Lines{"idle"});
  CHECK(bench.script.assigned.at(3).offset == 17);
  CHECK(bench.reader->Position(3) == "17");
  KafkaSplit split;
  split.topic = "t";
  CHECK(bench.reader->AddSplit(4, EncodeSplit(split), "x").code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("kafka reader: a bounded partition ends with its last record") {
  Bench bench;
  bench.Add(0, 0, 3);
  Script& s = bench.script;
  s.Round({s.Good(0, 0), s.Good(0, 1), s.Good(0, 2), s.Good(0, 3), s.Good(0, 4)});
  CHECK(bench.Drain() == Lines{"0: 0 1 2 end", "ended"});
  CHECK(s.stopped == std::vector<int32_t>{0});
  CHECK(s.held == 0);
}

TEST_CASE("kafka reader: a bounded partition ends at a record behind the stop, which is not read") {
  Bench bench;
  bench.Add(0, 0, 3);
  Script& s = bench.script;
  s.Round({s.Good(0, 0), s.Good(0, 4)});  // 1 to 3: transaction markers
  CHECK(bench.Drain() == Lines{"0: 0", "0: end", "ended"});
  CHECK(bench.reader->Position(0) == "3");
}

TEST_CASE("kafka reader: a bounded partition ends when the broker says so, though the last record is a marker") {
  Bench bench;
  bench.Add(0, 0, 3);
  bench.Add(1, 0, 3);
  Script& s = bench.script;
  s.Round({s.Good(0, 0), s.Event(Kind::kEnd, 1, 2), s.Event(Kind::kEnd, 0, 3)});
  CHECK(bench.Drain() == Lines{"0: 0", "0: end", "idle"});
  CHECK(bench.reader->Position(1) == "2");  // nothing lies before it
  s.Round({s.Event(Kind::kEnd, 1, 3)});
  CHECK(bench.Drain() == Lines{"1: end", "ended"});
}

TEST_CASE("kafka reader: partitions that are empty or read already end without the broker") {
  Bench bench;
  bench.Add(0, 4, 4);
  bench.Add(1, 0, 9, "9");
  CHECK(bench.Drain() == Lines{"0: end", "1: end", "ended"});
  CHECK(bench.script.assigned.empty());
  Bench none;
  CHECK(none.Drain() == Lines{"ended"});
}

TEST_CASE("kafka reader: bad rows by on_error, named by topic, partition and offset") {
  const auto fill = [](Script& s) {
    s.Round({s.Good(0, 0), s.Record(0, 1, "poison"), s.Good(0, 2), s.Record(0, 3, "{\"n\":1}\n{\"n\":2}"), s.Good(0, 4)});
  };
  Bench fail;
  fail.Add(0, 0);
  fill(fail.script);
  CHECK_THAT(fail.Drain().back(), Catch::StartsWith("t-0@1: "));
  CHECK(fail.code == absl::StatusCode::kInvalidArgument);
  CHECK(fail.reader->Position(0).empty());
  Bench skip(job::OnError::kSkip);
  skip.Add(0, 0);
  fill(skip.script);
  CHECK(skip.Drain() == Lines{"0: 0 2 4 skipped 2", "idle"});
  Bench route(job::OnError::kRoute);
  route.Add(0, 0);
  fill(route.script);
  CHECK(route.Drain() == Lines{"0: 0 2 4 [poison|t-0@1] [{\"n\":1}\n{\"n\":2}|t-0@3]", "idle"});
  CHECK(route.reader->Position(0) == "5");
}

TEST_CASE("kafka reader: an offset that is gone ends the job, with the range that is there") {
  Bench bench;
  bench.Add(0, 0, KafkaSplit::kNoStop, "5");
  bench.script.range = {50, 80};
  bench.script.Round({Script::Event(Kind::kOutOfRange, 0, 5)});
  CHECK_THAT(bench.Drain().back(), Catch::Contains("SOURCE_OFFSET_OUT_OF_RANGE: topic t [0]: offset 5 is to be read next, "
                                                   "but it has 50 to 80 (exclusive)"));
  CHECK(bench.code == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("kafka reader: on_out_of_range: earliest goes on with the oldest, never with an earlier one") {
  Bench bench(job::OnError::kFail, true);
  bench.Add(0, 0, KafkaSplit::kNoStop, "5");
  Script& s = bench.script;
  s.range = {50, 80};
  bench.Add(1, 0);
  s.Round({s.Good(1, 0), s.Event(Kind::kOutOfRange, 0, 5), s.Good(0, 49), s.Good(1, 1)});
  s.Round({s.Good(1, 1), s.Good(0, 50), s.Good(1, 2)});  // 1 again: everything was assigned again
  CHECK(bench.Drain() == Lines{"1: 0", "1: 1", "0: 50", "1: 2", "idle"});
  CHECK(s.assignments == 2);
  CHECK(s.assigned.at(0).offset == 50);
  CHECK(s.assigned.at(1).offset == 1);
  // A log that became shorter cannot be read on from its beginning.
  Bench cut(job::OnError::kFail, true);
  cut.Add(0, 0, KafkaSplit::kNoStop, "90");
  cut.script.range = {50, 80};
  cut.script.Round({Script::Event(Kind::kOutOfRange, 0, 90)});
  CHECK_THAT(cut.Drain().back(), Catch::Contains("the log was cut"));
  CHECK(cut.code == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("kafka reader: nothing is read before the topics were compared, and their verdict ends reading") {
  Bench bench;
  bench.Add(0, 0);
  Script& s = bench.script;
  s.verified = false;
  s.Round({s.Good(0, 0)});
  CHECK(bench.Drain() == Lines{"idle"});
  s.verified = true;
  CHECK(bench.Drain() == Lines{"0: 0", "idle"});
  s.Round({s.Event(Kind::kMissing, 0, 1)});
  CHECK(bench.Drain() == Lines{"idle"});
  CHECK(s.confirmed == 1);
  s.verdict = absl::FailedPreconditionError("SOURCE_TOPIC_MISSING: t");
  CHECK(bench.Drain() == Lines{"SOURCE_TOPIC_MISSING: t"});
}

TEST_CASE("kafka reader: a client's error ends reading") {
  Bench bench;
  bench.Add(0, 0);
  Consumed error;
  error.kind = Kind::kError;
  error.error = absl::UnavailableError("login refused");
  bench.script.Round({error});
  CHECK(bench.Drain() == Lines{"login refused"});
}

TEST_CASE("kafka reader: the group gets the offsets of the snapshot that was completed") {
  Bench bench;
  bench.Add(0, 0);
  Script& s = bench.script;
  s.Round({s.Good(0, 0)});
  bench.Drain();
  bench.reader->OnSnapshot(CheckpointId(1));
  s.Round({s.Good(0, 1)});
  bench.Drain();
  bench.reader->OnSnapshot(CheckpointId(2));
  bench.reader->OnCheckpointComplete(CheckpointId(1));
  REQUIRE(s.commits.size() == 1);
  CHECK(s.commits[0] == std::map<int32_t, int64_t>{{0, 1}});
  bench.reader->OnCheckpointComplete(CheckpointId(2));
  bench.reader->OnSnapshot(CheckpointId(3));
  bench.reader->OnCheckpointComplete(CheckpointId(3));  // nothing new
  REQUIRE(s.commits.size() == 2);
  CHECK(s.commits[1] == std::map<int32_t, int64_t>{{0, 2}});
}

TEST_CASE("kafka reader: lag is what lies between the position and the end") {
  Bench bench;
  bench.Add(0, 10);
  bench.Add(1, 0, 4);
  Script& s = bench.script;
  bench.Drain();
  CHECK(bench.reader->Lag() == -1);
  s.high = {{0, 30}, {1, 100}};
  CHECK(bench.reader->Lag() == -1);  // not asked for under the metrics' lock
  bench.reader->OnSnapshot(CheckpointId(1));
  CHECK(bench.reader->Lag() == 20 + 4);
  s.Round({s.Event(Kind::kEnd, 0, 30), s.Event(Kind::kEnd, 1, 4)});
  bench.Drain();
  CHECK(bench.reader->Lag() == 0);
}

TEST_CASE("kafka reader: a list of splits that is damaged is an error, not a guess") {
  Bench bench;
  bench.reader->OnSplits({{"damaged", "g"}});
  bench.Add(0, 0);
  CHECK_THAT(bench.Drain().back(), Catch::Contains("partition list"));
}

}  // namespace
}  // namespace weir::taskmanager::kafka
