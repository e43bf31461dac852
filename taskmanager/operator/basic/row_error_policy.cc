#include "taskmanager/operator/basic/row_error_policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

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
