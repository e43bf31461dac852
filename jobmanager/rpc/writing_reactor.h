#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "common/rpc/status.h"
#include "jobmanager/rpc/refusal.h"

namespace weir::jobmanager {

/// The writing half of a streaming call: a bounded queue, one write at a time, and exactly one
/// Finish, never beside a write. `Base` is grpc::ServerBidiReactor or grpc::ServerWriteReactor of
/// raw bytes.
///
/// Thread: thread-safe.
template <typename Base>
class WritingReactor : public Base {
 protected:
  explicit WritingReactor(grpc::CallbackServerContext* context) : context_(context) {}

  enum class WhenFull { kEnd, kDropOldest };
  /// Dropped when the call is ending. Full: as `when_full` says.
  void Enqueue(grpc::ByteBuffer bytes, size_t max_messages, size_t max_bytes, WhenFull when_full) {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    if (!queue_.empty() &&
        (queue_.size() >= max_messages || queued_bytes_ + bytes.Length() > max_bytes)) {
      if (when_full == WhenFull::kEnd) {
        EndLocked(absl::ResourceExhaustedError("the peer does not read what it is sent"), true);
        return;
      }
      queued_bytes_ -= queue_.front().Length();
      queue_.pop_front();
    }
    queued_bytes_ += bytes.Length();
    queue_.push_back(std::move(bytes));
    WriteNextLocked();
  }
  /// Finishes with `status` after what is queued. Only the first counts.
  void End(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    EndLocked(status, false);
  }
  /// Drops what is queued.
  void EndNow(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    EndLocked(status, true);
  }
  /// Makes a write that the peer does not take fail. Before OnDone only.
  void Cancel() { context_->TryCancel(); }

 private:
  void OnWriteDone(bool ok) final {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) EndLocked(absl::UnavailableError("the connection broke"), true);
    WriteNextLocked();
  }
  void OnCancel() final {
    std::lock_guard lock(mutex_);
    EndLocked(absl::CancelledError("the caller is gone"), true);
  }

  void EndLocked(const absl::Status& status, bool now) {
    if (now) {
      queue_.clear();
      queued_bytes_ = 0;
    }
    if (!ending_) status_ = status;
    ending_ = true;
    WriteNextLocked();
  }
  void WriteNextLocked() {
    if (writing_ || finished_) return;
    if (!queue_.empty()) {
      current_ = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= current_.Length();
      writing_ = true;
      this->StartWrite(&current_);
    } else if (ending_) {
      finished_ = true;
      context_->AddTrailingMetadata(kOurStatusKey, OurStatusValue(status_));
      this->Finish(rpc::ToGrpc(status_));
    }
  }

  grpc::CallbackServerContext* const context_;
  std::mutex mutex_;
  std::deque<grpc::ByteBuffer> queue_;
  size_t queued_bytes_ = 0;
  grpc::ByteBuffer current_;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
  absl::Status status_;
};

}  // namespace weir::jobmanager
