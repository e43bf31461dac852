#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/job/connector_descriptor.h"
#include "taskmanager/connector/connector_registry.h"
#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// The world that a test source reads from: logs that grow with true time, so that `latest` moves, and in which record
/// `seq` of a split is always the same.
struct SourceLog {
  static constexpr int64_t kBacklog = 100;  // that is there at time 0
  /// Records of each split that exist at a moment.
  static int64_t End(int64_t per_second, SteadyMicros now) { return kBacklog + now * per_second / 1'000'000; }
};

/// What a job file may say of `type: simulated`: `splits`, `per_second` (of each split), `start` (earliest, latest) and,
/// for a source that ends, `records` (of each split). Columns: p (split), s (number), k, t, f as windows.h has them.
std::shared_ptr<const job::ConnectorDescriptor> SimulatedSourceDescriptor();

/// The reader: hands out what exists, and writes down what it handed out. Positions are the number of the next record.
class SimulatedReader final : public taskmanager::SourceReader {
 public:
  SimulatedReader(const taskmanager::SourceContext& context, Journal* journal);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;
  absl::StatusOr<taskmanager::ReadResult> Read(int64_t max_rows) override;
  std::string Position(int32_t index) const override;
  void OnSnapshot(CheckpointId checkpoint) override;

 private:
  struct Split {
    int64_t start = 0, next = 0;
    int64_t end = 0;  // -1: none
    bool ended() const { return end >= 0 && next >= end; }
  };
  batch::Batch RowsOf(int32_t split, int64_t from, int64_t count) const;

  const taskmanager::SourceContext context_;
  Journal* const journal_;
  int64_t per_second_ = 0;
  std::map<int32_t, Split> splits_;
  std::deque<int32_t> turns_;
};

/// Where a split begins and ends; the payload of a split.
std::string EncodeSimulatedSplit(int64_t start, int64_t end);
bool DecodeSimulatedSplit(const std::string& payload, int64_t* start, int64_t* end);

/// Adds the source `simulated`. `journal` must outlive the registry.
void RegisterSimulatedSource(taskmanager::ConnectorRegistry* registry, Journal* journal);

}  // namespace weir::sim
