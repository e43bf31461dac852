#include "taskmanager/operator/rank/rank_input.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {

void RankInput::Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& keys,
                     const std::vector<plan::OrderKey>& order) {
  evaluation_.Open(context);
  auto schema = std::make_shared<batch::Schema>();
  for (const plan::NamedExpression& key : keys) {
    all_keys_.push_back(static_cast<int>(key_evaluators_.size()));
    key_evaluators_.emplace_back(key.expression);
    schema->fields.push_back({key.name, key.expression.type()});
  }
  key_batch_.schema = schema;
  for (const plan::OrderKey& key : order) order_evaluators_.emplace_back(key.expression);
  key_batch_.columns.resize(key_evaluators_.size());
  order_.resize(order_evaluators_.size());
}

absl::Status RankInput::Load(const batch::Batch& batch, Output& output) {
  evaluation_.Begin();
  key_batch_.rows = batch.rows;
  for (size_t k = 0; k < key_evaluators_.size(); ++k) {
    RETURN_IF_ERROR(evaluation_.Evaluate(key_evaluators_[k], batch, output, &key_batch_.columns[k]));
  }
  for (size_t k = 0; k < order_evaluators_.size(); ++k) {
    RETURN_IF_ERROR(evaluation_.Evaluate(order_evaluators_[k], batch, output, &order_[k]));
  }
  batch::MakeKeys(key_batch_, all_keys_, &keys_);
  if (evaluation_.bad().empty()) {
    rows_.resize(static_cast<size_t>(batch.rows));
    std::iota(rows_.begin(), rows_.end(), 0u);
  } else {
    rows_ = RowsWithout(batch.rows, evaluation_.bad());
  }
  return absl::OkStatus();
}

OrderBytes MakeOrderBytes(const std::vector<plan::OrderKey>& order) {
  std::vector<OrderBytes::Key> keys;
  for (const plan::OrderKey& key : order) keys.push_back({key.expression.type(), key.descending});
  return OrderBytes(std::move(keys));
}

RankWindow* RankWindows::At(int64_t end) {
  for (size_t i = 0; i < count_; ++i) {
    if (windows_[i].end == end) return &windows_[i];
  }
  if (count_ == windows_.size()) windows_.emplace_back();
  RankWindow* window = &windows_[count_++];
  window->end = end;
  window->rows.clear();
  return window;
}

void RankWindows::Divide(const batch::Batch& batch, const std::vector<uint32_t>& rows) {
  count_ = 0;
  if (rows.empty()) return;
  if (spec_->window == plan::TopNSpec::Window::kInput) {
    const batch::Column& ends = batch.columns[spec_->window_end_column];
    if (ends.constant() && !ends.IsNull(0)) {
      At(ends.at<int64_t>(0))->rows = rows;
      return;
    }
    RankWindow* current = nullptr;
    for (const uint32_t row : rows) {
      const int64_t end = ends.IsNull(row) ? batch::kMinTimestamp : ends.at<int64_t>(row);
      if (current == nullptr || current->end != end) current = At(end);
      current->rows.push_back(row);
    }
    return;
  }
  const int64_t* times = batch.times();
  const int64_t size = spec_->size;
  RankWindow* current = nullptr;
  for (const uint32_t row : rows) {
    const int64_t t = times[row];
    if (current == nullptr || t >= current->end || t < current->end - size) {
      current = At(WindowMath::FloorTo(t, size) + size);
    }
    current->rows.push_back(row);
  }
}

}  // namespace weir::taskmanager
