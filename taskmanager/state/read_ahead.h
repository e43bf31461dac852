#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/checkpoint/storage.h"
#include "common/runtime/sync.h"

namespace weir::taskmanager {

/// Reads files of a storage one after the other, each verified, ahead of who uses them: if they are large, on a thread of
/// its own.
///
/// Thread:  confined; blocks on I/O.
/// Bound:   at a time there are the file in use, one that is being read, and kAhead bytes and a file that wait.
class ReadAhead {
 public:
  static constexpr size_t kAhead = 8 << 20;
  /// Less than this in all is read by who asks for it.
  static constexpr uint64_t kThreadFrom = 16 << 20;

  ReadAhead(checkpoint::Storage* storage, std::vector<checkpoint::FileRef> files);
  /// Waits for the file that is being read.
  ~ReadAhead();

  /// The next of the files, whole; for once for each. An error is that of this file; what follows it is not read.
  absl::StatusOr<std::string> Next();
  /// Gives back what Next gave: the memory serves a later file.
  void Recycle(std::string memory);

 private:
  void Main();

  checkpoint::Storage* const storage_;
  const std::vector<checkpoint::FileRef> files_;
  size_t next_ = 0;  // without a thread

  runtime::Mutex mutex_;
  runtime::ConditionVariable changed_;
  std::deque<absl::StatusOr<std::string>> ready_;  // these are guarded by mutex_
  size_t ready_bytes_ = 0;
  std::vector<std::string> spare_;
  bool stopping_ = false;
  runtime::Thread thread_;
};

}  // namespace weir::taskmanager
