#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/made_rows_reader.h"
#include "taskmanager/connector/nexmark/event_columns.h"
#include "taskmanager/connector/nexmark/event_timeline.h"
#include "taskmanager/connector/nexmark/nexmark_descriptor.h"

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

/// Makes the events of its splits, each in the order of event time; columns that nobody reads are not made.
///
/// Thread:  the task's thread.
/// Errors:  kFailedPrecondition: `generators` is not what the splits were cut with.
class NexmarkReader final : public MadeRowsReader {
 public:
  NexmarkReader(const SourceContext& context, Options options);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;

 private:
  absl::Status MakeRows(int32_t index, int64_t from, batch::Batch* batch) override;
  void MakeColumns(const EventPiece& piece, batch::Batch* batch);
  /// Columns of all three kinds side by side, NULL where the row is of another kind.
  void MakeMixedColumns(const EventPiece& piece, batch::Batch* batch);

  const Options options_;
  const Channels channels_;
  std::vector<int> fields_;  // by column: which of FieldsOf(stream); -1: nobody wants it
  std::map<int32_t, EventPiece> pieces_;  // by split
  Events events_;
};

/// Adds the `nexmark` source.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::nexmark
