#include "taskmanager/operator/rank/rank_output.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/batch/key.h"

namespace weir::taskmanager {

void RankOutput::Open(const OperatorContext& context, std::vector<batch::DataType> row_types, bool with_times) {
  context_ = context;
  row_types_ = std::move(row_types);
  with_times_ = with_times;
}

void RankOutput::Add(std::string_view row, int64_t rank, batch::RowKind kind) {
  bytes_.append(row);
  ends_.push_back(bytes_.size());
  ranks_.push_back(rank);
  kinds_.push_back(kind);
}

absl::Status RankOutput::Flush(const Shape& shape, Output& output) {
  for (size_t from = 0; from < ranks_.size();) {
    const size_t to = std::min(ranks_.size(), from + static_cast<size_t>(batch::Batch::kMaxRows));
    RETURN_IF_ERROR(EmitPage(from, to, shape, output));
    from = to;
  }
  bytes_.clear();
  ends_.clear();
  ranks_.clear();
  kinds_.clear();
  return absl::OkStatus();
}

absl::Status RankOutput::EmitPage(size_t from, size_t to, const Shape& shape, Output& output) {
  const size_t rows = to - from;
  std::vector<std::string_view> views;
  views.reserve(rows);
  for (size_t i = from; i < to; ++i) {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    views.push_back(std::string_view(bytes_).substr(begin, ends_[i] - begin));
  }
  batch::Batch out;
  out.schema = context_.plan->output;
  out.rows = static_cast<int64_t>(rows);
  ASSIGN_OR_RETURN(out.columns, batch::DecodeKeys(row_types_, views));
  if (shape.time) {
    out.event_times = batch::Buffer::Allocate(rows * 8);
    std::fill_n(reinterpret_cast<int64_t*>(out.event_times->data()), rows, *shape.time);
  } else if (with_times_) {
    out.event_times = out.columns.back().values();
  }
  if (with_times_) out.columns.pop_back();
  auto next_type = [&] { return out.schema->fields[out.columns.size()].type; };
  if (shape.window_bounds) {
    out.columns.push_back(batch::Column::Constant(next_type(), out.rows, shape.window_start));
    out.columns.push_back(batch::Column::Constant(next_type(), out.rows, shape.window_end));
  }
  if (shape.rank) {
    batch::Column ranks = batch::Column::Allocate(next_type(), out.rows);
    std::copy_n(ranks_.begin() + static_cast<std::ptrdiff_t>(from), rows, ranks.mutable_data<int64_t>());
    out.columns.push_back(std::move(ranks));
  }
  if (shape.kinds) {
    out.row_kinds = batch::Buffer::Copy({reinterpret_cast<const char*>(kinds_.data() + from), rows});
  }
  return output.Emit(kMainPort, std::move(out));
}

}  // namespace weir::taskmanager
