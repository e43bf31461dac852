#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"
#include "taskmanager/operator/rank/deduplicate_operator.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {
namespace {

/// A key's entry.
struct Entry {
  int64_t last_time;  // of any of its rows
  RowOrder first;
  uint64_t emitted;
};

/// Event time that waiting rows share a namespace for.
constexpr int64_t kStretch = 100'000;

NamespaceId StretchOf(int64_t time) { return WindowMath::FloorTo(time, kStretch) + kStretch; }

}  // namespace

absl::Status DeduplicateFirstOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::DeduplicateSpec& spec = *context.plan->deduplicate;
  input_.Open(context, spec.keys, {});
  const TableSpec table_spec = {"first", sizeof(Entry), false};
  ASSIGN_OR_RETURN(KeyedTable * table, context.state->OpenTable(table_spec));
  entries_.Open(table, spec.ttl, table_spec);
  ASSIGN_OR_RETURN(waiting_, context.state->OpenTable({"waiting", sizeof(RowOrder), true}));
  for (const NamespaceId end : waiting_->Namespaces()) stretches_.insert(end);
  columns_.resize(static_cast<size_t>(context.plan->columns));
  std::iota(columns_.begin(), columns_.end(), 0);
  std::vector<batch::DataType> types;
  for (const int c : columns_) types.push_back(context.plan->input->fields[static_cast<size_t>(c)].type);
  types.push_back({.kind = batch::TypeKind::kTimestamp, .nullable = false});
  rank_output_.Open(context, std::move(types), /*with_times=*/true);
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

absl::Status DeduplicateFirstOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(input_.Load(batch, output));
  const int64_t* times = batch.times();
  std::vector<uint32_t> late, kept;
  for (const uint32_t row : input_.rows()) {
    (times[row] < watermark_ || entries_.IsExpired(times[row], watermark_) ? late : kept).push_back(row);
  }
  RETURN_IF_ERROR(EmitLateRows(context_, batch, late, output));
  // The event time is kept behind the columns: it is emitted with them.
  batch::Batch whole;
  whole.rows = batch.rows;
  whole.columns.assign(batch.columns.begin(), batch.columns.begin() + context_.plan->columns);
  whole.columns.emplace_back(batch::DataType{.kind = batch::TypeKind::kTimestamp, .nullable = false}, batch.rows,
                             batch.event_times);
  std::vector<int> all = columns_;
  all.push_back(context_.plan->columns);
  batch::MakeKeys(whole, all, &row_bytes_);
  firsts_.clear();
  const auto visit = [&](ExpiringEntries::Part& part) {
    for (size_t i = 0; i < part.rows.size(); ++i) {
      const uint32_t row = part.rows[i];
      auto* entry = reinterpret_cast<Entry*>(part.table->value(part.slots[i]));
      const RowOrder order = OrderOf(row, times[row]);
      if (part.made[i] != 0) {
        *entry = {order.time, order, 0};
      } else {
        entry->last_time = std::max(entry->last_time, order.time);
        if (entry->emitted != 0 || order >= entry->first) continue;
        entry->first = order;
      }
      firsts_.push_back(row);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(entries_.ForEach(input_.keys(), times, kept, watermark_, visit));
  return Wait(batch);
}

RowOrder DeduplicateFirstOperator::OrderOf(uint32_t row, int64_t time) const {
  // Without the event time behind the columns: a byte of validity and eight of value.
  std::string_view bytes = row_bytes_.key(row);
  bytes.remove_suffix(9);
  return {time, batch::HashKey(bytes)};
}

absl::Status DeduplicateFirstOperator::Wait(const batch::Batch& batch) {
  const int64_t* times = batch.times();
  std::map<NamespaceId, std::vector<uint32_t>> parts;
  for (const uint32_t row : firsts_) parts[StretchOf(times[row])].push_back(row);
  std::vector<uint32_t> slots;
  for (const auto& [stretch, rows] : parts) {
    stretches_.insert(stretch);
    slots.resize(rows.size());
    NamespaceTable& table = waiting_->Open(stretch);
    RETURN_IF_ERROR(table.FindOrInsert(input_.keys(), nullptr, rows.data(), static_cast<int64_t>(rows.size()),
                                       slots.data(), nullptr));
    for (size_t i = 0; i < rows.size(); ++i) {
      const RowOrder order = OrderOf(rows[i], times[rows[i]]);
      std::memcpy(table.value(slots[i]), &order, sizeof(order));
      table.set_text(slots[i], row_bytes_.key(rows[i]));
      if (current_ == stretch) {
        due_.emplace(order.time, Waiting{order.tie, std::string(input_.keys().key(rows[i])),
                                         std::string(row_bytes_.key(rows[i]))});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status DeduplicateFirstOperator::LoadStretch() {
  NamespaceTable::Page page;
  page.last = true;
  if (NamespaceTable* table = waiting_->Find(*current_)) {
    RETURN_IF_ERROR(table->Scan(&cursor_, batch::Batch::kMaxRows, &page));
  }
  for (size_t i = 0; i < page.keys.size(); ++i) {
    RowOrder order;
    std::memcpy(&order, page.values[i], sizeof(order));
    due_.emplace(order.time, Waiting{order.tie, std::string(page.keys[i]), std::string(page.texts[i])});
  }
  if (page.last) loading_ = false;
  return absl::OkStatus();
}

absl::Status DeduplicateFirstOperator::EmitDue(int64_t watermark, Output& output) {
  batch::KeyBatch keys;
  keys.offsets.push_back(0);
  std::vector<int64_t> times;
  std::vector<uint32_t> rows;
  std::vector<Waiting> taken;
  while (!due_.empty() && due_.begin()->first < watermark && taken.size() < batch::Batch::kMaxRows) {
    auto first = due_.begin();
    keys.bytes += first->second.key;
    keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
    keys.hashes.push_back(batch::HashKey(first->second.key));
    times.push_back(first->first);
    rows.push_back(static_cast<uint32_t>(rows.size()));
    taken.push_back(std::move(first->second));
    due_.erase(first);
  }
  const auto visit = [&](ExpiringEntries::Part& part) {
    for (size_t i = 0; i < part.rows.size(); ++i) {
      const uint32_t row = part.rows[i];
      auto* entry = reinterpret_cast<Entry*>(part.table->value(part.slots[i]));
      // Another row came before it, or it was emitted before a restart.
      if (entry->emitted != 0 || entry->first != RowOrder{times[row], taken[row].tie}) continue;
      entry->emitted = 1;
      rank_output_.Add(taken[row].row, 0, batch::RowKind::kInsert);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(entries_.ForEach(keys, times.data(), rows, watermark_, visit));
  return rank_output_.Flush({}, output);
}

absl::StatusOr<Progress> DeduplicateFirstOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  if (loading_) {
    RETURN_IF_ERROR(LoadStretch());
    return Progress::kMore;
  }
  if (!due_.empty() && due_.begin()->first < watermark) {
    RETURN_IF_ERROR(EmitDue(watermark, output));
    return Progress::kMore;
  }
  if (current_ && *current_ <= watermark) {
    waiting_->Drop(*current_);
    stretches_.erase(*current_);
    current_.reset();
    due_.clear();
    return Progress::kMore;
  }
  if (!current_ && !stretches_.empty() && *stretches_.begin() - kStretch < watermark) {
    current_ = *stretches_.begin();
    loading_ = true;
    cursor_ = 0;
    return Progress::kMore;
  }
  watermark_ = watermark;
  entries_.Expire(watermark_);
  return Progress::kDone;
}

}  // namespace weir::taskmanager
