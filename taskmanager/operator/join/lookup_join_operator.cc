#include "taskmanager/operator/join/lookup_join_operator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

class DigestSnapshot final : public AsyncSnapshot {
 public:
  DigestSnapshot(std::string node, std::string digest) : node_(std::move(node)), digest_(std::move(digest)) {}
  absl::StatusOr<checkpoint::OperatorSnapshot> Run() override {
    checkpoint::OperatorSnapshot snapshot;
    snapshot.node = node_;
    snapshot.bytes = digest_;
    return snapshot;
  }

 private:
  std::string node_, digest_;
};

/// What has no consumer: errors in the table's own keys.
class NoOutput final : public Output {
 public:
  absl::Status Emit(int port, batch::Batch batch) override { return absl::OkStatus(); }
};

}  // namespace

LookupJoinOperator::LookupJoinOperator(batch::Batch table, std::string digest)
    : table_(std::move(table)), digest_(std::move(digest)) {}

absl::Status LookupJoinOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::LookupSpec& lookup = *context.plan->lookup;
  for (const checkpoint::OperatorSnapshot& snapshot : context.restored) {
    if (lookup.reload_on_change || snapshot.bytes.empty() || snapshot.bytes == digest_) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("LOOKUP_TABLE_CHANGED: the table of ", context.plan->name,
                     " is not the one that the job has read before the checkpoint; put the former file back, or let "
                     "the job say `on_change: reload`"));
  }
  left_join_ = lookup.type == job::JoinType::kLeft;
  input_columns_ = lookup.joined->size() - lookup.table->size();
  keys_.Open(context, lookup.input_keys);
  projection_.Open(context, lookup.fields);
  for (const batch::Field& field : lookup.joined->fields) unread_.push_back(batch::Column::Null(field.type, 1));
  // A table row whose key cannot be computed is found by nobody, or fails the job, as the node's on_error says.
  JoinKeys table_keys;
  table_keys.Open(context, lookup.table_keys);
  NoOutput nowhere;
  RETURN_IF_ERROR(table_keys.Load(table_, nowhere, /*canonical=*/false));
  index_.Build(table_keys.columns());
  return absl::OkStatus();
}

absl::Status LookupJoinOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(keys_.Load(batch, output, !index_.by_number()));
  const std::vector<uint32_t>& rows = keys_.rows();
  index_.FirstRows(keys_.columns(), keys_.keys(), rows, &first_);
  input_rows_.clear();
  table_rows_.clear();
  any_none_ = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    uint32_t match = first_[i];
    if (match == LookupIndex::kNone && !left_join_) continue;
    any_none_ |= match == LookupIndex::kNone;
    input_rows_.push_back(rows[i]);
    table_rows_.push_back(match);
    if (index_.unique() || match == LookupIndex::kNone) continue;
    while ((match = index_.Next(match)) != LookupIndex::kNone) {
      input_rows_.push_back(rows[i]);
      table_rows_.push_back(match);
    }
  }
  // Each row once: the input's columns go on as they are.
  const bool whole = index_.unique() && static_cast<int64_t>(input_rows_.size()) == batch.rows;
  for (size_t from = 0; from < input_rows_.size(); from += batch::Batch::kMaxRows) {
    const size_t to = std::min(input_rows_.size(), from + static_cast<size_t>(batch::Batch::kMaxRows));
    RETURN_IF_ERROR(EmitPairs(batch, from, to, whole && to - from == input_rows_.size(), output));
  }
  return absl::OkStatus();
}

absl::Status LookupJoinOperator::EmitPairs(const batch::Batch& batch, size_t from, size_t to, bool whole,
                                           Output& output) {
  const auto count = static_cast<int64_t>(to - from);
  batch::Batch joined;
  joined.schema = context_.plan->lookup->joined;
  joined.rows = count;
  for (const batch::Column& none : unread_) {
    joined.columns.emplace_back(none.type(), count, none.values(), none.validity_buffer(),
                                std::vector<batch::BufferPtr>{}, true);
  }
  for (const int c : projection_.columns()) {
    const auto column = static_cast<size_t>(c);
    if (c >= input_columns_) {
      joined.columns[column] = TableColumn(static_cast<size_t>(c - input_columns_), from, to);
    } else {
      joined.columns[column] =
          whole ? batch.columns[column] : batch.columns[column].Gather(input_rows_.data() + from, count);
    }
  }
  if (whole || batch.event_times == nullptr) {
    joined.event_times = batch.event_times;
  } else {
    joined.event_times = batch::Buffer::Allocate(static_cast<size_t>(count) * sizeof(int64_t));
    auto* times = reinterpret_cast<int64_t*>(joined.event_times->data());
    for (int64_t i = 0; i < count; ++i) times[i] = batch.times()[input_rows_[from + static_cast<size_t>(i)]];
  }
  return projection_.Emit(joined, output);
}

batch::Column LookupJoinOperator::TableColumn(size_t c, size_t from, size_t to) const {
  const batch::Column& column = table_.columns[c];
  const auto count = static_cast<int64_t>(to - from);
  if (!any_none_) return column.Gather(table_rows_.data() + from, count);
  if (table_.rows == 0) return batch::Column::Null(column.type(), count);
  std::vector<uint32_t> rows(table_rows_.begin() + static_cast<int64_t>(from),
                             table_rows_.begin() + static_cast<int64_t>(to));
  std::replace(rows.begin(), rows.end(), LookupIndex::kNone, 0u);
  batch::Column out = column.Flatten().Gather(rows.data(), count);
  uint8_t* validity = out.EnsureValidity();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (table_rows_[from + i] == LookupIndex::kNone) validity[i] = 0;
  }
  return out;
}

absl::StatusOr<std::unique_ptr<AsyncSnapshot>> LookupJoinOperator::Snapshot(CheckpointId checkpoint) {
  return std::make_unique<DigestSnapshot>(context_.plan->name, digest_);
}

}  // namespace weir::taskmanager
