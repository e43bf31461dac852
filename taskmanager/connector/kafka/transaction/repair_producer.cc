#include "taskmanager/connector/kafka/transaction/repair_producer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kCallMs = 60'000;

class OneTransaction final : public RepairProducer {
 public:
  explicit OneTransaction(std::unique_ptr<Producer> producer) : producer_(std::move(producer)) {}

  absl::Status Init() override { return producer_->Warm(kCallMs); }

  absl::Status Produce(const std::string& topic, const KafkaRecord& record) override {
    RETURN_IF_ERROR(CheckTopic(topic));
    RETURN_IF_ERROR(Begin());
    RETURN_IF_ERROR(producer_->Produce(record, kCallMs));
    producer_->Poll(0);
    return producer_->status();
  }

  absl::Status Commit(const std::string& topic, int32_t marker_partition, const Marker& marker) override {
    RETURN_IF_ERROR(CheckTopic(topic));
    RETURN_IF_ERROR(Begin());
    RETURN_IF_ERROR(producer_->Drain(producer_->Produced(), kCallMs));
    RETURN_IF_ERROR(producer_->SendMarker(marker_partition, marker, kCallMs));
    return producer_->Commit(kCallMs);
  }

 private:
  /// A sink writes one topic; a handle of another one is of a job that was changed since.
  absl::Status CheckTopic(const std::string& topic) const {
    if (topic == producer_->options().topic) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("a transaction of topic ", topic, " cannot be repaired by a sink that writes ",
                     producer_->options().topic, ": give the sink its old topic until the job has been restored"));
  }
  absl::Status Begin() {
    if (begun_) return absl::OkStatus();
    begun_ = true;
    return producer_->Begin();
  }

  const std::unique_ptr<Producer> producer_;
  bool begun_ = false;
};

}  // namespace

RepairProducerFactory MakeRepairProducerFactory(ProducerFactory make_producer, ProducerOptions options) {
  return [make_producer = std::move(make_producer), options = std::move(options)](
             const std::string& transactional_id) -> absl::StatusOr<std::unique_ptr<RepairProducer>> {
    ProducerOptions own = options;
    own.transactional_id = transactional_id;
    ASSIGN_OR_RETURN(std::unique_ptr<Producer> producer, make_producer(std::move(own)));
    return std::make_unique<OneTransaction>(std::move(producer));
  };
}

}  // namespace weir::taskmanager::kafka
