#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

/// Least bytes that an element of a compact array of structs can take: what the old form takes is at least as much.
constexpr size_t kString = 1, kTags = 0;

void SkipInts(WireReader& in) {
  const int32_t count = in.GetArraySize(4);
  in.GetRaw(uint64_t{4} * static_cast<uint32_t>(count));
}

}  // namespace

void ApiVersionsResponse::Decode(int16_t version, WireReader& in) {
  error = in.Get<int16_t>();
  const int32_t count = in.GetArraySize(6);
  ranges.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count && in.ok(); ++i) {
    Range& range = ranges.emplace_back();
    range.key = in.Get<int16_t>();
    range.oldest = in.Get<int16_t>();
    range.newest = in.Get<int16_t>();
    in.EndStruct();
  }
  if (version >= 1) in.Get<int32_t>();  // throttled
  in.EndStruct([&](uint32_t tag, std::string_view bytes) {
    constexpr uint32_t kFinalizedFeatures = 2;
    if (tag != kFinalizedFeatures) return;
    WireReader features(bytes, true);
    const int32_t features_count = features.GetArraySize(kString + 4);
    for (int32_t i = 0; i < features_count && features.ok(); ++i) {
      Feature& feature = finalized.emplace_back();
      feature.name = features.GetString();
      feature.newest_level = features.Get<int16_t>();
      feature.oldest_level = features.Get<int16_t>();
      features.EndStruct();
    }
    if (!features.AtEnd()) in.Reject();
  });
}

void SaslHandshakeResponse::Decode(int16_t, WireReader& in) {
  error = in.Get<int16_t>();
  const int32_t count = in.GetArraySize(2);
  for (int32_t i = 0; i < count && in.ok(); ++i) mechanisms.push_back(in.GetString());
}

void SaslAuthenticateResponse::Decode(int16_t version, WireReader& in) {
  error = in.Get<int16_t>();
  message = in.GetNullableString().value_or("");
  bytes = in.GetBytes();
  if (version >= 1) session_lifetime_ms = in.Get<int64_t>();
  in.EndStruct();
}

void MetadataResponse::Decode(int16_t version, WireReader& in) {
  in.Get<int32_t>();  // throttled
  const int32_t broker_count = in.GetArraySize(8 + kString + kTags);
  for (int32_t i = 0; i < broker_count && in.ok(); ++i) {
    Broker& broker = brokers.emplace_back();
    broker.node = in.Get<int32_t>();
    broker.host = in.GetString();
    broker.port = in.Get<int32_t>();
    in.GetNullableString();  // rack
    in.EndStruct();
  }
  if (const auto id = in.GetNullableString()) cluster_id = std::string(*id);
  in.Get<int32_t>();  // controller
  const int32_t topic_count = in.GetArraySize(2 + kString + 1);
  for (int32_t i = 0; i < topic_count && in.ok(); ++i) {
    Topic& topic = topics.emplace_back();
    topic.error = in.Get<int16_t>();
    topic.name = version >= 12 ? in.GetNullableString().value_or("") : in.GetString();
    if (version >= 10) topic.id = std::string(in.GetRaw(16));
    in.GetBool();  // internal
    const int32_t partition_count = in.GetArraySize(10);
    for (int32_t j = 0; j < partition_count && in.ok(); ++j) {
      Partition& partition = topic.partitions.emplace_back();
      partition.error = in.Get<int16_t>();
      partition.index = in.Get<int32_t>();
      partition.leader = in.Get<int32_t>();
      if (version >= 7) in.Get<int32_t>();  // the leader's epoch
      SkipInts(in);                         // replicas
      SkipInts(in);                         // in-sync ones
      if (version >= 5) SkipInts(in);       // offline ones
      in.EndStruct();
    }
    if (version >= 8) in.Get<int32_t>();  // rights on the topic
    in.EndStruct();
  }
  if (version >= 8 && version <= 10) in.Get<int32_t>();  // rights on the cluster
  in.EndStruct();
}

void FindCoordinatorResponse::Decode(int16_t version, WireReader& in) {
  in.Get<int32_t>();  // throttled
  if (version < 4) {
    error = in.Get<int16_t>();
    message = in.GetNullableString().value_or("");
    node = in.Get<int32_t>();
    host = in.GetString();
    port = in.Get<int32_t>();
  } else {
    if (in.GetArraySize(10 + 3 * kString) != 1) return in.Reject();  // one was asked for
    in.GetString();                                                  // the key
    node = in.Get<int32_t>();
    host = in.GetString();
    port = in.Get<int32_t>();
    error = in.Get<int16_t>();
    message = in.GetNullableString().value_or("");
    in.EndStruct();
  }
  in.EndStruct();
}

void InitProducerIdResponse::Decode(int16_t, WireReader& in) {
  in.Get<int32_t>();  // throttled
  error = in.Get<int16_t>();
  producer_id = in.Get<int64_t>();
  producer_epoch = in.Get<int16_t>();
  in.EndStruct();
}

