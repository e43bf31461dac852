#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/protocol/wire.h"

namespace weir::taskmanager::kafka::protocol {

/// A request of Kafka's: its number, the versions of it that we speak, and the first of them with the flexible encoding.
struct Api {
  int16_t key;
  const char* name;
  int16_t oldest, newest;
  int16_t flexible_from;
  constexpr bool IsFlexible(int16_t version) const { return version >= flexible_from; }
};

// Each request knows its Api and writes its body; each response reads its body. Fields are Kafka's, those that nobody
// here asks for are skipped. A response that is cut short, is too long or holds a length that cannot be makes the reader's
// `ok()` false; frame.h makes an error of it. Order and versions: clients/src/main/resources/common/message/*.json.

struct ApiVersionsResponse {
  struct Range {
    int16_t key = 0, oldest = 0, newest = 0;
  };
  struct Feature {
    std::string name;
    int16_t newest_level = 0, oldest_level = 0;
  };
  int16_t error = 0;
  std::vector<Range> ranges;
  std::vector<Feature> finalized;  // v3 on
  void Decode(int16_t version, WireReader& in);
};
struct ApiVersionsRequest {
  using Response = ApiVersionsResponse;
  static constexpr Api kApi{18, "ApiVersions", 0, 3, 3};
  std::string software_name, software_version;
  void Encode(int16_t version, WireWriter& out) const;
};

struct SaslHandshakeResponse {
  int16_t error = 0;
  std::vector<std::string> mechanisms;  // that the broker offers
  void Decode(int16_t version, WireReader& in);
};
struct SaslHandshakeRequest {
  using Response = SaslHandshakeResponse;
  static constexpr Api kApi{17, "SaslHandshake", 1, 1, INT16_MAX};
  std::string mechanism;
  void Encode(int16_t version, WireWriter& out) const;
};

struct SaslAuthenticateResponse {
  int16_t error = 0;
  std::string message;
  std::string bytes;
  int64_t session_lifetime_ms = 0;  // v1 on; 0: for ever
  void Decode(int16_t version, WireReader& in);
};
struct SaslAuthenticateRequest {
  using Response = SaslAuthenticateResponse;
  static constexpr Api kApi{36, "SaslAuthenticate", 0, 2, 2};
  std::string bytes;
  void Encode(int16_t version, WireWriter& out) const;
};

struct MetadataResponse {
  struct Broker {
    int32_t node = 0;
    std::string host;
    int32_t port = 0;
  };
  struct Partition {
    int16_t error = 0;
    int32_t index = 0;
    int32_t leader = -1;
  };
  struct Topic {
    int16_t error = 0;
    std::string name;
    std::string id;  // 16 bytes; v10 on
    std::vector<Partition> partitions;
  };
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  std::vector<Topic> topics;
  void Decode(int16_t version, WireReader& in);
};
struct MetadataRequest {
  using Response = MetadataResponse;
  static constexpr Api kApi{3, "Metadata", 4, 12, 9};
  std::vector<std::string> topics;  // none: only the brokers
  void Encode(int16_t version, WireWriter& out) const;
};

struct FindCoordinatorResponse {
  int16_t error = 0;
  std::string message;
  int32_t node = -1;
  std::string host;
  int32_t port = 0;
  void Decode(int16_t version, WireReader& in);
};
struct FindCoordinatorRequest {
  enum Type : int8_t { kGroup = 0, kTransaction = 1 };
  using Response = FindCoordinatorResponse;
  static constexpr Api kApi{10, "FindCoordinator", 1, 4, 3};
  std::string key;
  Type type = kTransaction;
  void Encode(int16_t version, WireWriter& out) const;
};

struct InitProducerIdResponse {
  int16_t error = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  void Decode(int16_t version, WireReader& in);
};
struct InitProducerIdRequest {
  using Response = InitProducerIdResponse;
  static constexpr Api kApi{22, "InitProducerId", 0, 4, 2};
  std::string transactional_id;
  int32_t transaction_timeout_ms = 0;
  void Encode(int16_t version, WireWriter& out) const;
};

struct DescribeTransactionsResponse {
  struct Transaction {
    int16_t error = 0;
    std::string transactional_id;
    std::string state;
    int32_t timeout_ms = 0;
    int64_t started_ms = -1;
    int64_t producer_id = -1;
    int16_t producer_epoch = -1;
  };
  std::vector<Transaction> transactions;
  void Decode(int16_t version, WireReader& in);
};
struct DescribeTransactionsRequest {
  using Response = DescribeTransactionsResponse;
  static constexpr Api kApi{65, "DescribeTransactions", 0, 0, 0};
  std::string transactional_id;
  void Encode(int16_t version, WireWriter& out) const;
};

struct ListTransactionsResponse {
  struct Transaction {
    std::string transactional_id;
    int64_t producer_id = -1;
    std::string state;
  };
  int16_t error = 0;
  std::vector<Transaction> transactions;
  void Decode(int16_t version, WireReader& in);
};
struct ListTransactionsRequest {
  using Response = ListTransactionsResponse;
  static constexpr Api kApi{66, "ListTransactions", 0, 0, 0};
  std::vector<std::string> states;  // none: all
  void Encode(int16_t version, WireWriter& out) const;
};

struct ListGroupsResponse {
  int16_t error = 0;
  std::vector<std::string> groups;
  void Decode(int16_t version, WireReader& in);
};
struct ListGroupsRequest {
  using Response = ListGroupsResponse;
  static constexpr Api kApi{16, "ListGroups", 0, 2, 3};
  void Encode(int16_t version, WireWriter& out) const;
};

struct DeleteGroupsResponse {
  int16_t error = 0;
  void Decode(int16_t version, WireReader& in);
};
/// One group.
struct DeleteGroupsRequest {
  using Response = DeleteGroupsResponse;
  static constexpr Api kApi{42, "DeleteGroups", 0, 2, 2};
  std::string group;
  void Encode(int16_t version, WireWriter& out) const;
};

struct EndTxnResponse {
  int16_t error = 0;
  void Decode(int16_t version, WireReader& in);
};
/// Never v5: first attempt and repetition must mean the same (transactions V2 raises the epoch at each end).
struct EndTxnRequest {
  using Response = EndTxnResponse;
  static constexpr Api kApi{26, "EndTxn", 0, 4, 3};
  std::string transactional_id;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  bool committed = false;
  void Encode(int16_t version, WireWriter& out) const;
};

/// One partition of one topic.
struct OffsetFetchResponse {
  int16_t error = 0;  // of the group, else of the partition
  bool found = false;
  int64_t offset = -1;
  std::string metadata;
  void Decode(int16_t version, WireReader& in);
};
struct OffsetFetchRequest {
  using Response = OffsetFetchResponse;
  static constexpr Api kApi{9, "OffsetFetch", 7, 8, 6};
  std::string group;
  std::string topic;
  int32_t partition = 0;
  bool require_stable = false;
  void Encode(int16_t version, WireWriter& out) const;
};

/// One partition of one topic.
struct ListOffsetsResponse {
  int16_t error = 0;
  int64_t offset = -1;
  void Decode(int16_t version, WireReader& in);
};
struct ListOffsetsRequest {
  static constexpr int64_t kLatest = -1, kEarliest = -2;
  using Response = ListOffsetsResponse;
  static constexpr Api kApi{2, "ListOffsets", 1, 3, 6};
  std::string topic;
  int32_t partition = 0;
  int64_t timestamp = kEarliest;
  void Encode(int16_t version, WireWriter& out) const;
};

/// One partition of one topic, read_uncommitted.
struct FetchResponse {
  int16_t error = 0;  // of the whole, else of the partition
  bool found = false;
  int64_t high_watermark = -1;
  int64_t log_start = -1;  // v5 on
  std::string records;     // batches; the last may be cut short
  void Decode(int16_t version, WireReader& in);
};
struct FetchRequest {
  using Response = FetchResponse;
  static constexpr Api kApi{1, "Fetch", 4, 12, 12};
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int32_t max_wait_ms = 0;
  int32_t max_bytes = 0;
  void Encode(int16_t version, WireWriter& out) const;
};

}  // namespace weir::taskmanager::kafka::protocol
