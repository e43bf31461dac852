#include "taskmanager/operator/basic/row_error_policy.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

batch::Column Strings(const batch::DataType& type, const std::vector<std::string>& values) {
  batch::Column column = batch::Column::Allocate(type, static_cast<int64_t>(values.size()));
  batch::StringArena arena;
  for (size_t i = 0; i < values.size(); ++i) {
    column.mutable_data<batch::StringRef>()[i] = batch::StringRef(arena.Copy(values[i]));
  }
  column.AddHeaps(arena.buffers());
  return column;
}

}  // namespace

absl::Status RowErrorPolicy::Handle(const batch::Batch& batch, const expression::RowErrors& errors,
                                    const std::string& text, Output& output, std::vector<uint32_t>* bad) {
  bad->clear();
  if (errors.empty()) return absl::OkStatus();
  const std::string& node = context_.plan->name;
  if (context_.plan->on_error == job::OnError::kFail) {
    const expression::RowError& first = errors.front();
    return absl::InvalidArgumentError(absl::StrCat(
        node, ": ", first.message, " in `", text, "`, row ", batch::RowToString(batch, first.row),
        "; on_error: skip or route lets the job go on"));
  }
  std::vector<std::string> raw, messages, origins;
  for (const expression::RowError& error : errors) {
    if (!bad->empty() && bad->back() == error.row) continue;
    bad->push_back(error.row);
    raw.push_back(batch::RowToString(batch, error.row));
    messages.push_back(error.message);
    origins.push_back(absl::StrCat(node, ": ", text));
  }
  const auto count = static_cast<int64_t>(bad->size());
  if (context_.plan->on_error == job::OnError::kSkip) {
    context_.counters->skipped_rows += count;
    return absl::OkStatus();
  }
  context_.counters->error_rows += count;
  batch::Batch routed;
  routed.schema = plan::ErrorsSchema();
  routed.rows = count;
  const std::vector<std::string>* columns[] = {&raw, &messages, &origins};
  for (int c = 0; c < 3; ++c) routed.columns.push_back(Strings(routed.schema->fields[c].type, *columns[c]));
  return output.Emit(kErrorsPort, std::move(routed));
}

absl::Status RowEvaluation::Evaluate(expression::Evaluator& evaluator, const batch::Batch& batch, Output& output,
                                     batch::Column* out, const std::vector<uint8_t>* filter) {
  if (const int same = evaluator.expression().ColumnIndex(); same >= 0) {
    *out = batch.columns[static_cast<size_t>(same)];
    return absl::OkStatus();
  }
  errors_.clear();
  evaluator.Evaluate(batch, out, &errors_);
  if (errors_.empty()) return absl::OkStatus();
  std::erase_if(errors_, [&](const expression::RowError& error) {
    return (filter != nullptr && (*filter)[error.row] == 0) ||
           std::binary_search(bad_.begin(), bad_.end(), error.row);
  });
  RETURN_IF_ERROR(policy_.Handle(batch, errors_, evaluator.expression().text(), output, &newly_bad_));
  std::vector<uint32_t> merged;
  std::set_union(bad_.begin(), bad_.end(), newly_bad_.begin(), newly_bad_.end(), std::back_inserter(merged));
  bad_ = std::move(merged);
  return absl::OkStatus();
}

absl::Status RowEvaluation::EmitGood(batch::Batch out, Output& output) const {
  if (bad_.empty()) return output.Emit(kMainPort, std::move(out));
  const std::vector<uint32_t> good = RowsWithout(out.rows, bad_);
  if (good.empty()) return absl::OkStatus();
  return output.Emit(kMainPort, out.Gather(good.data(), static_cast<int64_t>(good.size())));
}

std::vector<uint32_t> RowsWithout(int64_t rows, const std::vector<uint32_t>& bad) {
  std::vector<uint32_t> out;
  out.reserve(static_cast<size_t>(rows));
  size_t next = 0;
  for (uint32_t i = 0; i < rows; ++i) {
    if (next < bad.size() && bad[next] == i) {
      ++next;
    } else {
      out.push_back(i);
    }
  }
  return out;
}

}  // namespace weir::taskmanager