void DescribeTransactionsResponse::Decode(int16_t, WireReader& in) {
  in.Get<int32_t>();  // throttled
  const int32_t count = in.GetArraySize(25);
  for (int32_t i = 0; i < count && in.ok(); ++i) {
    Transaction& transaction = transactions.emplace_back();
    transaction.error = in.Get<int16_t>();
    transaction.transactional_id = in.GetString();
    transaction.state = in.GetString();
    transaction.timeout_ms = in.Get<int32_t>();
    transaction.started_ms = in.Get<int64_t>();
    transaction.producer_id = in.Get<int64_t>();
    transaction.producer_epoch = in.Get<int16_t>();
    const int32_t topics = in.GetArraySize(kString + 1);
    for (int32_t j = 0; j < topics && in.ok(); ++j) {
      in.GetString();
      SkipInts(in);
      in.EndStruct();
    }
    in.EndStruct();
  }
  in.EndStruct();
}

void ListTransactionsResponse::Decode(int16_t, WireReader& in) {
  in.Get<int32_t>();  // throttled
  error = in.Get<int16_t>();
  const int32_t unknown = in.GetArraySize(kString);
  for (int32_t i = 0; i < unknown && in.ok(); ++i) in.GetString();
  const int32_t count = in.GetArraySize(8 + 2 * kString);
  for (int32_t i = 0; i < count && in.ok(); ++i) {
    Transaction& transaction = transactions.emplace_back();
    transaction.transactional_id = in.GetString();
    transaction.producer_id = in.Get<int64_t>();
    transaction.state = in.GetString();
    in.EndStruct();
  }
  in.EndStruct();
}

void ListGroupsResponse::Decode(int16_t version, WireReader& in) {
  if (version >= 1) in.Get<int32_t>();  // throttled
  error = in.Get<int16_t>();
  const int32_t count = in.GetArraySize(2 * kString);
  for (int32_t i = 0; i < count && in.ok(); ++i) {
    groups.push_back(in.GetString());
    in.GetString();  // protocol type
  }
}

void DeleteGroupsResponse::Decode(int16_t, WireReader& in) {
  in.Get<int32_t>();  // throttled
  if (in.GetArraySize(2 + kString) != 1) return in.Reject();  // one was asked for
  in.GetString();
  error = in.Get<int16_t>();
  in.EndStruct();
  in.EndStruct();
}

void EndTxnResponse::Decode(int16_t, WireReader& in) {
  in.Get<int32_t>();  // throttled
  error = in.Get<int16_t>();
  in.EndStruct();
}

void OffsetFetchResponse::Decode(int16_t version, WireReader& in) {
  in.Get<int32_t>();  // throttled
  if (version >= 8) {
    if (in.GetArraySize(4) != 1) return in.Reject();  // one was asked for
    in.GetString();                                   // the group
  }
  int16_t partition_error = 0;
  const int32_t topics = in.GetArraySize(kString + 1);
  for (int32_t i = 0; i < topics && in.ok(); ++i) {
    in.GetString();
    const int32_t partitions = in.GetArraySize(18);
    for (int32_t j = 0; j < partitions && in.ok(); ++j) {
      in.Get<int32_t>();  // partition
      offset = in.Get<int64_t>();
      in.Get<int32_t>();  // the leader's epoch
      metadata = in.GetNullableString().value_or("");
      partition_error = in.Get<int16_t>();
      found = true;
      in.EndStruct();
    }
    in.EndStruct();
  }
  error = in.Get<int16_t>();
  if (error == 0) error = partition_error;
  if (version >= 8) in.EndStruct();
  in.EndStruct();
}

void ListOffsetsResponse::Decode(int16_t version, WireReader& in) {
  if (version >= 2) in.Get<int32_t>();  // throttled
  if (in.GetArraySize(2 + 4) != 1) return in.Reject();
  in.GetString();
  if (in.GetArraySize(22) != 1) return in.Reject();
  in.Get<int32_t>();  // partition
  error = in.Get<int16_t>();
  in.Get<int64_t>();  // timestamp
  offset = in.Get<int64_t>();
}

void FetchResponse::Decode(int16_t version, WireReader& in) {
  in.Get<int32_t>();  // throttled
  if (version >= 7) {
    error = in.Get<int16_t>();
    in.Get<int32_t>();  // session
  }
  const int32_t topics = in.GetArraySize(kString + 1);
  if (topics > 1) return in.Reject();  // one was asked for
  for (int32_t i = 0; i < topics && in.ok(); ++i) {
    in.GetString();
    const int32_t partitions = in.GetArraySize(22 + 2);
    if (partitions > 1) return in.Reject();
    for (int32_t j = 0; j < partitions && in.ok(); ++j) {
      in.Get<int32_t>();  // partition
      const auto partition_error = in.Get<int16_t>();
      if (error == 0) error = partition_error;
      high_watermark = in.Get<int64_t>();
      in.Get<int64_t>();  // last stable offset
      if (version >= 5) log_start = in.Get<int64_t>();
      const int32_t aborted = in.GetNullableArraySize(16);
      for (int32_t k = 0; k < aborted && in.ok(); ++k) {
        in.GetRaw(16);
        in.EndStruct();
      }
      if (version >= 11) in.Get<int32_t>();  // preferred replica
      records = in.GetNullableBytes().value_or("");
      found = true;
      in.EndStruct();
    }
    in.EndStruct();
  }
  in.EndStruct();
}

}  // namespace weir::taskmanager::kafka::protocol
