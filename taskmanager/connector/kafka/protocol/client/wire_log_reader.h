#pragma once

#include <memory>
#include <optional>
#include <string>

#include "taskmanager/connector/kafka/protocol/client/cluster.h"
#include "taskmanager/connector/kafka/protocol/record_batch.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka::protocol {

/// Fetches runs of offsets, whole batches at a time, and gives on what one producer wrote.
class WireLogReader final : public LogReader {
 public:
  WireLogReader(std::unique_ptr<Cluster> cluster, const Clock* clock)
      : cluster_(std::move(cluster)), clock_(clock) {}

  absl::Status Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                    const std::function<absl::Status(KafkaRecord)>& found, SteadyMicros deadline) override;

 private:
  absl::StatusOr<Endpoint> LeaderOf(const std::string& topic, int32_t partition, SteadyMicros deadline);
  /// `leader`: nothing: is found and kept there; forgotten when the answer is an error.
  absl::StatusOr<FetchResponse> Fetch(std::optional<Endpoint>* leader, const FetchRequest& request,
                                      SteadyMicros deadline);
  struct Range {
    int64_t first = 0;
    int64_t last = 0;
  };
  /// What the log holds, if the broker says so.
  std::optional<Range> RangeOf(const std::string& topic, int32_t partition, SteadyMicros deadline);

  const std::unique_ptr<Cluster> cluster_;
  const Clock* const clock_;
};

}  // namespace weir::taskmanager::kafka::protocol
