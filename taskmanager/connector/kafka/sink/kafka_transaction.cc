#include "taskmanager/connector/kafka/sink/kafka_transaction.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

/// Where the markers of a subtask lie: any partition that exists does.
constexpr int32_t kMarkerPartition = 0;

bool MustKeep(const SinkServices& services, const WarmTransaction& warm) {
  return services.options.keep_records || warm.mode == KafkaHandle::Mode::kReplay;
}

}  // namespace

KafkaTransaction::KafkaTransaction(std::shared_ptr<SinkServices> services, std::unique_ptr<WarmTransaction> warm)
    : services_(std::move(services)),
      warm_(std::move(warm)),
      content_(MustKeep(*services_, *warm_)),
      opened_at_ms_(services_->NowMs()) {}

KafkaTransaction::~KafkaTransaction() {
  if (gate_ != nullptr) gate_->Close();
  if (warm_ != nullptr) services_->pool->Retire(std::move(warm_->producer));
}

absl::Status KafkaTransaction::Seal(CheckpointId checkpoint) {
  handle_.checkpoint = checkpoint;
  ShowRecords();
  gate_ = std::make_shared<DrainGate>(warm_->producer.get(), warm_->producer->Produced());
  return services_->pool->Seal(warm_->slot, checkpoint);
}

absl::StatusOr<std::optional<std::string>> KafkaTransaction::PreCommit() {
  const int64_t patience_ms = services_->pre_commit_ms();
  RETURN_IF_ERROR(gate_->Pass(patience_ms));
  gate_->Close();
  RETURN_IF_ERROR(WEIR_FAILPOINT("kafka_after_drain"));
  handle_.mode = warm_->mode;
  handle_.cluster_id = warm_->cluster_id;
  handle_.transactional_id = warm_->id;
  handle_.topic = services_->options.topic;
  handle_.topic_id = warm_->topic_id;
  handle_.marker_partition = kMarkerPartition;
  handle_.records = content_.records();
  handle_.checksum = content_.checksum();
  RETURN_IF_ERROR(FindRuns());
  RETURN_IF_ERROR(KeepRecords());
  RETURN_IF_ERROR(Identify());
  // Its success proves that the coordinator still had this instance's pid and epoch after they were asked for, however
  // long ago that was: they were asked for after the instance was initialised, and epochs only grow.
  const Marker marker{handle_.checkpoint, MarkerMetadata(services_->context.job, handle_.checkpoint)};
  RETURN_IF_ERROR(producer().SendMarker(kMarkerPartition, marker, patience_ms));
  RETURN_IF_ERROR(WEIR_FAILPOINT("kafka_after_marker"));
  RETURN_IF_ERROR(CheckDeadline());
  RETURN_IF_ERROR(services_->pool->Prepare(std::move(warm_), deadline_ms_));
  return std::optional<std::string>(EncodeHandle(handle_));
}

absl::Status KafkaTransaction::FindRuns() {
  handle_.runs = producer().Runs();
  RETURN_IF_ERROR(Annotate(content_.CheckRuns(handle_.runs), absl::StrCat("transaction ", warm_->id)));
  for (OffsetRun& run : handle_.runs) {
    if (run.first >= 0) continue;
    // A broker that recognised a repeated request did not say where the first one put the records: somewhere in here.
    int64_t end = 0;
    RETURN_IF_ERROR(producer().QueryOffsets(run.partition, services_->pre_commit_ms(), &run.first, &end));
    run.last = end - 1;
  }
  return absl::OkStatus();
}

absl::Status KafkaTransaction::KeepRecords() {
  if (!content_.kept()) return absl::OkStatus();
  if (content_.wal().size() <= 2 * TransactionContent::kInlineBytes) {
    handle_.wal = content_.TakeWal();
    return absl::OkStatus();
  }
  if (services_->context.storage == nullptr) {
    return absl::InternalError(absl::StrCat("transaction ", warm_->id, ": no storage for its records"));
  }
  const std::string path =
      absl::StrCat(services_->context.storage_prefix, "kafka-", warm_->slot, "-", handle_.checkpoint.value, ".records");
  ASSIGN_OR_RETURN(checkpoint::FileRef file, services_->context.storage->Write(path, content_.TakeWal()));
  files_.push_back(std::move(file));
  handle_.wal_in_file = true;
  return absl::OkStatus();
}

absl::Status KafkaTransaction::Identify() {
  if (handle_.mode == KafkaHandle::Mode::kReplay) {
    handle_.started_ms = opened_at_ms_;
    handle_.timeout_ms = services_->options.transaction_timeout_ms;
    return absl::OkStatus();
  }
  std::optional<TransactionDescription> found = services_->pool->DescriptionOf(warm_->slot);
  if (!found) {
    ASSIGN_OR_RETURN(found, services_->cluster.coordinator->Describe(
                                warm_->id, services_->DeadlineIn(services_->pre_commit_ms())));
  }
  if (!found || found->state != TransactionDescription::State::kOngoing) {
    return absl::UnavailableError(absl::StrCat(
        services_->name(), ": transaction ", warm_->id, " of checkpoint ", handle_.checkpoint.value, " with ",
        content_.records(), " records is not open at the broker any more (opened ",
        services_->NowMs() - opened_at_ms_, " ms ago, timeout ", services_->options.transaction_timeout_ms,
        " ms); it is written again"));
  }
  handle_.identity = found->identity;
  handle_.started_ms = found->started_ms;
  handle_.timeout_ms = found->timeout_ms;
  return absl::OkStatus();
}

absl::Status KafkaTransaction::CheckDeadline() {
  deadline_ms_ = handle_.started_ms + handle_.timeout_ms;
  const int64_t left = deadline_ms_ - services_->NowMs();
  if (left > services_->options.restart_budget_ms) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      services_->name(), ": transaction ", warm_->id, " of checkpoint ", handle_.checkpoint.value, " ends in ", left,
      " ms at the broker, which is less than restart_budget (", services_->options.restart_budget_ms,
      " ms): it could be lost before it is committed, so it is written again; raise transaction_timeout (",
      handle_.timeout_ms, " ms) or take checkpoints more often"));
}

}  // namespace weir::taskmanager::kafka
