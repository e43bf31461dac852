#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {

void ApiVersionsRequest::Encode(int16_t version, WireWriter& out) const {
  if (version < 3) return;
  out.PutString(software_name);
  out.PutString(software_version);
  out.EndStruct();
}

void SaslHandshakeRequest::Encode(int16_t, WireWriter& out) const { out.PutString(mechanism); }

void SaslAuthenticateRequest::Encode(int16_t, WireWriter& out) const {
  out.PutBytes(bytes);
  out.EndStruct();
}

void MetadataRequest::Encode(int16_t version, WireWriter& out) const {
  out.PutArraySize(topics.size());
  for (const std::string& topic : topics) {
    if (version >= 10) out.PutRaw(std::string(16, '\0'));  // by name, not by id
    out.PutString(topic);
    out.EndStruct();
  }
  out.PutBool(false);                                     // never create topics
  if (version >= 8 && version <= 10) out.PutBool(false);  // rights on the cluster
  if (version >= 8) out.PutBool(false);                   // rights on topics
  out.EndStruct();
}

void FindCoordinatorRequest::Encode(int16_t version, WireWriter& out) const {
  if (version < 4) out.PutString(key);
  out.Put(static_cast<int8_t>(type));
  if (version >= 4) {
    out.PutArraySize(1);
    out.PutString(key);
  }
  out.EndStruct();
}

void InitProducerIdRequest::Encode(int16_t version, WireWriter& out) const {
  out.PutString(transactional_id);
  out.Put(transaction_timeout_ms);
  if (version >= 3) {
    out.Put(int64_t{-1});
    out.Put(int16_t{-1});
  }
  out.EndStruct();
}

void DescribeTransactionsRequest::Encode(int16_t, WireWriter& out) const {
  out.PutArraySize(1);
  out.PutString(transactional_id);
  out.EndStruct();
}

void ListTransactionsRequest::Encode(int16_t, WireWriter& out) const {
  out.PutArraySize(states.size());
  for (const std::string& state : states) out.PutString(state);
  out.PutArraySize(0);  // of any producer id
  out.EndStruct();
}

void ListGroupsRequest::Encode(int16_t, WireWriter&) const {}

void DeleteGroupsRequest::Encode(int16_t, WireWriter& out) const {
  out.PutArraySize(1);
  out.PutString(group);
  out.EndStruct();
}

void EndTxnRequest::Encode(int16_t, WireWriter& out) const {
  out.PutString(transactional_id);
  out.Put(producer_id);
  out.Put(producer_epoch);
  out.PutBool(committed);
  out.EndStruct();
}

void OffsetFetchRequest::Encode(int16_t version, WireWriter& out) const {
  if (version >= 8) out.PutArraySize(1);  // groups
  out.PutString(group);
  out.PutArraySize(1);
  out.PutString(topic);
  out.PutArraySize(1);
  out.Put(partition);
  out.EndStruct();                    // topic
  if (version >= 8) out.EndStruct();  // group
  out.PutBool(require_stable);
  out.EndStruct();
}

void ListOffsetsRequest::Encode(int16_t version, WireWriter& out) const {
  out.Put(int32_t{-1});                       // not a replica
  if (version >= 2) out.Put(int8_t{0});       // read_uncommitted
  out.PutArraySize(1);
  out.PutString(topic);
  out.PutArraySize(1);
  out.Put(partition);
  out.Put(timestamp);
}

void FetchRequest::Encode(int16_t version, WireWriter& out) const {
  out.Put(int32_t{-1});  // not a replica
  out.Put(max_wait_ms);
  out.Put(int32_t{1});  // answer as soon as there is a byte
  out.Put(max_bytes);
  out.Put(int8_t{0});  // read_uncommitted
  if (version >= 7) {
    out.Put(int32_t{0});   // no session
    out.Put(int32_t{-1});
  }
  out.PutArraySize(1);
  out.PutString(topic);
  out.PutArraySize(1);
  out.Put(partition);
  if (version >= 9) out.Put(int32_t{-1});  // the leader's epoch is not compared
  out.Put(offset);
  if (version >= 12) out.Put(int32_t{-1});  // epoch of the last one fetched
  if (version >= 5) out.Put(int64_t{-1});   // a replica's log start
  out.Put(max_bytes);
  out.EndStruct();  // partition
  out.EndStruct();  // topic
  if (version >= 7) out.PutArraySize(0);  // forgotten topics
  if (version >= 11) out.PutString("");   // rack
  out.EndStruct();
}

}  // namespace weir::taskmanager::kafka::protocol
