#include <catch2/catch.hpp>
#include <sstream>

#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/terminal/json_writer.h"
#include "client/terminal/progress.h"

namespace weir::client {
namespace {

using jobmanager::JobState;
using jobmanager::JobStatus;

JobStatus Running(int64_t rows_in, int64_t rows_out) {
  JobStatus status;
  status.id = JobId{"ab"};
  status.name = "j";
  status.state = JobState::kRunning;
  jobmanager::SubtaskStatus source;
  source.name = "in -> agg.local";
  source.metrics.rows_in = rows_in;
  source.metrics.rows_out = 77;
  jobmanager::SubtaskStatus sink;
  sink.name = "agg -> out";
  sink.metrics.rows_in = 55;
  sink.metrics.rows_out = rows_out;
  status.tasks = {source, sink};
  return status;
}

TEST_CASE("numbers for people") {
  CHECK(FormatCount(0) == "0");
  CHECK(FormatCount(999) == "999");
  CHECK(FormatCount(1234567) == "1 234 567");
  CHECK(FormatCount(-1000) == "-1 000");
  CHECK(FormatRate(2'510'000) == "2.51 M/s");
  CHECK(FormatRate(812) == "812/s");
  CHECK(FormatRate(45'230) == "45.2 k/s");
  CHECK(FormatBytes(512) == "512 B");
  CHECK(FormatBytes(1'258'291) == "1.2 MiB");
  CHECK(FormatDuration(12) == "12 ms");
  CHECK(FormatDuration(1'250) == "1.2 s");
  CHECK(FormatDuration(185'000) == "3 min 5 s");
  CHECK(FormatTime(0) == "-");
  CHECK(FormatTime(1'000'000'000'000) == "2001-09-09 01:46:40Z");
}

TEST_CASE("a table lines up, also beyond ASCII") {
  CHECK(FormatTable({"A", "B"}, {{"äö", "1"}, {"abcd", "2"}}) == "A     B\näö    1\nabcd  2\n");
}

TEST_CASE("commas of JSON") {
  JsonWriter json;
  json.BeginObject()
      .Key("a")
      .Int(1)
      .Key("b")
      .BeginArray()
      .Int(1)
      .BeginObject()
      .EndObject()
      .EndArray();
  json.Key("c").Null().EndObject();
  CHECK(json.text() == R"({"a": 1, "b": [1, {}], "c": null})");
}

TEST_CASE("status as JSON has what the contract promises") {
  JobStatus status = Running(10, 2);
  status.last_checkpoint =
      jobmanager::CheckpointInfo{CheckpointId(42), Attempt(1), false, "/p", 5, 6, 7};
  const std::string json = StatusJson(status);
  for (const char* part :
       {R"("id": "ab")", R"("state": "RUNNING")", R"("attempt": 0)", R"("restarts": 0)",
        R"("last_checkpoint": {"id": 42)", R"("completed_at_ms": 5)", R"("duration_ms": 6)",
        R"("size_bytes": 7)", R"("failure": null)", R"("name": "in -> agg.local")",
        R"("subtask": 0)", R"("rows_in": 10)", R"("rows_out": 2)", R"("watermark_ms": null)"}) {
    CHECK(json.find(part) != std::string::npos);
  }
}

TEST_CASE("rows of the job are those of its sources and sinks") {
  const JobEnds ends{{"in"}, {"out"}};
  ProgressTotals sums = SumRows(Running(1000, 3), ends);
  CHECK(sums.rows_in == 1000);
  CHECK(sums.rows_out == 3);
}

TEST_CASE("totals never shrink: an attempt that ends a job reads nothing") {
  std::ostringstream text;
  Progress progress(&text, ProgressMode::kLines, JobEnds{{"in"}, {"out"}}, 0);
  progress.Update(Running(1000, 3), 1000, 1);
  JobStatus ended;
  ended.state = JobState::kFinished;
  progress.Update(ended, 2000, 1);
  CHECK(progress.totals().rows_in == 1000);
  CHECK(progress.totals().rows_out == 3);
  CHECK(progress.totals().elapsed_ms == 2000);
  CHECK(progress.MeanRate() == Approx(1000));
}

TEST_CASE("without a terminal: a line per second at most") {
  std::ostringstream text;
  Progress progress(&text, ProgressMode::kLines, JobEnds{{"in"}, {"out"}}, 0);
  for (int64_t ms = 0; ms <= 2500; ms += 100) progress.Update(Running(ms, 0), ms, ms);
  const std::string all = text.str();
  CHECK(std::count(all.begin(), all.end(), '\n') == 3);
  CHECK(all.find('\x1b') == std::string::npos);
}

TEST_CASE("the line tells state, rows, rate, checkpoint and restarts") {
  JobStatus status = Running(0, 0);
  status.last_checkpoint =
      jobmanager::CheckpointInfo{CheckpointId(7), Attempt(1), false, "/p", 1000, 12, 2048};
  status.restarts = 2;
  CHECK(ProgressLine(status, {12345, 6, 0}, 2000, 1300) ==
        "j  RUNNING  12 345 rows in (2.0 k/s)  6 out  checkpoint 7 (300 ms ago, took 12 ms, 2.0 "
        "KiB)  restarts 2");
}

TEST_CASE("a failure of an attempt is told once") {
  std::ostringstream text;
  Progress progress(&text, ProgressMode::kLines, JobEnds{}, 0);
  JobStatus status = Running(0, 0);
  status.failure = jobmanager::JobFailure{absl::UnavailableError("tm-1 is gone"), {}, "", 5};
  progress.Update(status, 0, 0);
  progress.Update(status, 2000, 0);
  const std::string all = text.str();
  CHECK(all.find("tm-1 is gone") != std::string::npos);
  CHECK(all.find("tm-1 is gone") == all.rfind("tm-1 is gone"));
}

}  // namespace
}  // namespace weir::client
