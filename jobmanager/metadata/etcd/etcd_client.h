#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::jobmanager::etcd {

/// A key as etcd has it. A key that is not there has create revision 0 and mod revision 0.
struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t lease = 0;
};

/// True when the revision of the key is `equals`.
struct Compare {
  enum class Of : uint8_t { kCreateRevision, kModRevision };
  std::string key;
  Of of = Of::kCreateRevision;
  int64_t equals = 0;
};

struct Put {
  std::string key;
  std::string value;
  int64_t lease = 0;  // 0: none
};
/// [key, end); `end` empty: that key alone.
struct Range {
  std::string key;
  std::string end = {};
  int64_t limit = 0;  // 0: all
};
struct DeleteRange {
  std::string key;
  std::string end = {};
};
using Operation = std::variant<Put, Range, DeleteRange>;

/// All of `compare` hold: `success`, else `failure`; at one revision.
struct Transaction {
  std::vector<Compare> compare;
  std::vector<Operation> success;
  std::vector<Operation> failure;
};
struct TransactionResult {
  bool succeeded = false;
  int64_t revision = 0;
  std::vector<std::vector<KeyValue>> ranges;  // of the Ranges that were done, in order; keys ascend
};

/// What Weir uses of etcd, version 3. Reads are linearizable.
///
/// Thread:  thread-safe. Every call blocks, for a few seconds at most.
/// Errors:  of a call that may have happened all the same: kUnavailable, kDeadlineExceeded.
///          kResourceExhausted: larger than etcd takes (1.5 MB), or its space
///          is used up. kUnauthenticated, kPermissionDenied: etcd refuses who asks.
class Client {
 public:
  virtual ~Client() = default;
  virtual absl::StatusOr<TransactionResult> Transact(const Transaction& transaction) = 0;
  /// A new lease: its id. It ends `ttl_seconds` after it was last kept alive, or up to a second later.
  virtual absl::StatusOr<int64_t> Grant(int64_t ttl_seconds) = 0;
  /// kNotFound: the lease has ended, and the keys that it held are deleted.
  virtual absl::Status KeepAlive(int64_t lease) = 0;
  /// Ends the lease and deletes its keys. Not there: OK.
  virtual absl::Status Revoke(int64_t lease) = 0;
  /// Waits until the key has changed after `revision`, at most `timeout_ms`. OK says neither that it
  /// has nor that it has not: look.
  virtual absl::Status Watch(const std::string& key, int64_t revision, int64_t timeout_ms) = 0;
};

}  // namespace weir::jobmanager::etcd
