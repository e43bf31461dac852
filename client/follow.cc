#include "client/follow.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace weir::client {
namespace {

using jobmanager::JobStatus;

// The newest update only: a slow terminal must not make a queue grow.
struct Inbox {
  std::mutex mutex;
  std::condition_variable arrived;
  std::optional<absl::StatusOr<JobStatus>> latest;

  void Put(const absl::StatusOr<JobStatus>& update) {
    std::lock_guard lock(mutex);
    // The end of a job is the last word; a stream that breaks after it says nothing more.
    if (latest && latest->ok() && IsEnded((*latest)->state) && !update.ok()) return;
    latest = update;
    arrived.notify_all();
  }
  std::optional<absl::StatusOr<JobStatus>> Take(int64_t wait_ms) {
    std::unique_lock lock(mutex);
    if (!latest) arrived.wait_for(lock, std::chrono::milliseconds(wait_ms));
    return std::exchange(latest, std::nullopt);
  }
};

}  // namespace

FollowOutcome Follow(const Context& context, const std::string& job, const FollowOptions& options) {
  constexpr int64_t kTickMs = 50;    // how soon an interrupt is seen
  constexpr int64_t kRetryMs = 300;  // between tries to reach a JobManager that went away
  FollowOutcome outcome;
  const int interrupts_before = context.interrupts->count();
  auto now_ms = [&] { return context.clock->Steady() / 1000; };
  const int64_t started = now_ms();
  int64_t last_contact = started;
  int64_t retry_at = started;
  std::string name = job;
  std::shared_ptr<Inbox> inbox;
  std::unique_ptr<jobmanager::JobApi::Subscription> subscription;
  while (true) {
    if (subscription == nullptr && now_ms() >= retry_at) {
      inbox = std::make_shared<Inbox>();
      subscription = context.api->Watch(
          name, [inbox](const absl::StatusOr<JobStatus>& update) { inbox->Put(update); });
    }
    std::optional<absl::StatusOr<JobStatus>> update = inbox->Take(kTickMs);
    if (update && update->ok()) {
      last_contact = now_ms();
      outcome.status = std::move(**update);
      // From now on the id: after a restart of the JobManager the name may mean a newer job.
      name = outcome.status->id.value;
      if (options.on_status) options.on_status(*outcome.status);
      if (options.until && options.until(*outcome.status)) {
        outcome.end = FollowEnd::kReached;
        return outcome;
      }
      if (IsEnded(outcome.status->state)) {
        outcome.end = FollowEnd::kEnded;
        return outcome;
      }
    } else if (update) {
      outcome.error = update->status();
      const bool lost =
          outcome.error.code() == absl::StatusCode::kUnavailable && outcome.status.has_value();
      if (!lost || now_ms() - last_contact > options.patience_ms) {
        outcome.end = FollowEnd::kFailed;
        return outcome;
      }
      subscription.reset();
      retry_at = now_ms() + kRetryMs;
    }
    if (context.interrupts->count() > interrupts_before) {
      outcome.end = FollowEnd::kInterrupted;
      return outcome;
    }
    if (options.timeout_ms >= 0 && now_ms() - started >= options.timeout_ms) {
      outcome.end = FollowEnd::kTimedOut;
      return outcome;
    }
  }
}

}  // namespace weir::client
