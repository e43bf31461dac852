#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/source/kafka_split.h"
#include "taskmanager/connector/kafka/source/record_consumer.h"
#include "taskmanager/connector/kafka/source/topic_monitor.h"
#include "taskmanager/connector/kafka/source/value_decoder.h"
#include "taskmanager/connector/source_reader.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager::kafka {

/// Reads partitions, all at once, each in its order.
///
/// Thread:  the task's thread. Read waits for nothing, but for the range of a partition whose offset is gone.
/// Shape:   a batch is of one partition. A position is the offset of the next record, and stands behind transaction
///          markers as soon as the broker says that nothing lies before it.
/// Errors:  kInvalidArgument: a bad row under on_error: fail (topic-partition@offset: …); kFailedPrecondition:
///          SOURCE_OFFSET_OUT_OF_RANGE, and what TopicMonitor finds; kUnavailable: partitions were added.
class KafkaReader final : public SourceReader {
 public:
  struct Parts {
    std::unique_ptr<ValueDecoder> decoder;
    std::unique_ptr<RecordConsumer> consumer;
    std::unique_ptr<TopicMonitor> monitor;
    bool out_of_range_earliest = false;
  };
  KafkaReader(const SourceContext& context, Parts parts);
  ~KafkaReader() override;

  void OnSplits(const std::vector<checkpoint::SourceSplits::Split>& all) override;
  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override;
  std::string Position(int32_t index) const override;
  void OnSnapshot(CheckpointId checkpoint) override;
  void OnCheckpointComplete(CheckpointId checkpoint) override;
  int64_t Lag() const override;

 private:
  struct Progress {
    KafkaSplit split;
    int64_t offset = 0;  // of the next record
    bool ended = false;
  };

  absl::Status Start();
  std::map<int32_t, RecordConsumer::Start> Starts() const;
  bool HasReachedStop(const Progress& p) const {
    return p.split.stop != KafkaSplit::kNoStop && p.offset >= p.split.stop;
  }
  void End(int32_t index, Progress& progress);
  /// Takes what is at `next_` of the consumed; true: it made a result.
  absl::StatusOr<bool> TakeNext(int64_t max_rows, ReadResult* result);
  absl::Status TakeRecords(int32_t index, Progress& progress, int64_t max_rows, ReadResult* result);
  absl::Status TakeBad(const Progress& progress, const std::vector<ValueDecoder::Bad>& bad, ReadResult* result);
  absl::Status OnOutOfRange(int32_t index, Progress& progress, int64_t asked);

  const SourceContext context_;
  const job::OnError on_error_;
  const bool out_of_range_earliest_;
  std::unique_ptr<ValueDecoder> decoder_;
  std::unique_ptr<RecordConsumer> consumer_;
  std::unique_ptr<TopicMonitor> monitor_;
  std::unique_ptr<RowBuilder> errors_;  // on_error: route

  std::vector<KafkaSplit> all_;
  absl::Status all_status_;
  std::map<int32_t, Progress> splits_;
  std::set<int32_t> to_end_;  // ended, and nobody was told yet
  int64_t open_ = 0;          // splits that are not ended, or to be told of
  bool started_ = false;

  const std::vector<Consumed>* consumed_ = nullptr;  // null: nothing at hand
  size_t next_ = 0;
  std::vector<Value> values_;  // of the records that are being decoded

  std::map<CheckpointId, std::map<int32_t, int64_t>> snapshots_;
  std::map<int32_t, int64_t> committed_;
};

}  // namespace weir::taskmanager::kafka
