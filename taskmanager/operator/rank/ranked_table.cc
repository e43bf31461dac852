#include "taskmanager/operator/rank/ranked_table.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {

void RankedTable::Open(const plan::TopNSpec& spec, const batch::Schema& input, int columns, bool with_times) {
  limit_ = spec.limit;
  ties_ = spec.ties;
  columns_ = columns;
  with_times_ = with_times;
  order_bytes_.emplace(MakeOrderBytes(spec.order));
  for (int c = 0; c < columns; ++c) row_types_.push_back(input.fields[static_cast<size_t>(c)].type);
  if (with_times) row_types_.push_back({.kind = batch::TypeKind::kTimestamp, .nullable = false});
  all_columns_.resize(row_types_.size());
  std::iota(all_columns_.begin(), all_columns_.end(), 0);
}

void RankedTable::Load(const RankInput& input, const batch::Batch& batch) {
  input_ = &input;
  batch_ = &batch;
  order_bytes_->Prefixes(input.order(), batch.rows, &prefixes_);
}

absl::Status RankedTable::Add(NamespaceTable& table, const std::vector<uint32_t>& rows,
                              const std::vector<uint32_t>& slots, const Changed& changed) {
  heads_.resize(rows.size());
  table.Values(slots.data(), static_cast<int64_t>(rows.size()), heads_.data());
  candidates_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto* head = reinterpret_cast<const Head*>(heads_[i]);
    const uint64_t prefix = prefixes_[rows[i]];
    if (head->full != 0 && prefix > head->threshold) continue;
    candidates_.push_back({slots[i], rows[i], prefix});
  }
  if (candidates_.empty()) return absl::OkStatus();
  PruneGroups();
  MakeRowBytes();
  for (size_t from = 0, to; from < candidates_.size(); from = to) {
    for (to = from + 1; to < candidates_.size() && candidates_[to].slot == candidates_[from].slot;) ++to;
    RETURN_IF_ERROR(MergeGroup(table, from, to, changed));
  }
  return absl::OkStatus();
}

void RankedTable::PruneGroups() {
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.slot != b.slot ? a.slot < b.slot : a.prefix < b.prefix;
  });
  size_t kept = 0;
  for (size_t from = 0, to; from < candidates_.size(); from = to) {
    for (to = from + 1; to < candidates_.size() && candidates_[to].slot == candidates_[from].slot;) ++to;
    size_t end = to;
    if (static_cast<int64_t>(to - from) > limit_) {
      const uint64_t last = candidates_[from + static_cast<size_t>(limit_) - 1].prefix;
      for (end = from + static_cast<size_t>(limit_); end < to && candidates_[end].prefix == last;) ++end;
    }
    for (size_t i = from; i < end; ++i) candidates_[kept++] = candidates_[i];
  }
  candidates_.resize(kept);
}

void RankedTable::MakeRowBytes() {
  picked_.clear();
  for (const Candidate& candidate : candidates_) picked_.push_back(candidate.row);
  const auto count = static_cast<int64_t>(picked_.size());
  batch::Batch rows;
  rows.rows = count;
  for (int c = 0; c < columns_; ++c) rows.columns.push_back(batch_->columns[c].Gather(picked_.data(), count));
  if (with_times_) {
    batch::Column times = batch::Column::Allocate(row_types_.back(), count);
    for (int64_t i = 0; i < count; ++i) times.mutable_data<int64_t>()[i] = batch_->times()[picked_[i]];
    rows.columns.push_back(std::move(times));
  }
  batch::MakeKeys(rows, all_columns_, &row_bytes_);
}

absl::Status RankedTable::MergeGroup(NamespaceTable& table, size_t from, size_t to, const Changed& changed) {
  bytes_.clear();
  ends_.clear();
  for (size_t i = from; i < to; ++i) {
    order_bytes_->Append(input_->order(), candidates_[i].row, &bytes_);
    ends_.push_back(bytes_.size());
    bytes_.append(row_bytes_.key(static_cast<int64_t>(i)));
    ends_.push_back(bytes_.size());
  }
  std::vector<RankedRow> fresh;
  size_t begin = 0;
  for (size_t i = 0; i < ends_.size(); i += 2) {
    fresh.push_back({std::string_view(bytes_).substr(begin, ends_[i + 1] - begin),
                     static_cast<uint32_t>(ends_[i] - begin)});
    begin = ends_[i + 1];
  }
  const uint32_t slot = candidates_[from].slot;
  RankedRows rows(limit_, ties_);
  if (!rows.Parse(table.text(slot))) return absl::DataLossError("state holds rows of a top_n that cannot be read");
  RankedRows before(limit_, ties_);
  if (changed) before = rows;
  if (!rows.Merge(std::move(fresh))) return absl::OkStatus();
  if (changed) changed(before, rows);
  auto* head = reinterpret_cast<Head*>(table.value(slot));
  head->full = rows.full() ? 1 : 0;
  head->threshold = OrderBytes::PrefixOf(rows.rows().back().order());
  rows.Serialize(&text_);
  table.set_text(slot, text_);
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
