#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "client/await.h"
#include "client/context.h"
#include "client/verb/answers.h"

namespace weir::client {

/// Asks for something that the JobManager records before it answers (cancel, stop, savepoint). A
/// JobManager that goes away meanwhile is asked again when it is back, for at most a minute: by
/// then the job may have ended as was asked, which `in_effect` finds in its status. Thread:  the
/// caller's blocks. Errors:  of the call; kDeadlineExceeded after `timeout_ms` (negative: none).
template <typename T>
absl::StatusOr<T> AskUntilAnswered(
    const Context& context, const std::string& job, int64_t timeout_ms,
    const std::function<void(jobmanager::Done<T>)>& ask,
    const std::function<std::optional<T>(const jobmanager::JobStatus&)>& in_effect) {
  constexpr int64_t kPatienceMs = 60'000;
  constexpr auto kPause = std::chrono::milliseconds(300);
  auto now_ms = [&] { return context.clock->Steady() / 1000; };
  const int64_t started = now_ms();
  int64_t last_contact = started;
  bool lost_once = false;
  while (true) {
    const int64_t left =
        timeout_ms < 0 ? -1 : std::max<int64_t>(0, timeout_ms - (now_ms() - started));
    if (lost_once) {
      absl::StatusOr<jobmanager::JobStatus> status = GetStatus(context, job);
      if (status.ok()) {
        last_contact = now_ms();
        if (std::optional<T> done = in_effect(*status)) return std::move(*done);
      }
    }
    const int64_t asked_at = now_ms();
    absl::StatusOr<T> answer = Await<T>(ask, left, context.interrupts);
    if (answer.status().code() != absl::StatusCode::kUnavailable) return answer;
    // A call that was open for a while had reached somebody.
    if (now_ms() - asked_at > 1000) last_contact = now_ms();
    lost_once = true;
    if (now_ms() - last_contact > kPatienceMs) return answer;
    if (timeout_ms >= 0 && now_ms() - started >= timeout_ms) return answer;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace weir::client
