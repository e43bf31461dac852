#include "taskmanager/connector/kafka/sink/plain_sink.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kRowsPerHandOver = 512;
constexpr int64_t kPatienceMs = 20'000;
/// How long the end of the sink waits for what nobody waits for otherwise.
constexpr int64_t kLastDrainMs = 5'000;

/// What was written before a barrier.
class WrittenBefore final : public SealedTransaction {
 public:
  WrittenBefore(std::shared_ptr<Producer> producer, int64_t patience_ms)
      : producer_(std::move(producer)), written_(producer_->Produced()), patience_ms_(patience_ms) {}

  absl::StatusOr<std::optional<std::string>> PreCommit() override {
    RETURN_IF_ERROR(producer_->Drain(written_, patience_ms_));
    return std::optional<std::string>();
  }

 private:
  const std::shared_ptr<Producer> producer_;
  const std::vector<int64_t> written_;
  const int64_t patience_ms_;
};

}  // namespace

PlainSink::PlainSink(std::shared_ptr<SinkServices> services, std::unique_ptr<RowEncoder> encoder, bool confirmed)
    : services_(std::move(services)),
      encoder_(std::move(encoder)),
      confirmed_(confirmed),
      recovery_(services_),
      sticky_(services_->context.subtask) {}

PlainSink::~PlainSink() {
  if (producer_ == nullptr || confirmed_) return;
  producer_->Drain(producer_->Produced(), kLastDrainMs).IgnoreError();
  LogLosses();
}

absl::Status PlainSink::Open() {
  ProducerOptions options = services_->producer_options();
  options.idempotent = confirmed_;
  options.count_losses = !confirmed_;
  ASSIGN_OR_RETURN(producer_, services_->cluster.make_producer(std::move(options)));
  return producer_->Warm(kPatienceMs);
}

absl::Status PlainSink::Write(const batch::Batch& batch) {
  if (batch.rows == 0) return absl::OkStatus();
  ++sticky_;
  written_ = true;
  const int64_t now_ms = services_->NowMs();
  for (int64_t from = 0; from < batch.rows; from += kRowsPerHandOver) {
    std::vector<OutgoingRecord>& records = encoder_->Encode(batch, from, std::min(kRowsPerHandOver, batch.rows - from));
    producer_->Route(records.data(), records.size(), sticky_);
    if (!encoder_->has_headers()) {
      RETURN_IF_ERROR(producer_->Produce(records.data(), records.size(), kPatienceMs));
    } else {
      for (size_t i = 0; i < records.size(); ++i) {
        KafkaRecord record = CopyOf(records[i], now_ms);
        record.headers = encoder_->Headers(batch, from + static_cast<int64_t>(i));
        RETURN_IF_ERROR(producer_->Produce(record, kPatienceMs));
      }
    }
    producer_->Poll(0);
  }
  return producer_->status();
}

absl::StatusOr<std::unique_ptr<SealedTransaction>> PlainSink::Seal(CheckpointId) {
  if (!confirmed_) LogLosses();
  if (!confirmed_ || !written_) return nullptr;
  written_ = false;
  return std::make_unique<WrittenBefore>(producer_, services_->pre_commit_ms());
}

absl::Status PlainSink::Flush() {
  producer_->Poll(0);
  return producer_->status();
}

void PlainSink::LogLosses() {
  const int64_t losses = producer_->losses();
  if (losses == losses_logged_) return;
  log::Warning(absl::StrCat(services_->name(), ": ", losses - losses_logged_, " records for topic ",
                            services_->options.topic, " were lost (delivery: none): ",
                            std::string(producer_->last_loss().message())),
               {{"job", services_->context.job_name}});
  losses_logged_ = losses;
}

absl::Status PlainSink::Resolve(const std::string& handle) {
  checkpoint::SinkHandle one;
  one.bytes = handle;
  return recovery_.ResolveAll({one});
}

absl::Status PlainSink::ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) {
  return recovery_.ResolveAll(handles);
}

control::SinkTransactions PlainSink::Transactions() const {
  control::SinkTransactions all;
  all.repairs = recovery_.repairs();
  return all;
}

}  // namespace weir::taskmanager::kafka
