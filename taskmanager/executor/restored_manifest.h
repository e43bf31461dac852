#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/storage.h"
#include "common/runtime/sync.h"

namespace weir::taskmanager {

/// The manifest that an attempt restores; read and verified once, by whoever asks first.
/// Thread: thread-safe; Get blocks. Errors: kDataLoss with the file's name; the storage's.
class RestoredManifest {
 public:
  RestoredManifest(std::shared_ptr<checkpoint::Storage> storage, checkpoint::FileRef file)
      : storage_(std::move(storage)), file_(std::move(file)) {}
  absl::StatusOr<std::shared_ptr<const checkpoint::Manifest>> Get();

 private:
  std::shared_ptr<checkpoint::Storage> storage_;
  checkpoint::FileRef file_;
  runtime::Mutex mutex_;  // held while it is read
  bool read_ = false;
  absl::StatusOr<std::shared_ptr<const checkpoint::Manifest>> result_;
};

}  // namespace weir::taskmanager
