#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "common/control/control_link.h"

namespace weir::taskmanager {

inline constexpr std::chrono::seconds kDeadline(60);

/// The JobManager of a test: the test's thread reads what the TaskManager says and answers by hand.
/// Thread: thread-safe.
class FakeJobManager final : public control::JobManagerConnector {
 public:
  absl::StatusOr<std::unique_ptr<control::JobManagerLink>> Connect(Events events) override {
    std::lock_guard lock(mutex_);
    events_ = std::make_shared<Events>(std::move(events));
    ++links_;
    return std::make_unique<Link>(this, links_);
  }

  void Send(control::ToTaskManager message) {
    std::shared_ptr<Events> events;
    {
      std::lock_guard lock(mutex_);
      events = events_;
    }
    events->on_message(std::move(message));
  }
  void Break() {
    std::shared_ptr<Events> events;
    {
      std::lock_guard lock(mutex_);
      events = std::move(events_);
      inbox_.clear();
      broken_ = links_;
    }
    events->on_closed(absl::UnavailableError("the test broke the link"));
  }

  /// The next message; fails the test when none comes.
  control::ToJobManager Next() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kDeadline, [this] { return !inbox_.empty(); });
    REQUIRE(came);
    control::ToJobManager message = std::move(inbox_.front());
    inbox_.pop_front();
    return message;
  }
  /// The next message of that type; others in between are handed to `other` (by default: a
  /// subtask's failure fails the test, the rest is passed over).
  template <typename T>
  T Await(const std::function<void(const control::ToJobManager&)>& other = FailOnFailure) {
    for (;;) {
      control::ToJobManager message = Next();
      if (auto* wanted = std::get_if<T>(&message)) return std::move(*wanted);
      other(message);
    }
  }
  /// Waits until `count` source subtasks of the attempt have said that they have ended, at any time
  /// before too.
  void AwaitSourcesEnded(int64_t attempt, size_t count) {
    std::unique_lock lock(mutex_);
    const bool all = changed_.wait_for(lock, kDeadline,
                                       [&] { return ended_[Attempt(attempt)].size() == count; });
    REQUIRE(all);
  }
  static void FailOnFailure(const control::ToJobManager& message) {
    if (const auto* state = std::get_if<control::SubtaskStateChanged>(&message)) {
      INFO(state->error.ToString());
      REQUIRE(state->state != control::SubtaskState::kFailed);
    }
    if (const auto* decline = std::get_if<control::CheckpointDecline>(&message))
      FAIL(decline->reason.ToString());
  }
  /// Waits until `count` subtasks (of that attempt, unless 0) have reported `state`; returns the
  /// last report.
  control::SubtaskStateChanged AwaitStates(control::SubtaskState state, size_t count,
                                           int64_t attempt = 0) {
    std::set<SubtaskId> seen;
    control::SubtaskStateChanged last;
    while (seen.size() < count) {
      auto report = Await<control::SubtaskStateChanged>();
      if (report.state != state || (attempt != 0 && report.fence.attempt != Attempt(attempt))) {
        FailOnFailure(report);
        continue;
      }
      CHECK(seen.insert(report.subtask).second);
      last = std::move(report);
    }
    return last;
  }

 private:
  class Link final : public control::JobManagerLink {
   public:
    Link(FakeJobManager* owner, int number) : owner_(owner), number_(number) {}
    void Send(control::ToJobManager message) override {
      std::lock_guard lock(owner_->mutex_);
      if (number_ <= owner_->broken_) return;
      if (auto* ended = std::get_if<control::SourceEnded>(&message)) {
        owner_->ended_[ended->fence.attempt].insert(ended->subtask);
      }
      owner_->inbox_.push_back(std::move(message));
      owner_->changed_.notify_all();
    }

   private:
    FakeJobManager* owner_;
    int number_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Events> events_;
  std::deque<control::ToJobManager> inbox_;
  std::map<Attempt, std::set<SubtaskId>> ended_;
  int links_ = 0;
  int broken_ = 0;
};

}  // namespace weir::taskmanager
