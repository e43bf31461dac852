#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "client/interrupts.h"
#include "jobmanager/job_api.h"

namespace weir::client {

/// Calls `start` and waits for its answer.
/// Thread:  the caller's blocks; an answer that comes too late is dropped.
/// Errors:  kDeadlineExceeded after `timeout_ms` (negative: none); kCancelled when the user
/// interrupts.
template <typename T>
absl::StatusOr<T> Await(const std::function<void(jobmanager::Done<T>)>& start, int64_t timeout_ms,
                        const Interrupts* interrupts) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<absl::StatusOr<T>> value;
  };
  auto answer = std::make_shared<Answer>();
  const int interrupts_before = interrupts != nullptr ? interrupts->count() : 0;
  start([answer](absl::StatusOr<T> value) {
    std::lock_guard lock(answer->mutex);
    answer->value = std::move(value);
    answer->arrived.notify_all();
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::unique_lock lock(answer->mutex);
  while (!answer->value) {
    // A signal cannot notify a condition variable; looking for one 20 times a second is enough for
    // a person.
    answer->arrived.wait_for(lock, std::chrono::milliseconds(50));
    if (answer->value) break;
    if (interrupts != nullptr && interrupts->count() > interrupts_before) {
      return absl::CancelledError("interrupted; what was asked for may still happen");
    }
    if (timeout_ms >= 0 && std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError("no answer in time; what was asked for may still happen");
    }
  }
  return std::move(*answer->value);
}

}  // namespace weir::client
