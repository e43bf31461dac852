#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/generator/generator_descriptor.h"
#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::generator {

/// Cuts the rows of a generator into one split per subtask: split i of n has rows i, i + n, i + 2n, …, so all splits
/// go through event time at the same pace.
class GeneratorEnumerator final : public SplitEnumerator {
 public:
  explicit GeneratorEnumerator(std::string name) : name_(std::move(name)) {}
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t parallelism) override;

 private:
  std::string name_;
};

/// Makes rows from their numbers: any row can be made again at any time. Several splits are read in turns.
///
/// Thread:  the task's thread.
/// Shape:   a position is the number of rows made from the split.
/// Errors:  kInvalidArgument: an expression could not be computed, or the event time is NULL, with the row's number.
class GeneratorReader final : public SourceReader {
 public:
  GeneratorReader(const SourceContext& context, Options options);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override;
  std::string Position(int32_t index) const override;

 private:
  struct Stripe {
    int64_t first = 0;
    int64_t step = 1;
    int64_t made = 0;
    int64_t total = 0;  // of this split
  };
  absl::Status MakeColumns(batch::Batch* batch);

  const SourceContext context_;
  Options options_;
  int event_time_ = -1;                                             // column
  std::vector<std::unique_ptr<expression::Evaluator>> evaluators_;  // by field; null: nobody wants it
  std::map<int32_t, Stripe> stripes_;
  std::deque<int32_t> turns_;
  std::vector<int64_t> numbers_;
};

/// Adds the `generator` source.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::generator
