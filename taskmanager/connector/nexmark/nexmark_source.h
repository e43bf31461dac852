#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/nexmark/event_columns.h"
#include "taskmanager/connector/nexmark/event_timeline.h"
#include "taskmanager/connector/nexmark/nexmark_descriptor.h"
#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::nexmark {

/// Cuts each generator into as many pieces as the subtasks need, at least one.
class NexmarkEnumerator final : public SplitEnumerator {
 public:
  NexmarkEnumerator(std::string name, Options options) : name_(std::move(name)), options_(options) {}
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t parallelism) override;

 private:
  std::string name_;
  Options options_;
};

/// Makes the events of its splits, in turns, each in the order of event time; columns that nobody reads are not made.
///
/// Thread:  the task's thread.
/// Shape:   a position is the number of rows made from the split.
/// Errors:  kFailedPrecondition: `generators` is not what the splits were cut with.
class NexmarkReader final : public SourceReader {
 public:
  NexmarkReader(const SourceContext& context, Options options);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override;
  std::string Position(int32_t index) const override;

 private:
  struct Split {
    EventPiece piece;
    int64_t made = 0;
  };
  void MakeColumns(const EventPiece& piece, batch::Batch* batch);
  /// Columns of all three kinds side by side, NULL where the row is of another kind.
  void MakeMixedColumns(const EventPiece& piece, batch::Batch* batch);

  const SourceContext context_;
  const Options options_;
  const Channels channels_;
  std::vector<int> fields_;  // by column: which of FieldsOf(stream); -1: nobody wants it
  std::map<int32_t, Split> splits_;
  std::deque<int32_t> turns_;
  Events events_;
};

/// Adds the `nexmark` source.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::nexmark
