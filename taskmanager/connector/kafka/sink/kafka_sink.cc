#include "taskmanager/connector/kafka/sink/kafka_sink.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kRowsPerHandOver = 512;
/// How long Write waits for a transaction (the first one of an attempt, or after trouble) and for room.
constexpr int64_t kPatienceMs = 20'000;
/// How long one commit is tried before the attempt ends and recovery takes it up.
constexpr int64_t kCommitMs = 30'000;
/// Slots beyond those of checkpoints that wait for one to complete, and as many that were committed with the last one:
/// open, two warm, one sealed.
constexpr int kSpareSlots = 4;
constexpr int64_t kFrequentMicros = 1'000'000;
/// Nobody sees a record before its transaction is committed: full requests are sent, and the drain sends the rest. Long,
/// because librdkafka's sending thread spins while records whose linger is over wait behind a request in flight.
constexpr int64_t kLeastLingerMicros = 20'000'000;

}  // namespace

KafkaSink::KafkaSink(std::shared_ptr<SinkServices> services, std::unique_ptr<RowEncoder> encoder)
    : services_(std::move(services)),
      encoder_(std::move(encoder)),
      recovery_(services_),
      sticky_(services_->context.subtask) {}

KafkaSink::~KafkaSink() = default;

absl::Status KafkaSink::Open() {
  const SinkContext& context = services_->context;
  TransactionPool::Options options;
  options.producer = services_->producer_options();
  options.producer.linger_micros = std::max(options.producer.linger_micros, kLeastLingerMicros);
  options.id = {context.job, context.node->name, context.attempt, context.subtask, 0};
  options.slots = 2 * (context.max_concurrent_checkpoints + context.tolerable_failures) + kSpareSlots;
  options.warm = context.checkpoint_interval_micros < kFrequentMicros ? 2 : 1;
  options.make_producer = services_->cluster.make_producer;
  options.clock = context.clock;
  options.wake = context.wake;
  if (context.subtask == 0) {  // for all
    options.log = [job = context.job_name](const std::string& line) { log::Info(line, {{"job", job}}); };
  }
  services_->pool = std::make_unique<TransactionPool>(std::move(options), services_->cluster.coordinator.get());
  services_->pool->Start();
  return absl::OkStatus();
}

absl::Status KafkaSink::EnsureOpen() {
  if (open_ != nullptr) return CheckAge();
  // Another producer sends what comes now: a key's records would overtake those of the sealed transaction in the log.
  if (before_ != nullptr) RETURN_IF_ERROR(before_->Pass(kPatienceMs));
  before_ = nullptr;
  ASSIGN_OR_RETURN(std::unique_ptr<WarmTransaction> warm, services_->pool->Take(kPatienceMs));
  open_ = std::make_unique<KafkaTransaction>(services_, std::move(warm));
  return absl::OkStatus();
}

absl::Status KafkaSink::CheckAge() const {
  const int64_t age = services_->NowMs() - open_->opened_at_ms();
  if (age <= services_->options.transaction_timeout_ms / 2) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(services_->name(), ": transaction ", open_->id(), " has been open for ", age,
                   " ms, more than half of transaction_timeout (", services_->options.transaction_timeout_ms,
                   " ms), because no checkpoint completes; the attempt ends before the broker aborts it"));
}

absl::Status KafkaSink::Write(const batch::Batch& batch) {
  if (batch.rows == 0) return absl::OkStatus();
  RETURN_IF_ERROR(EnsureOpen());
  ++sticky_;
  const int64_t now_ms = services_->NowMs();
  for (int64_t row = 0; row < batch.rows; row += kRowsPerHandOver) {
    RETURN_IF_ERROR(WriteRows(batch, row, std::min(kRowsPerHandOver, batch.rows - row), now_ms));
  }
  open_->ShowRecords();
  return absl::OkStatus();
}

