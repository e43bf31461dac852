#include "taskmanager/connector/made_rows_reader.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

constexpr int64_t kRowsPerTurn = 1024;

}  // namespace

absl::Status MadeRowsReader::AddRows(int32_t index, int64_t total, const std::string& position) {
  Split split;
  split.total = total;
  if (!position.empty() && (!absl::SimpleAtoi(position, &split.made) || split.made < 0)) {
    return absl::DataLossError(absl::StrCat("`", position, "` is no position of the ", context_.node->type, " source `",
                                            context_.node->name, "`"));
  }
  splits_[index] = split;
  turns_.push_back(index);
  return absl::OkStatus();
}

std::string MadeRowsReader::Position(int32_t index) const {
  const auto it = splits_.find(index);
  return it == splits_.end() || it->second.made == 0 ? "" : absl::StrCat(it->second.made);
}

absl::StatusOr<ReadResult> MadeRowsReader::Read(int64_t max_rows) {
  ReadResult result;
  if (turns_.empty()) {
    result.kind = ReadResult::Kind::kEnded;
    return result;
  }
  result.kind = ReadResult::Kind::kBatch;
  result.split = turns_.front();
  turns_.pop_front();
  Split& split = splits_[result.split];
  int64_t rows = std::min(max_rows, batch::Batch::kMaxRows);
  if (!turns_.empty()) rows = std::min(rows, kRowsPerTurn);
  result.batch.schema = context_.schema;
  result.batch.rows = std::max<int64_t>(0, std::min(rows, split.total - split.made));
  RETURN_IF_ERROR(MakeRows(result.split, split.made, &result.batch));
  split.made += result.batch.rows;
  result.split_ended = split.made >= split.total;
  if (!result.split_ended) turns_.push_back(result.split);
  return result;
}

}  // namespace weir::taskmanager
