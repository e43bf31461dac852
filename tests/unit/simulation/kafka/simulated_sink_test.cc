#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/sink/kafka_sink.h"
#include "tests/simulation/kafka/simulated_kafka.h"
#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::sim {
namespace {

using namespace taskmanager;
using namespace taskmanager::kafka;

constexpr SteadyMicros kSecond = 1'000'000;

/// A sink subtask of one attempt in a simulated process.
struct Subtask {
  Subtask(SimulatedKafka& kafka, const Clock* clock, int64_t attempt) {
    node.name = "out";
    node.format.type = job::FormatType::kRaw;
    schema = SchemaOf({{"value", "bytes"}});
    SinkContext context;
    context.node = &node;
    context.schema = schema;
    context.job = JobId{std::string(32, 'a')};
    context.attempt = Attempt{attempt};
    context.clock = clock;
    context.checkpoint_interval_micros = 10 * kSecond;
    context.checkpoint_timeout_micros = 30 * kSecond;
    KafkaSinkOptions options;
    options.topic = "t";
    options.transaction_timeout_ms = 60'000;
    options.restart_budget_ms = 1'000;
    auto encoder = RowEncoder::Make(node.format, schema, options);
    REQUIRE(encoder.ok());
    sink = std::make_unique<KafkaSink>(MakeSinkServices(context, options, kafka.PortsFactory()), *std::move(encoder));
  }
  batch::Batch Row(const std::string& text) const {
    batch::Batch batch;
    batch.schema = schema;
    batch.rows = 1;
    batch.columns.push_back(batch::Column::Allocate(schema->fields[0].type, 1));
    batch.columns[0].mutable_data<batch::StringRef>()[0] = batch::StringRef(text);
    return batch;
  }
  job::Node node;
  batch::SchemaPtr schema;
  std::unique_ptr<KafkaSink> sink;
};

SimulatedKafka::Options DrawnFrom(uint64_t seed) {
  Rng rng(seed);
  return SimulatedKafka::Draw(&rng);
}

struct Run {
  explicit Run(uint64_t seed) : simulation(seed), kafka(DrawnFrom(seed), &simulation) {
    kafka.cluster().CreateTopic("t", 2);
    machine = simulation.AddNode("tm");
  }
  std::vector<std::string> Committed() {
    std::vector<std::string> values;
    for (const KafkaRecord& record : kafka.Committed("t")) values.push_back(record.value);
    std::sort(values.begin(), values.end());
    return values;
  }
  Simulation simulation;
  SimulatedKafka kafka;
  NodeId machine;
};

TEST_CASE("a sink runs on the model, from its first record to its commit") {
  Run run(5);
  bool done = false;
  run.simulation.StartProcess(run.machine, "p", [&] {
    Subtask subtask(run.kafka, run.simulation.clock(run.machine), 1);
    KafkaSink& sink = *subtask.sink;
    REQUIRE(sink.Open().ok());
    for (int64_t checkpoint = 1; checkpoint <= 5; ++checkpoint) {
      const absl::Status written = sink.Write(subtask.Row(std::to_string(checkpoint)));
      INFO(written.ToString());
      REQUIRE(written.ok());
      auto sealed = sink.Seal(CheckpointId{checkpoint});
      REQUIRE(sealed.ok());
      const auto handle = (*sealed)->PreCommit();
      INFO(handle.status().ToString());
      REQUIRE(handle.ok());
      CHECK(run.Committed().size() == static_cast<size_t>(checkpoint - 1));
      const absl::Status committed = sink.Commit(**handle);
      INFO(committed.ToString());
      REQUIRE(committed.ok());
      run.simulation.Await(5 * kSecond);
      CHECK(run.Committed().size() == static_cast<size_t>(checkpoint));
    }
    done = true;
  });
  run.simulation.RunUntil(200 * kSecond);
  CHECK(done);
  CHECK(run.kafka.OpenTransactions().empty());
  CHECK(run.kafka.ReadersReachTheEnd("t"));
}

/// A process prepares a transaction and dies at a drawn moment while brokers die and lose answers; a second one
/// resolves its handle, when there is one, and sweeps. What was decided must be there once, what was not must be gone.
void Recovers(uint64_t seed) {
  INFO("seed " << seed);
  Run run(seed);
  Rng rng(seed);
  std::optional<std::string> decided;
  KafkaNetwork::Faults& faults = run.kafka.network().faults();
  faults.lost_replies_percent = static_cast<int>(rng.Below(30));
  faults.lost_requests_percent = static_cast<int>(rng.Below(20));
  faults.late = rng.Below(2) == 0 ? 0 : static_cast<SteadyMicros>(rng.Below(4 * kSecond));
  const ProcessId first = run.simulation.StartProcess(run.machine, "first", [&] {
    Subtask subtask(run.kafka, run.simulation.clock(run.machine), 1);
    if (!subtask.sink->Open().ok() || !subtask.sink->Write(subtask.Row("one")).ok()) return;
    auto sealed = subtask.sink->Seal(CheckpointId{1});
    if (!sealed.ok()) return;
    const auto handle = (*sealed)->PreCommit();
    if (!handle.ok()) return;
    decided = **handle;
    subtask.sink->Write(subtask.Row("two")).IgnoreError();  // stays open
    run.simulation.AwaitBetween(0, 2 * kSecond);
    subtask.sink->Commit(*decided).IgnoreError();
    run.simulation.Await(100 * kSecond);
  });
  run.simulation.After(static_cast<SteadyMicros>(rng.Below(3 * kSecond)), [&] {
    const int broker = run.kafka.KillBroker();
    run.simulation.After(2 * kSecond, [&run, broker] { run.kafka.StartBroker(broker); });
  });
  run.simulation.After(static_cast<SteadyMicros>(rng.Below(6 * kSecond)), [&] { run.simulation.Kill(first); });
  // Often the transaction has timed out by then.
  run.simulation.RunUntil(7 * kSecond + static_cast<SteadyMicros>(rng.Below(4)) * 40 * kSecond);
  faults = {};
  bool resolved = false;
  run.simulation.StartProcess(run.machine, "second", [&] {
    Subtask subtask(run.kafka, run.simulation.clock(run.machine), 2);
    if (decided) {
      const absl::Status status = subtask.sink->Resolve(*decided);
      INFO(status.ToString());
      REQUIRE(status.ok());
    }
    REQUIRE(subtask.sink->Sweep().ok());
    resolved = true;
  });
  run.simulation.After(200 * kSecond, [] {});  // what arrived late has timed out, and markers are written
  run.simulation.RunUntil(run.simulation.Now() + 201 * kSecond);
  REQUIRE(resolved);
  CHECK(run.Committed() == (decided ? std::vector<std::string>{"one"} : std::vector<std::string>{}));
  CHECK(run.kafka.OpenTransactions().empty());
  CHECK(run.kafka.ReadersReachTheEnd("t"));
}

TEST_CASE("what was prepared is there once whoever dies, what was not is gone") {
  for (uint64_t seed = 1; seed <= 300; ++seed) Recovers(seed);
}

}  // namespace
}  // namespace weir::sim
