#include "taskmanager/operator/window/window_results.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

constexpr int64_t kMilli = 1000;

batch::Column Times(const batch::DataType& type, int64_t rows, const std::vector<int64_t>& times) {
  if (times.size() == 1) return batch::Column::Constant(type, rows, times[0]);
  batch::Column column = batch::Column::Allocate(type, rows);
  std::copy(times.begin(), times.end(), column.mutable_data<int64_t>());
  return column;
}

}  // namespace

void WindowResults::Open(const OperatorContext& context, const Accumulators* accumulators) {
  context_ = context;
  policy_.Open(context);
  accumulators_ = accumulators;
  for (const plan::NamedExpression& key : context.plan->window->keys) key_types_.push_back(key.expression.type());
}

absl::Status WindowResults::Emit(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows,
                                 const Bounds& bounds, const batch::StringArena* arena, Output& output) {
  if (keys.empty()) return absl::OkStatus();
  batch::Batch out;
  out.schema = context_.plan->output;
  out.rows = static_cast<int64_t>(keys.size());
  ASSIGN_OR_RETURN(out.columns, batch::DecodeKeys(key_types_, keys));
  for (const std::vector<int64_t>* times : {&bounds.starts, &bounds.ends}) {
    out.columns.push_back(Times(out.schema->fields[out.columns.size()].type, out.rows, *times));
  }
  std::vector<uint32_t> all_bad;
  std::vector<std::pair<int, std::vector<uint32_t>>> overflows;
  for (int a = 0; a < accumulators_->size(); ++a) {
    std::vector<uint32_t> overflowed;
    out.columns.push_back(accumulators_->Results(a, rows.data(), out.rows, arena, &overflowed));
    if (!overflowed.empty()) overflows.emplace_back(a, std::move(overflowed));
  }
  if (context_.plan->output_has_times) {
    out.event_times = batch::Buffer::Allocate(keys.size() * 8);
    auto* times = reinterpret_cast<int64_t*>(out.event_times->data());
    for (size_t i = 0; i < keys.size(); ++i) times[i] = bounds.ends[bounds.ends.size() == 1 ? 0 : i] - kMilli;
  }
  for (const auto& [a, overflowed] : overflows) {
    const plan::Aggregate& aggregate = context_.plan->window->aggregates[a];
    expression::RowErrors errors;
    for (const uint32_t row : overflowed) {
      if (std::binary_search(all_bad.begin(), all_bad.end(), row)) continue;
      errors.push_back(
          {row, absl::StrCat(aggregate.name, " is out of the range of ", batch::ToString(aggregate.result_type))});
    }
    std::vector<uint32_t> bad;
    RETURN_IF_ERROR(policy_.Handle(out, errors, aggregate.text, output, &bad));
    all_bad.insert(all_bad.end(), bad.begin(), bad.end());
    std::sort(all_bad.begin(), all_bad.end());
  }
  if (all_bad.empty()) return output.Emit(kMainPort, std::move(out));
  const std::vector<uint32_t> good = RowsWithout(out.rows, all_bad);
  if (good.empty()) return absl::OkStatus();
  return output.Emit(kMainPort, out.Gather(good.data(), static_cast<int64_t>(good.size())));
}

}  // namespace weir::taskmanager