absl::Status KafkaSink::WriteRows(const batch::Batch& batch, int64_t from, int64_t count, int64_t now_ms) {
  Producer& producer = open_->producer();
  std::vector<OutgoingRecord>& records = encoder_->Encode(batch, from, count);
  producer.Route(records.data(), records.size(), sticky_);
  if (!encoder_->has_headers()) {
    for (const OutgoingRecord& record : records) open_->content().Add(record, now_ms);
    RETURN_IF_ERROR(producer.Produce(records.data(), records.size(), kPatienceMs));
  } else {
    for (size_t i = 0; i < records.size(); ++i) {
      KafkaRecord record = CopyOf(records[i], now_ms);
      record.headers = encoder_->Headers(batch, from + static_cast<int64_t>(i));
      open_->content().Add(record);
      RETURN_IF_ERROR(producer.Produce(record, kPatienceMs));
    }
  }
  producer.Poll(0);
  return producer.status();
}

bool KafkaSink::ReadyToSeal() const {
  // With an error it is ready to say so.
  return open_ == nullptr || services_->pool->HasWarm() || !services_->pool->status().ok();
}

absl::StatusOr<std::unique_ptr<SealedTransaction>> KafkaSink::Seal(CheckpointId checkpoint) {
  if (open_ == nullptr) return nullptr;
  if (!services_->pool->HasWarm()) RETURN_IF_ERROR(services_->pool->status());
  RETURN_IF_ERROR(open_->producer().status());
  RETURN_IF_ERROR(open_->Seal(checkpoint));
  before_ = open_->gate();
  return std::unique_ptr<SealedTransaction>(std::move(open_));
}

absl::Status KafkaSink::Commit(const std::string& bytes) {
  ASSIGN_OR_RETURN(const KafkaHandle handle, DecodeHandle(bytes));
  RETURN_IF_ERROR(WEIR_FAILPOINT("kafka_before_end_txn"));
  if (handle.mode == KafkaHandle::Mode::kReplay) {
    std::unique_ptr<Producer> producer = services_->pool->TakeKept(handle.transactional_id);
    if (producer == nullptr) {
      return absl::UnavailableError(absl::StrCat(services_->name(), ": the producer of transaction ",
                                                 handle.transactional_id, " is gone; recovery writes it again"));
    }
    const absl::Status status = producer->Commit(kCommitMs);
    services_->pool->Retire(std::move(producer));
    RETURN_IF_ERROR(status);
  } else {
    ASSIGN_OR_RETURN(const EndOutcome outcome,
                     services_->cluster.coordinator->Commit(handle.transactional_id, handle.identity,
                                                            services_->DeadlineIn(kCommitMs)));
    if (outcome != EndOutcome::kCommitted) {
      return absl::UnavailableError(
          absl::StrCat(services_->name(), ": the broker does not say that transaction ", handle.transactional_id,
                       " of checkpoint ", handle.checkpoint.value, " (", handle.records,
                       " records) is committed: it ended before or timed out; recovery finds out"));
    }
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("kafka_after_end_txn"));
  if (services_->pool != nullptr) services_->pool->Committed(handle.transactional_id);
  return absl::OkStatus();
}

absl::Status KafkaSink::Resolve(const std::string& handle) {
  checkpoint::SinkHandle one;
  one.bytes = handle;
  return recovery_.ResolveAll({one});
}

absl::Status KafkaSink::ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) {
  return recovery_.ResolveAll(handles);
}

absl::Status KafkaSink::Flush() {
  if (open_ == nullptr) return services_->pool->status();
  open_->producer().Poll(0);
  RETURN_IF_ERROR(open_->producer().status());
  return CheckAge();
}

control::SinkTransactions KafkaSink::Transactions() const {
  control::SinkTransactions all;
  if (services_->pool != nullptr) all = services_->pool->Transactions();
  all.repairs = recovery_.repairs();
  return all;
}

}  // namespace weir::taskmanager::kafka
