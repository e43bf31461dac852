#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/state/cold_batch.h"

namespace weir::taskmanager {

/// An ordered map of bytes on the local disk: where entries that were evicted from memory lie. Not
/// durable by itself.
///
/// Thread:  thread-safe; every call may block on I/O.
/// Errors:  kResourceExhausted = the disk is full; kDataLoss = its files are damaged; else
/// kInternal.
class OrderedStore {
 public:
  /// Walks a range. Thread: confined.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual void Seek(std::string_view key) = 0;
    virtual void Next() = 0;
    /// False at the end, and after an error: then `status` says which.
    virtual bool Valid() const = 0;
    virtual std::string_view key() const = 0;
    virtual std::string_view value() const = 0;
    virtual absl::Status status() const = 0;
  };
  /// A file of a checkpoint: immutable while the checkpoint is held, and for ever when its name
  /// ends with `.sst`.
  struct File {
    std::string name;
    std::string local_path;
    uint64_t size_bytes = 0;
  };

  virtual ~OrderedStore() = default;
  /// Gives the keys of the batch, ascending and each once, their values; removes those without one.
  virtual absl::Status Write(const ColdBatch& batch) = 0;
  /// Removes [begin, end).
  virtual absl::Status DeleteRange(const std::string& begin, const std::string& end) = 0;
  /// Calls `found(i, value)` of those of the batch's keys, ascending, that there are.
  using Found = std::function<absl::Status(size_t i, std::string_view value)>;
  virtual absl::Status MultiGet(const ColdBatch& keys, const Found& found) = 0;
  virtual std::unique_ptr<Cursor> NewCursor() = 0;
  virtual int64_t ApproximateBytes() const = 0;
  /// The files of the map as it is now, held until the next call or the release.
  virtual absl::StatusOr<std::vector<File>> Checkpoint() = 0;
  virtual void ReleaseCheckpoint() = 0;
};

/// Makes stores below one local folder, which goes with the last of them.
/// Thread: thread-safe.
class OrderedStoreFactory {
 public:
  virtual ~OrderedStoreFactory() = default;
  /// A new empty folder for a store's files.
  virtual absl::StatusOr<std::string> NewFolder() = 0;
  /// Opens the store whose files lie in `folder` (made by NewFolder); an empty folder gives an
  /// empty store.
  virtual absl::StatusOr<std::shared_ptr<OrderedStore>> Open(const std::string& folder) = 0;
};

}  // namespace weir::taskmanager
