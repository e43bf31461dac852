#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

struct Known {
  int16_t code;
  const char* name;
  bool passing;
};
constexpr Known kKnown[] = {
    {-1, "UNKNOWN_SERVER_ERROR", true},
    {0, "NONE", false},
    {kOffsetOutOfRange, "OFFSET_OUT_OF_RANGE", false},
    {kCorruptMessage, "CORRUPT_MESSAGE", false},
    {kUnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION", false},
    {kLeaderNotAvailable, "LEADER_NOT_AVAILABLE", true},
    {kNotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", true},
    {7, "REQUEST_TIMED_OUT", true},
    {8, "BROKER_NOT_AVAILABLE", true},
    {9, "REPLICA_NOT_AVAILABLE", true},
    {13, "NETWORK_EXCEPTION", true},
    {kCoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS", true},
    {kCoordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE", true},
    {kNotCoordinator, "NOT_COORDINATOR", true},
    {17, "INVALID_TOPIC_EXCEPTION", false},
    {19, "NOT_ENOUGH_REPLICAS", true},
    {20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true},
    {24, "INVALID_GROUP_ID", false},
    {kTopicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", false},
    {kGroupAuthorizationFailed, "GROUP_AUTHORIZATION_FAILED", false},
    {kClusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", false},
    {kUnsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", false},
    {kIllegalSaslState, "ILLEGAL_SASL_STATE", false},
    {kUnsupportedVersion, "UNSUPPORTED_VERSION", false},
    {42, "INVALID_REQUEST", false},
    {kInvalidProducerEpoch, "INVALID_PRODUCER_EPOCH", false},
    {kInvalidTxnState, "INVALID_TXN_STATE", false},
    {kInvalidProducerIdMapping, "INVALID_PRODUCER_ID_MAPPING", false},
    {kInvalidTransactionTimeout, "INVALID_TRANSACTION_TIMEOUT", false},
    {kConcurrentTransactions, "CONCURRENT_TRANSACTIONS", true},
    {kTransactionalIdAuthorizationFailed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false},
    {56, "KAFKA_STORAGE_ERROR", true},
    {kSaslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", false},
    {kUnknownProducerId, "UNKNOWN_PRODUCER_ID", false},
    {kGroupIdNotFound, "GROUP_ID_NOT_FOUND", false},
    {74, "FENCED_LEADER_EPOCH", true},
    {75, "UNKNOWN_LEADER_EPOCH", true},
    {76, "UNSUPPORTED_COMPRESSION_TYPE", false},
    {78, "OFFSET_NOT_AVAILABLE", true},
    {kUnstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT", true},
    {89, "THROTTLING_QUOTA_EXCEEDED", true},
    {kProducerFenced, "PRODUCER_FENCED", false},
    {100, "UNKNOWN_TOPIC_ID", true},
    {103, "INCONSISTENT_TOPIC_ID", true},
    {kTransactionalIdNotFound, "TRANSACTIONAL_ID_NOT_FOUND", false},
    {kTransactionAbortable, "TRANSACTION_ABORTABLE", false},
};
const Known* Find(int16_t code) {
  for (const Known& known : kKnown) {
    if (known.code == code) return &known;
  }
  return nullptr;
}

}  // namespace

std::string ErrorName(int16_t code) {
  const Known* known = Find(code);
  if (known == nullptr) return "error " + std::to_string(code);
  return std::string(known->name) + " (" + std::to_string(code) + ")";
}

bool IsPassing(int16_t code) {
  const Known* known = Find(code);
  return known != nullptr && known->passing;
}

bool IsCoordinatorMoved(int16_t code) {
  return code == kCoordinatorLoadInProgress || code == kCoordinatorNotAvailable || code == kNotCoordinator;
}

}  // namespace weir::taskmanager::kafka::protocol
