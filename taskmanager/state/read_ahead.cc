#include "taskmanager/state/read_ahead.h"

#include <utility>

namespace weir::taskmanager {

ReadAhead::ReadAhead(checkpoint::Storage* storage, std::vector<checkpoint::FileRef> files)
    : storage_(storage), files_(std::move(files)) {
  uint64_t bytes = 0;
  for (const checkpoint::FileRef& file : files_) bytes += file.size_bytes;
  if (bytes >= kThreadFrom && files_.size() > 1) thread_ = runtime::Thread("state-reader", [this] { Main(); });
}

ReadAhead::~ReadAhead() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReadAhead::Main() {
  for (const checkpoint::FileRef& file : files_) {
    std::string memory;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || ready_bytes_ < kAhead; });
      if (stopping_) return;
      if (!spare_.empty()) {
        memory = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    absl::StatusOr<std::string> bytes = storage_->ReadInto(std::move(memory), file);
    const bool ok = bytes.ok();
    {
      std::lock_guard lock(mutex_);
      if (ok) ready_bytes_ += bytes->size();
      ready_.push_back(std::move(bytes));
    }
    changed_.notify_all();
    if (!ok) return;
  }
}

absl::StatusOr<std::string> ReadAhead::Next() {
  if (!thread_.joinable()) {
    std::string memory;
    if (!spare_.empty()) {
      memory = std::move(spare_.back());
      spare_.pop_back();
    }
    return storage_->ReadInto(std::move(memory), files_[next_++]);
  }
  absl::StatusOr<std::string> bytes;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    bytes = std::move(ready_.front());
    ready_.pop_front();
    if (bytes.ok()) ready_bytes_ -= bytes->size();
  }
  changed_.notify_all();
  return bytes;
}

void ReadAhead::Recycle(std::string memory) {
  std::lock_guard lock(mutex_);
  spare_.push_back(std::move(memory));
}

}  // namespace weir::taskmanager
