#include "taskmanager/connector/kafka/kafka_keys.h"

#include <cstdint>

namespace weir::taskmanager::kafka {
namespace {

using config::KeyKind;
using config::KeySpec;
using Keys = std::vector<KeySpec>;

constexpr int64_t kSecond = 1'000'000;
/// transaction.timeout.ms is an int32.
constexpr int64_t kLongestTimeout = int64_t{24} * 86'400 * kSecond;

Keys WithConnection(Keys keys) {
  keys.push_back({"brokers", KeyKind::kStringList, true, "", {}, "HOST:PORT, a list of them, or one string with commas"});
  keys.push_back({"security",
                  KeyKind::kMap,
                  false,
                  "",
                  {},
                  "{tls: true | {ca, cert, key, key_password, verify_hostname}, sasl: {mechanism, username, password}}"});
  keys.push_back({"client_properties", KeyKind::kMap, false, "", {}, "further settings of librdkafka, by its names"});
  return keys;
}

}  // namespace

const Keys& KafkaSourceKeys() {
  static const auto* const keys = new Keys(WithConnection({
      {"topics", KeyKind::kStringList, false, "", {}, "one topic or a list"},
      {"topic_pattern", KeyKind::kString, false, "", {}, "regular expression (RE2) that a topic's whole name matches"},
      {"group_id", KeyKind::kString, false, "", {}, "group that offsets are committed to; default: weir-JOB-SOURCE"},
      {"start",
       KeyKind::kAny,
       false,
       "earliest",
       {},
       "earliest | latest | committed (a partition without one: earliest) | {timestamp: RFC 3339 or milliseconds}; "
       "first start only"},
      {"stop", KeyKind::kEnum, false, "", {"latest"}, "read up to the end as it is at the start, then finish"},
      {"isolation", KeyKind::kEnum, false, "read_committed", {"read_committed", "read_uncommitted"}},
      {"on_out_of_range",
       KeyKind::kEnum,
       false,
       "fail",
       {"fail", "earliest"},
       "when the next record is not there any more: fail, or go on with the oldest one (records are lost)"},
      {"discovery_interval",
       KeyKind::kDuration,
       false,
       "30s",
       {},
       "how often to look for new partitions and topics; 0s: never",
       0,
       kLongestTimeout},
  }));
  return *keys;
}

const Keys& KafkaSinkKeys() {
  static const auto* const keys = new Keys(WithConnection({
      {"topic", KeyKind::kString, true, "", {}, ""},
      {"key", KeyKind::kString, false, "", {}, "column that becomes the record's key"},
      {"headers", KeyKind::kMap, false, "", {}, "header to column"},
      {"partitioner",
       KeyKind::kEnum,
       false,
       "murmur2_random",
       {"murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a", "random"},
       "partition by key; murmur2_random is that of Kafka's Java client"},
      {"compression", KeyKind::kEnum, false, "none", {"none", "gzip", "snappy", "lz4", "zstd"}},
      {"delivery",
       KeyKind::kEnum,
       false,
       "",
       {"exactly_once", "at_least_once", "none"},
       "transactions, acknowledged writes, or neither; default: exactly_once if the job's guarantee is, else "
       "at_least_once"},
      {"transaction_timeout",
       KeyKind::kDuration,
       false,
       "10m",
       {},
       "the broker aborts a transaction that is open longer; at most its transaction.max.timeout.ms",
       kSecond,
       kLongestTimeout},
      {"restart_budget",
       KeyKind::kDuration,
       false,
       "10s",
       {},
       "how long a restart may take before a prepared transaction times out",
       0,
       kLongestTimeout},
      {"linger", KeyKind::kDuration, false, "1ms", {}, "how long a record may wait for others", 0, 10 * kSecond},
      {"keep_records",
       KeyKind::kBool,
       false,
       "false",
       {},
       "keep every record in the checkpoint too: for compacted topics and short retention"},
  }));
  return *keys;
}

}  // namespace weir::taskmanager::kafka
