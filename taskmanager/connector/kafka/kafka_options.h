#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/job/job_spec.h"

namespace weir::taskmanager::kafka {

/// How to reach and to log in to a cluster. The same in librdkafka and in our own small client.
/// Made from `brokers`, `security` and `client_properties` of a node; `client_properties` may say the same things in
/// librdkafka's names (security.protocol, sasl.mechanism, ssl.ca.location, …), which end up here too.
struct ConnectionOptions {
  enum class Sasl : uint8_t { kNone, kPlain, kScramSha256, kScramSha512, kOther };
  std::vector<std::string> brokers;  // HOST:PORT
  bool tls = false;
  std::string ca_file;  // PEM; empty: the system's
  std::string certificate_file, key_file, key_password;
  bool verify_hostname = true;
  Sasl sasl = Sasl::kNone;
  std::string sasl_mechanism;  // as written, for librdkafka: PLAIN, SCRAM-SHA-512, GSSAPI, …
  std::string username, password;
  /// The rest of client_properties, passed to librdkafka as they are.
  std::map<std::string, std::string> properties;
  std::string client_id = "weir";

  /// False: our own client cannot log in (GSSAPI, OAUTHBEARER): mode B.
  bool raw_client_possible() const { return sasl != Sasl::kOther; }
};

struct StartPosition {
  enum class Kind : uint8_t { kEarliest, kLatest, kCommitted, kTimestamp };
  Kind kind = Kind::kEarliest;
  int64_t timestamp_ms = 0;
};

struct KafkaSourceOptions {
  ConnectionOptions connection;
  std::vector<std::string> topics;
  std::string topic_pattern;  // RE2 syntax, whole name; empty: `topics`
  std::string group_id;       // empty: `weir-<job>-<node>`
  StartPosition start;
  bool stop_latest = false;
  bool read_committed = true;
  bool out_of_range_earliest = false;  // on_out_of_range: earliest; else fail
  int64_t discovery_interval_micros = 30'000'000;  // 0: never
};

enum class Delivery : uint8_t { kExactlyOnce, kAtLeastOnce, kNone };

struct KafkaSinkOptions {
  ConnectionOptions connection;
  std::string topic;
  std::string key;  // column; empty: no key
  std::vector<std::pair<std::string, std::string>> headers;  // name -> column
  /// Librdkafka's names: murmur2_random (as Kafka's Java client), consistent_random, random, …
  std::string partitioner = "murmur2_random";
  std::string compression = "none";  // none | gzip | snappy | lz4 | zstd
  /// Nothing: as the job's guarantee.
  std::optional<Delivery> delivery;
  int64_t transaction_timeout_ms = 600'000;
  int64_t restart_budget_ms = 10'000;
  int64_t linger_micros = 1'000;
  /// Keep every record in the checkpoint too, for topics whose log cannot be trusted to repair from (compacted, short
  /// retention).
  bool keep_records = false;
};

/// From a node that was validated by the descriptor.
KafkaSourceOptions SourceOptionsOf(const job::Node& node);
KafkaSinkOptions SinkOptionsOf(const job::Node& node);

/// What `explain`, `status` and logs may show: host names, user, mechanism; never a password or a key.
std::string Describe(const ConnectionOptions& connection);

}  // namespace weir::taskmanager::kafka
