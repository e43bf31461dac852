#include "taskmanager/connector/kafka/source/topic_watch.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Of one question; the destructor may have to wait for its answer.
constexpr int64_t kAskMillis = 1000;
constexpr milliseconds kAgain{200};
/// A cluster that could not be asked at all before anything was read.
constexpr std::chrono::seconds kPatience{30};
/// How long "never" is.
constexpr std::chrono::hours kNever{24 * 365};
/// A broker that has just started may not know its topics yet.
constexpr int kMissingLooks = 5;

}  // namespace

TopicWatch::TopicWatch(std::shared_ptr<Client> client, std::unique_ptr<TopicDirectory> directory, Options options)
    : client_(std::move(client)), directory_(std::move(directory)), options_(std::move(options)) {}

TopicWatch::~TopicWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void TopicWatch::Start(std::vector<KafkaSplit> mine, std::vector<KafkaSplit> all) {
  mine_ = std::move(mine);
  all_ = std::move(all);
  std::set<std::string> names;
  for (const KafkaSplit& split : mine_) names.insert(split.topic);
  names_.assign(names.begin(), names.end());
  thread_ = std::thread([this] { Main(); });
  pthread_setname_np(thread_.native_handle(), "kafka-topics");
}

bool TopicWatch::verified() const {
  std::lock_guard lock(mutex_);
  return verified_;
}

absl::Status TopicWatch::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void TopicWatch::Confirm() {
  std::lock_guard lock(mutex_);
  confirm_ = true;
  changed_.notify_all();
}

void TopicWatch::Nudge(const std::string& topic, int32_t partition) {
  std::lock_guard lock(mutex_);
  nudge_ = {topic, partition};
  changed_.notify_all();
}

std::optional<absl::Status> TopicWatch::Look() {
  const absl::StatusOr<TopicInfos> found = directory_->Find(names_, kAskMillis);
  if (!found.ok()) {
    trouble_ = Annotate(found.status(), options_.name);
    if (absl::IsFailedPrecondition(found.status())) return trouble_;
    return std::nullopt;
  }
  trouble_ = absl::OkStatus();
  if (absl::Status status = CheckTopics(mine_, *found); !status.ok()) {
    if (absl::StrContains(status.message(), "_MISSING") && ++missing_ < kMissingLooks) return std::nullopt;
    return Annotate(status, options_.name);
  }
  missing_ = 0;
  if (!options_.discover) return absl::OkStatus();
  const std::vector<KafkaSplit> added = NewPartitions(all_, *found);
  if (added.empty()) return absl::OkStatus();
  std::set<std::string> topics;
  for (const KafkaSplit& split : added) topics.insert(split.topic);
  return absl::UnavailableError(absl::StrCat(options_.name, ": ", added.size(), " partitions were added to topic ",
                                             absl::StrJoin(topics, ", "), ": reading on from them"));
}

void TopicWatch::Conclude(const absl::Status& status, bool confirming) {
  std::lock_guard lock(mutex_);
  verified_ = true;
  if (!status.ok()) {
    status_ = status;
  } else if (confirming) {
    status_ = absl::UnavailableError(
        absl::StrCat(options_.name, ": a partition was reported missing, but it is there: starting anew"));
  }
}

void TopicWatch::Main() {
  const auto began = steady_clock::now();
  steady_clock::time_point next = began;
  bool confirming = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto due = [&] { return stopping_ || nudge_ || (confirm_ && !confirming); };
    changed_.wait_until(lock, next, due);
    if (stopping_) return;
    if (nudge_) {
      const auto [topic, partition] = *nudge_;
      nudge_.reset();
      lock.unlock();
      int64_t low, high;
      rd_kafka_query_watermark_offsets(client_->get(), topic.c_str(), partition, &low, &high, kAskMillis);
      lock.lock();
      continue;
    }
    confirming = confirm_;
    if (!confirming && steady_clock::now() < next) continue;
    lock.unlock();
    std::optional<absl::Status> verdict = Look();
    if (!verdict && !trouble_.ok() && steady_clock::now() - began > kPatience && !verified()) verdict = trouble_;
    if (verdict) {
      Conclude(*verdict, confirming);
      options_.wake();
    }
    lock.lock();
    if (verdict) {
      confirm_ = confirming = false;
      if (!status_.ok()) return;  // nothing more to say
      next = steady_clock::now() +
             (options_.interval_micros > 0 ? microseconds(options_.interval_micros) : microseconds(kNever));
    } else {
      next = steady_clock::now() + (missing_ > 0 ? 5 * kAgain : kAgain);
    }
  }
}

}  // namespace weir::taskmanager::kafka
