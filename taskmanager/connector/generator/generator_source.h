#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/generator/generator_descriptor.h"
#include "taskmanager/connector/made_rows_reader.h"

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

/// Makes rows from their numbers.
///
/// Thread:  the task's thread.
/// Errors:  kInvalidArgument: an expression could not be computed, or the event time is NULL, with the row's number.
class GeneratorReader final : public MadeRowsReader {
 public:
  GeneratorReader(const SourceContext& context, Options options);

  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override;

 private:
  struct Stripe {
    int64_t first = 0;
    int64_t step = 1;
  };
  absl::Status MakeRows(int32_t index, int64_t from, batch::Batch* batch) override;
  absl::Status MakeColumns(batch::Batch* batch);

  Options options_;
  int event_time_ = -1;                                             // column
  std::vector<std::unique_ptr<expression::Evaluator>> evaluators_;  // by field; null: nobody wants it
  std::map<int32_t, Stripe> stripes_;
  std::vector<int64_t> numbers_;
};

/// Adds the `generator` source.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::generator
