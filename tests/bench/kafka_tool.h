#pragma once

#include <cstdint>
#include <map>
#include <string>

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace weir::bench {

/// `--name value` pairs of a measuring program. Ends the program with a message on anything else.
class Arguments {
 public:
  Arguments(int argc, char** argv, std::map<std::string, std::string> defaults);
  const std::string& Text(const std::string& name) const { return values_.at(name); }
  int64_t Number(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

/// Ends the program with exit code 1.
[[noreturn]] void Die(const std::string& message);

/// A configuration with `brokers` and these settings of librdkafka.
rd_kafka_conf_s* Configuration(const std::string& brokers, const std::map<std::string, std::string>& settings);
rd_kafka_s* MakeProducer(const std::string& brokers, std::map<std::string, std::string> settings);
rd_kafka_s* MakeConsumer(const std::string& brokers, std::map<std::string, std::string> settings);

/// Makes the topic, one replica; one that exists already is left as it is.
void CreateTopic(rd_kafka_s* client, const std::string& topic, int partitions);
void DeleteTopic(rd_kafka_s* client, const std::string& topic);
int PartitionCount(rd_kafka_s* client, const std::string& topic);

/// The monotonic clock, the CPU of this process, a mixing function (splitmix64).
double Seconds();
double CpuSeconds();
uint64_t Mix(uint64_t value);

/// What one alert adds to the digest of a multiset of alerts: digests are sums, so order means nothing.
uint64_t AlertDigest(uint64_t user, uint64_t window_start_ms, uint64_t count);

}  // namespace weir::bench
