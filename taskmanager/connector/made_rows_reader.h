#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager {

/// Reads splits whose rows are made from their places, in turns: any row can be made again at any time.
///
/// Thread:  the task's thread.
/// Shape:   a position is the number of rows made from the split. Turns are short when several splits are read, so that
///          their event times stay together.
class MadeRowsReader : public SourceReader {
 public:
  absl::StatusOr<ReadResult> Read(int64_t max_rows) final;
  std::string Position(int32_t index) const final;

 protected:
  explicit MadeRowsReader(const SourceContext& context) : context_(context) {}
  /// The split has `total` rows. kDataLoss: `position` is none.
  absl::Status AddRows(int32_t index, int64_t total, const std::string& position);
  /// Makes the columns of the rows [from, from + batch->rows) of the split, perhaps of none.
  virtual absl::Status MakeRows(int32_t index, int64_t from, batch::Batch* batch) = 0;

  const SourceContext context_;

 private:
  struct Split {
    int64_t made = 0;
    int64_t total = 0;
  };
  std::map<int32_t, Split> splits_;
  std::deque<int32_t> turns_;
};

}  // namespace weir::taskmanager
