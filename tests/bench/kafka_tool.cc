#include "tests/bench/kafka_tool.h"

#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"

namespace weir::bench {

Arguments::Arguments(int argc, char** argv, std::map<std::string, std::string> defaults)
    : values_(std::move(defaults)) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    auto found = values_.find(name.substr(0, 2) == "--" ? name.substr(2) : name);
    if (found == values_.end() || i + 1 == argc) {
      std::string known;
      for (const auto& [key, value] : values_) known += "  --" + key + " (" + value + ")\n";
      Die("not understood: " + name + "; there are\n" + known);
    }
    found->second = argv[i + 1];
  }
}

int64_t Arguments::Number(const std::string& name) const {
  int64_t number = 0;
  if (!absl::SimpleAtoi(values_.at(name), &number)) Die("--" + name + ": no number: " + values_.at(name));
  return number;
}

void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

rd_kafka_conf_s* Configuration(const std::string& brokers, const std::map<std::string, std::string>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512];
  auto set = [&](const std::string& key, const std::string& value) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof(error)) != RD_KAFKA_CONF_OK) Die(error);
  };
  set("bootstrap.servers", brokers);
  for (const auto& [key, value] : settings) set(key, value);
  return conf;
}

namespace {

rd_kafka_s* Make(rd_kafka_type_t type, const std::string& brokers, const std::map<std::string, std::string>& settings) {
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, Configuration(brokers, settings), error, sizeof(error));
  if (client == nullptr) Die(error);
  return client;
}

/// Waits for the one result of an admin operation; its topics' errors other than `accepted` end the program.
void AwaitTopics(rd_kafka_queue_t* queue, const std::string& what, rd_kafka_resp_err_t accepted) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 60'000);
  if (event == nullptr) Die(what + ": no answer within 60 s");
  if (rd_kafka_event_error(event) != 0) Die(what + ": " + rd_kafka_event_error_string(event));
  size_t count = 0;
  const rd_kafka_topic_result_t** results = nullptr;
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
  } else {
    results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
  }
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != accepted) Die(what + ": " + rd_kafka_err2str(error));
  }
  rd_kafka_event_destroy(event);
}

}  // namespace

rd_kafka_s* MakeProducer(const std::string& brokers, std::map<std::string, std::string> settings) {
  return Make(RD_KAFKA_PRODUCER, brokers, settings);
}

rd_kafka_s* MakeConsumer(const std::string& brokers, std::map<std::string, std::string> settings) {
  settings.emplace("group.id", "weir-bench");
  settings.emplace("enable.auto.commit", "false");
  return Make(RD_KAFKA_CONSUMER, brokers, settings);
}

void CreateTopic(rd_kafka_s* client, const std::string& topic, int partitions) {
  char error[512];
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, error, sizeof(error));
  if (wanted == nullptr) Die(error);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, &wanted, 1, nullptr, queue);
  AwaitTopics(queue, "creating topic " + topic, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(wanted);
  // Until its leaders are known, so that who comes next finds it.
  for (const double end = Seconds() + 30; PartitionCount(client, topic) < partitions;) {
    if (Seconds() > end) Die("topic " + topic + " does not get its partitions");
  }
}

void DeleteTopic(rd_kafka_s* client, const std::string& topic) {
  rd_kafka_DeleteTopic_t* unwanted = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteTopics(client, &unwanted, 1, nullptr, queue);
  AwaitTopics(queue, "deleting topic " + topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteTopic_destroy(unwanted);
}

int PartitionCount(rd_kafka_s* client, const std::string& topic) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, 30'000);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) Die("metadata of " + topic + ": " + rd_kafka_err2str(error));
  int led = 0;
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) led += metadata->topics[0].partitions[i].leader >= 0;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  return led;
}

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

uint64_t AlertDigest(uint64_t user, uint64_t window_start_ms, uint64_t count) {
  return Mix(Mix(Mix(user) ^ window_start_ms) ^ count);
}

}  // namespace weir::bench
