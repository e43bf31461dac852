#include "taskmanager/connector/kafka/sink/transaction_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

/// One try to log in and initialise; between tries it is looked whether the pool ends.
constexpr int64_t kTryMs = 1'000;
constexpr std::chrono::milliseconds kRetryPause(200);
/// Brokers close idle connections after 10 minutes (which is harmless) and forget idle ids after days.
constexpr SteadyMicros kIdleMicros = SteadyMicros{3600} * 1'000'000;
constexpr std::chrono::seconds kIdleCheck(60);

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
}

}  // namespace

TransactionPool::TransactionPool(Options options, TransactionCoordinator* coordinator)
    : options_(std::move(options)),
      coordinator_(coordinator),
      slots_(options_.slots),
      entries_(static_cast<size_t>(options_.slots)) {}

TransactionPool::~TransactionPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (warmer_.joinable()) warmer_.join();
  if (reaper_.joinable()) reaper_.join();
}

void TransactionPool::Start() {
  warmer_ = runtime::Thread("kafka-warmer", [this] { RunWarmer(); });
  reaper_ = runtime::Thread("kafka-reaper", [this] { RunReaper(); });
}

std::string TransactionPool::IdOf(int slot) const {
  TransactionalId id = options_.id;
  id.slot = slot;
  return ToString(id);
}

bool TransactionPool::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void TransactionPool::RunWarmer() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    RenewIdle();
    std::optional<int> slot;
    if (status_.ok() && slots_.warm() < options_.warm) slot = slots_.BeginWarming();
    if (!slot) {
      if (!DescribeOpen(lock)) changed_.wait_for(lock, kIdleCheck);
      continue;
    }
    lock.unlock();
    absl::StatusOr<std::unique_ptr<WarmTransaction>> made = Warm(*slot);
    lock.lock();
    if (made.ok()) {
      Entry& entry = entries_[static_cast<size_t>(*slot)];
      entry = Entry{};
      entry.warm = *std::move(made);
      entry.warmed_at = options_.clock->Steady();
      trouble_ = slots_.Warmed(*slot);
      changed_.notify_all();
    } else {
      slots_.Cool(*slot).IgnoreError();
      trouble_ = made.status();
      if (!MayPass(trouble_)) status_ = trouble_;
      changed_.notify_all();
      if (!stopping_) changed_.wait_for(lock, kRetryPause);
    }
    lock.unlock();
    if (options_.wake) options_.wake();
    lock.lock();
  }
}

bool TransactionPool::DescribeOpen(std::unique_lock<runtime::Mutex>& lock) {
  for (int slot = 0; slot < slots_.size(); ++slot) {
    Entry& entry = entries_[static_cast<size_t>(slot)];
    if (!entry.to_describe || slots_.state(slot) != SlotPool::State::kOpen) continue;
    entry.to_describe = false;
    const std::string id = IdOf(slot);
    lock.unlock();
    const auto found = coordinator_->Describe(id, DeadlineIn(kTryMs));
    lock.lock();
    // The slot cannot have been warmed again: this is the thread that does it.
    if (found.ok() && *found && (*found)->state == TransactionDescription::State::kOngoing) entry.description = **found;
    return true;
  }
  return false;
}

std::optional<TransactionDescription> TransactionPool::DescriptionOf(int slot) const {
  std::lock_guard lock(mutex_);
  return entries_[static_cast<size_t>(slot)].description;
}

void TransactionPool::RenewIdle() {
  while (slots_.warm() > 0) {
    const int slot = slots_.warm_slots().front();
    Entry& entry = entries_[static_cast<size_t>(slot)];
    if (options_.clock->Steady() - entry.warmed_at < kIdleMicros && !WEIR_BUGGIFY("renew_warm")) return;
    retired_.push_back(std::move(entry.warm->producer));
    entry = Entry{};
    slots_.Cool(slot).IgnoreError();
    changed_.notify_all();
  }
}

void TransactionPool::RunReaper() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (retired_.empty()) {
      if (stopping_) return;
      changed_.wait(lock);
      continue;
    }
    std::unique_ptr<Producer> dead = std::move(retired_.front());
    retired_.pop_front();
    lock.unlock();
    dead = nullptr;
    lock.lock();
  }
}

