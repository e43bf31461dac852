#include "taskmanager/operator/window/window_rows.h"

#include <algorithm>
#include <iterator>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

void WindowRows::Open(const OperatorContext& context) {
  evaluation_.Open(context);
  const plan::WindowSpec& window = *context.plan->window;
  math_ = {window.size, window.slide, window.slice, window.allowed_lateness};
  auto schema = std::make_shared<batch::Schema>();
  for (const plan::NamedExpression& key : window.keys) {
    all_keys_.push_back(static_cast<int>(key_evaluators_.size()));
    key_evaluators_.emplace_back(key.expression);
    schema->fields.push_back({key.name, key.expression.type()});
  }
  key_batch_.schema = schema;
  for (const plan::Aggregate& aggregate : window.aggregates) {
    has_argument_.push_back(aggregate.argument.ok());
    argument_evaluators_.emplace_back();
    filter_evaluators_.emplace_back();
    if (aggregate.argument.ok()) argument_evaluators_.back().emplace(aggregate.argument);
    if (aggregate.filter.ok()) filter_evaluators_.back().emplace(aggregate.filter);
  }
  arguments_.resize(window.aggregates.size());
  filters_.resize(window.aggregates.size());
}

absl::Status WindowRows::Load(const batch::Batch& batch, Output& output, std::optional<int64_t> time) {
  RETURN_IF_ERROR(Evaluate(batch, output));
  slice_count_ = 0;
  time ? SliceAt(*time, batch.rows) : Slice(batch);
  return absl::OkStatus();
}

absl::Status WindowRows::LoadUnsliced(const batch::Batch& batch, Output& output, std::vector<uint32_t>* good) {
  RETURN_IF_ERROR(Evaluate(batch, output));
  *good = RowsWithout(batch.rows, evaluation_.bad());
  return absl::OkStatus();
}

absl::Status WindowRows::Evaluate(const batch::Batch& batch, Output& output) {
  evaluation_.Begin();
  key_batch_.rows = batch.rows;
  key_batch_.columns.resize(key_evaluators_.size());
  for (size_t k = 0; k < key_evaluators_.size(); ++k) {
    RETURN_IF_ERROR(evaluation_.Evaluate(key_evaluators_[k], batch, output, &key_batch_.columns[k]));
  }
  batch::MakeKeys(key_batch_, all_keys_, &keys_);
  for (size_t a = 0; a < arguments_.size(); ++a) {
    if (filter_evaluators_[a]) {
      batch::Column column;
      RETURN_IF_ERROR(evaluation_.Evaluate(*filter_evaluators_[a], batch, output, &column));
      filters_[a].resize(static_cast<size_t>(batch.rows));
      for (int64_t i = 0; i < batch.rows; ++i) {
        filters_[a][i] = !column.IsNull(i) && column.at<uint8_t>(i) != 0 ? 1 : 0;
      }
    }
    if (!argument_evaluators_[a]) continue;
    RETURN_IF_ERROR(evaluation_.Evaluate(*argument_evaluators_[a], batch, output, &arguments_[a],
                                          filter_evaluators_[a] ? &filters_[a] : nullptr));
  }
  return absl::OkStatus();
}

WindowRows::SliceRows* WindowRows::SliceOf(int64_t slice_end) {
  for (size_t s = 0; s < slice_count_; ++s) {
    if (slices_[s].slice_end == slice_end) return &slices_[s];
  }
  if (slice_count_ == slices_.size()) slices_.emplace_back();
  SliceRows* made = &slices_[slice_count_++];
  made->slice_end = slice_end;
  made->rows.clear();
  return made;
}

void WindowRows::SliceAt(int64_t time, int64_t rows) {
  const int64_t end = math_.SliceEndOf(time);
  if (math_.InNoWindow(end)) return;
  SliceOf(end)->rows = RowsWithout(rows, evaluation_.bad());
}

void WindowRows::Slice(const batch::Batch& batch) {
  const int64_t* times = batch.times();
  SliceRows* current = nullptr;
  const std::vector<uint32_t>& bad = evaluation_.bad();
  size_t next_bad = 0;
  for (uint32_t i = 0; i < batch.rows; ++i) {
    if (next_bad < bad.size() && bad[next_bad] == i) {
      ++next_bad;
      continue;
    }
    const int64_t t = times[i];
    if (current == nullptr || t >= current->slice_end || t < current->slice_end - math_.slice) {
      const int64_t end = math_.SliceEndOf(t);
      current = math_.InNoWindow(end) ? nullptr : SliceOf(end);
      if (current == nullptr) continue;
    }
    current->rows.push_back(i);
  }
}

}  // namespace weir::taskmanager
