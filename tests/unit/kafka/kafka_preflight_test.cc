#include <catch2/catch.hpp>

#include "common/config/diagnostics.h"
#include "common/job/yaml/job_reader.h"
#include "taskmanager/connector/builtin/catalog.h"
#include "taskmanager/connector/kafka/preflight/judge.h"

// What is said of a job when a cluster has answered.

namespace weir::taskmanager::kafka {
namespace {

constexpr char kJob[] = R"(version: 1
name: t
sources:
  in: {type: kafka, brokers: "h:1", topics: [a, b], group_id: g, format: {type: raw}}
sinks:
  out:
    type: kafka
    input: in
    brokers: "h:1"
    topic: alerts
    format: {type: raw}
)";

struct Bench {
  Bench() {
    config::Diagnostics diagnostics;
    auto read = job::ReadJob(kJob, {}, BuiltinCatalog(), &diagnostics);
    INFO(diagnostics.ToStatus());
    REQUIRE(read.has_value());
    spec = *std::move(read);
  }
  /// `LINE:COLUMN: MESSAGE`, one a line.
  std::string Source() {
    PreflightReport report;
    JudgeSource(*spec.Find("in"), SourceOptionsOf(*spec.Find("in")), facts, &report);
    return std::string(report.errors.ToStatus().message());
  }
  std::string Sink(bool transactional = true) {
    PreflightReport report;
    JudgeSink(*spec.Find("out"), SinkOptionsOf(*spec.Find("out")), transactional, facts, &report);
    hints = report.hints;
    return std::string(report.errors.ToStatus().message());
  }
  job::JobSpec spec;
  ClusterFacts facts;
  std::vector<std::string> hints;
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("preflight: nothing is wrong where nothing is known to be wrong", "[kafka][preflight]") {
  Bench b;
  CHECK(b.Source().empty());
  CHECK(b.Sink().empty());
  CHECK(b.hints.empty());
  b.facts.topics["alerts"] = {};
  b.facts.max_transaction_timeout_ms = 600'000;
  b.facts.transactions = absl::UnavailableError("later perhaps");
  CHECK(b.Sink().empty());
}

TEST_CASE("preflight: a cluster that is not reached says nothing else", "[kafka][preflight]") {
  Bench b;
  b.facts.reached = absl::UnavailableError("connection refused");
  b.facts.topics["a"].found = absl::NotFoundError("a");
  const std::string said = b.Source();
  CHECK(Has(said, "4:30: "));
  CHECK(Has(said, "connection refused"));
  CHECK_FALSE(Has(said, "does not exist"));
}

TEST_CASE("preflight: every topic that is wrong, at its place", "[kafka][preflight]") {
  Bench b;
  b.facts.topics["a"].found = absl::NotFoundError("a");
  b.facts.topics["b"].found = absl::PermissionDeniedError("b");
  const std::string said = b.Source();
  CHECK(Has(said, "4:46: topic `a` does not exist"));
  CHECK(Has(said, "4:49: no right to topic `b`; READ"));
}

TEST_CASE("preflight: what a sink's transactions need", "[kafka][preflight]") {
  Bench b;
  b.facts.topics["alerts"].found = absl::NotFoundError("alerts");
  b.facts.max_transaction_timeout_ms = 599'999;
  b.facts.transactions = absl::PermissionDeniedError("DESCRIBE on transactional id x");
  const std::string said = b.Sink();  // all at once
  CHECK(Has(said, "10:12: topic `alerts` does not exist"));
  CHECK(Has(said, "transaction_timeout 10m is above"));
  CHECK(Has(said, "DESCRIBE on transactional id x"));
  const std::string plain = b.Sink(/*transactional=*/false);
  CHECK(Has(plain, "does not exist"));
  CHECK_FALSE(Has(plain, "transaction"));
}

TEST_CASE("preflight: a compacted topic is a hint", "[kafka][preflight]") {
  Bench b;
  b.facts.topics["alerts"].compacted = true;
  CHECK(b.Sink().empty());
  REQUIRE(b.hints.size() == 1);
  CHECK(Has(b.hints[0], "keep_records"));
  b.Sink(false);
  CHECK(b.hints.empty());
}

}  // namespace
}  // namespace weir::taskmanager::kafka
