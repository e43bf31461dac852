#pragma once

#include <cstdint>
#include <string>

namespace weir::taskmanager::kafka::protocol {

/// Kafka's error codes, as far as something is decided by them.
/// Source: org.apache.kafka.common.protocol.Errors.
enum ErrorCode : int16_t {
  kNone = 0,
  kOffsetOutOfRange = 1,
  kCorruptMessage = 2,
  kUnknownTopicOrPartition = 3,
  kLeaderNotAvailable = 5,
  kNotLeaderOrFollower = 6,
  kCoordinatorLoadInProgress = 14,
  kCoordinatorNotAvailable = 15,
  kNotCoordinator = 16,
  kTopicAuthorizationFailed = 29,
  kGroupAuthorizationFailed = 30,
  kClusterAuthorizationFailed = 31,
  kUnsupportedSaslMechanism = 33,
  kIllegalSaslState = 34,
  kUnsupportedVersion = 35,
  kInvalidProducerEpoch = 47,
  kInvalidTxnState = 48,
  kInvalidProducerIdMapping = 49,
  kInvalidTransactionTimeout = 50,
  kConcurrentTransactions = 51,
  kTransactionalIdAuthorizationFailed = 53,
  kSaslAuthenticationFailed = 58,
  kUnknownProducerId = 59,
  kGroupIdNotFound = 69,
  kUnstableOffsetCommit = 88,
  kProducerFenced = 90,
  kTransactionalIdNotFound = 105,
  kTransactionAbortable = 120,
};

/// `NOT_COORDINATOR (16)`; codes that this file does not name: `error 77`.
std::string ErrorName(int16_t code);

/// Whether the same request may succeed a moment later, possibly at another broker.
bool IsPassing(int16_t code);

/// Whether the coordinator of the request's key must be looked for again.
bool IsCoordinatorMoved(int16_t code);

}  // namespace weir::taskmanager::kafka::protocol