absl::Status TransactionPool::LearnCluster() {
  if (mode_) return absl::OkStatus();
  ASSIGN_OR_RETURN(cluster_id_, coordinator_->ClusterId(DeadlineIn(2 * kTryMs)));
  ASSIGN_OR_RETURN(const bool raw, coordinator_->Supported(DeadlineIn(2 * kTryMs)));
  mode_ = raw ? KafkaHandle::Mode::kRaw : KafkaHandle::Mode::kReplay;
  if (!raw && options_.log) {
    options_.log(absl::StrCat(options_.producer.name, ": the broker or its login lacks what committing from another "
                              "process needs; transactions are committed by their own producer, and their records are "
                              "kept in checkpoints for recovery"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WarmTransaction>> TransactionPool::Warm(int slot) {
  RETURN_IF_ERROR(LearnCluster());
  auto made = std::make_unique<WarmTransaction>();
  made->slot = slot;
  made->id = IdOf(slot);
  made->mode = *mode_;
  made->cluster_id = cluster_id_;
  ProducerOptions options = options_.producer;
  options.transactional_id = made->id;
  ASSIGN_OR_RETURN(made->producer, options_.make_producer(std::move(options)));
  while (true) {
    const absl::Status warmed = made->producer->Warm(kTryMs);
    if (warmed.ok()) break;
    if (!MayPass(warmed) || stopping()) return warmed;
    std::lock_guard lock(mutex_);
    trouble_ = warmed;
  }
  absl::StatusOr<std::string> topic_id = coordinator_->TopicId(options_.producer.topic, DeadlineIn(2 * kTryMs));
  if (!topic_id.ok() && !absl::IsUnimplemented(topic_id.status())) return topic_id.status();
  if (topic_id.ok()) made->topic_id = *std::move(topic_id);
  return made;
}

bool TransactionPool::HasWarm() const {
  std::lock_guard lock(mutex_);
  return slots_.warm() > 0;
}

absl::Status TransactionPool::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

absl::StatusOr<std::unique_ptr<WarmTransaction>> TransactionPool::Take(int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return slots_.warm() > 0 || !status_.ok(); });
  const std::optional<int> slot = slots_.Open();
  if (!slot) {
    RETURN_IF_ERROR(status_);
    const std::string why =
        !trouble_.ok() ? std::string(trouble_.message())
                       : absl::StrCat(slots_.Count(SlotPool::State::kPrepared), " of ", slots_.size(),
                                      " transactions wait for their checkpoint to complete");
    return absl::UnavailableError(absl::StrCat(options_.producer.name, ": no transaction was ready for ", wait_ms / 1000,
                                               " s: ", why));
  }
  Entry& entry = entries_[static_cast<size_t>(*slot)];
  std::unique_ptr<WarmTransaction> taken = std::move(entry.warm);
  entry.records = taken->records;
  entry.to_describe = taken->mode == KafkaHandle::Mode::kRaw;
  entry.opened_at_ms = options_.clock->Wall() / 1000;
  entry.deadline_ms = entry.opened_at_ms + options_.producer.transaction_timeout_ms;
  changed_.notify_all();  // the next one can be made ready
  lock.unlock();
  RETURN_IF_ERROR(taken->producer->Begin());
  return taken;
}

absl::Status TransactionPool::Seal(int slot, CheckpointId checkpoint) {
  std::lock_guard lock(mutex_);
  return slots_.Seal(slot, checkpoint);
}

absl::Status TransactionPool::Prepare(std::unique_ptr<WarmTransaction> transaction, int64_t deadline_ms) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(slots_.Prepare(transaction->slot));
  Entry& entry = entries_[static_cast<size_t>(transaction->slot)];
  entry.deadline_ms = deadline_ms;
  entry.prepared_at = options_.clock->Steady();
  if (transaction->mode == KafkaHandle::Mode::kReplay) {
    entry.kept = std::move(transaction->producer);
  } else {
    retired_.push_back(std::move(transaction->producer));
    changed_.notify_all();
  }
  return absl::OkStatus();
}

std::unique_ptr<Producer> TransactionPool::TakeKept(const std::string& id) {
  std::lock_guard lock(mutex_);
  for (int slot = 0; slot < slots_.size(); ++slot) {
    if (slots_.state(slot) == SlotPool::State::kPrepared && IdOf(slot) == id) {
      return std::move(entries_[static_cast<size_t>(slot)].kept);
    }
  }
  return nullptr;
}

void TransactionPool::Committed(const std::string& id) {
  std::lock_guard lock(mutex_);
  for (int slot = 0; slot < slots_.size(); ++slot) {
    if (slots_.state(slot) != SlotPool::State::kPrepared || IdOf(slot) != id) continue;
    slots_.Commit(slot).IgnoreError();
    ++counts_.commits;
    counts_.last_commit_micros = options_.clock->Steady() - entries_[static_cast<size_t>(slot)].prepared_at;
    counts_.commit_micros += counts_.last_commit_micros;
    changed_.notify_all();  // a slot may be free
    return;
  }
}

void TransactionPool::Retire(std::unique_ptr<Producer> producer) {
  std::lock_guard lock(mutex_);
  retired_.push_back(std::move(producer));
  changed_.notify_all();
}

control::SinkTransactions TransactionPool::Transactions() const {
  using State = control::TransactionInfo::State;
  std::lock_guard lock(mutex_);
  control::SinkTransactions all = counts_;
  for (int slot = 0; slot < slots_.size(); ++slot) {
    control::TransactionInfo info;
    switch (slots_.state(slot)) {
      case SlotPool::State::kOpen:
        info.state = State::kOpen;
        break;
      case SlotPool::State::kSealed:
        info.state = State::kSealed;
        break;
      case SlotPool::State::kPrepared:
        info.state = State::kPrepared;
        break;
      default:
        continue;
    }
    const Entry& entry = entries_[static_cast<size_t>(slot)];
    info.id = IdOf(slot);
    info.checkpoint = slots_.checkpoint(slot);
    info.opened_at_ms = entry.opened_at_ms;
    info.deadline_ms = entry.deadline_ms;
    info.records = entry.records == nullptr ? 0 : entry.records->load(std::memory_order_relaxed);
    all.open.push_back(std::move(info));
  }
  return all;
}

}  // namespace weir::taskmanager::kafka
