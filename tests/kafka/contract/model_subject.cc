#include "absl/strings/str_cat.h"
#include "tests/kafka/contract/subject.h"
#include "tests/simulation/kafka/simulated_brokers.h"
#include "tests/simulation/kafka/simulated_kafka.h"

namespace weir::taskmanager::kafka::contract {
namespace {

class ModelSubject final : public RequestingSubject<sim::SimulatedBrokers> {
 public:
  ModelSubject(sim::SimulatedKafka* kafka, sim::Simulation* simulation, const Clock* clock)
      : kafka_(kafka),
        simulation_(simulation),
        clock_(clock),
        brokers_(&kafka->network(), clock),
        ports_(kafka->PortsFactory()(ConnectionOptions(), clock)) {}

  const Clock* clock() override { return clock_; }
  ClusterPorts& ports() override { return ports_; }
  void Pause(int64_t ms) override { simulation_->Await(ms * 1000); }
  void RestartBroker() override {
    kafka_->KillAllBrokers();
    Pause(1'000);
    kafka_->StartAllBrokers();
  }
  std::vector<std::string> Committed(const std::string& topic, int32_t partition) override {
    std::vector<std::string> values;
    for (const KafkaRecord& record : kafka_->cluster().Committed(topic, partition)) values.push_back(record.value);
    return values;
  }
  void DeleteRecords(const std::string& topic, int32_t partition, int64_t before) override {
    kafka_->cluster().log(topic, partition)->DeleteBefore(before);
  }

 protected:
  sim::SimulatedBrokers& brokers() override { return brokers_; }

 private:
  sim::SimulatedKafka* const kafka_;
  sim::Simulation* const simulation_;
  const Clock* const clock_;
  sim::SimulatedBrokers brokers_;
  ClusterPorts ports_;
};

}  // namespace

std::vector<std::string> RunOnModel(Script script, const std::string& topic, int transaction_version, uint64_t seed) {
  sim::Simulation simulation(seed);
  sim::SimulatedKafka::Options options;
  options.cluster.brokers = 1;
  options.cluster.transactions.transaction_version = transaction_version;
  options.cluster.transactions.sweep_interval = 500'000;
  sim::SimulatedKafka kafka(options, &simulation);
  kafka.cluster().CreateTopic(topic, 2);
  const sim::NodeId node = simulation.AddNode("client");
  std::vector<std::string> answers;
  bool done = false;
  simulation.StartProcess(node, "script", [&] {
    ModelSubject subject(&kafka, &simulation, simulation.clock(node));
    script(subject, topic, &answers);
    done = true;
    simulation.Stop();
  });
  simulation.RunUntil(int64_t{3600} * 1'000'000);
  if (!done) answers.push_back("the script does not end");
  return answers;
}

}  // namespace weir::taskmanager::kafka::contract
