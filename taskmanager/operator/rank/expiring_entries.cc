#include "taskmanager/operator/rank/expiring_entries.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {
namespace {

/// Entries outlive their time by at most one part of it.
constexpr int64_t kStretchesPerTtl = 4;

int64_t LastTime(const std::byte* value) {
  int64_t time;
  std::memcpy(&time, value, sizeof(time));
  return time;
}

}  // namespace

void ExpiringEntries::Open(KeyedTable* table, int64_t ttl, const TableSpec& spec) {
  table_ = table;
  ttl_ = ttl;
  stretch_ = std::max<int64_t>(1, ttl / kStretchesPerTtl);
  spec_ = spec;
  for (const NamespaceId ns : table->Namespaces()) live_.insert(ns);
}

NamespaceId ExpiringEntries::StretchOf(int64_t time) const {
  return ttl_ == 0 ? kForever : WindowMath::FloorTo(time, stretch_) + stretch_;
}

void ExpiringEntries::Expire(int64_t watermark) {
  while (ttl_ > 0 && !live_.empty() && *live_.begin() != kForever && IsExpired(*live_.begin(), watermark)) {
    table_->Drop(*live_.begin());
    live_.erase(live_.begin());
  }
}

absl::Status ExpiringEntries::ForEach(const batch::KeyBatch& keys, const int64_t* times,
                                      const std::vector<uint32_t>& rows, int64_t watermark,
                                      const std::function<absl::Status(Part&)>& visit) {
  if (rows.empty()) return absl::OkStatus();
  if (ttl_ == 0) return VisitStretch(kForever, keys, times, rows, watermark, visit);
  std::map<NamespaceId, std::vector<uint32_t>> stretches;
  for (const uint32_t row : rows) stretches[StretchOf(times[row])].push_back(row);
  for (auto& [stretch, part] : stretches) {
    RETURN_IF_ERROR(VisitStretch(stretch, keys, times, std::move(part), watermark, visit));
  }
  return absl::OkStatus();
}

absl::Status ExpiringEntries::VisitStretch(NamespaceId stretch, const batch::KeyBatch& keys, const int64_t* times,
                                           std::vector<uint32_t> rows, int64_t watermark,
                                           const std::function<absl::Status(Part&)>& visit) {
  moved_.clear();
  if (live_.empty() || (live_.size() == 1 && live_.contains(stretch))) {
    return VisitHome(stretch, keys, times, std::move(rows), watermark, visit);
  }
  // Where an entry has been touched in a later stretch of time, it stays there.
  const std::vector<NamespaceId> live(live_.rbegin(), live_.rend());
  for (const NamespaceId ns : live) {
    if (ns <= stretch || rows.empty()) break;
    NamespaceTable* table = table_->Find(ns);
    if (table == nullptr) continue;
    found_.resize(rows.size());
    RETURN_IF_ERROR(table->Find(keys, nullptr, rows.data(), static_cast<int64_t>(rows.size()), found_.data()));
    std::vector<uint32_t> here, rest;
    for (size_t i = 0; i < rows.size(); ++i) (found_[i] != kNoSlot ? here : rest).push_back(rows[i]);
    RETURN_IF_ERROR(VisitHome(ns, keys, times, std::move(here), watermark, visit));
    rows = std::move(rest);
  }
  std::vector<uint32_t> missing = rows;
  if (NamespaceTable* table = table_->Find(stretch); table != nullptr && !rows.empty()) {
    found_.resize(rows.size());
    RETURN_IF_ERROR(table->Find(keys, nullptr, rows.data(), static_cast<int64_t>(rows.size()), found_.data()));
    missing.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (found_[i] == kNoSlot) missing.push_back(rows[i]);
    }
  }
  for (const NamespaceId ns : live) {
    if (ns < stretch && !missing.empty()) RETURN_IF_ERROR(TakeFrom(ns, keys, &missing));
  }
  std::sort(moved_.begin(), moved_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return VisitHome(stretch, keys, times, std::move(rows), watermark, visit);
}

absl::Status ExpiringEntries::TakeFrom(NamespaceId ns, const batch::KeyBatch& keys, std::vector<uint32_t>* rows) {
  NamespaceTable* table = table_->Find(ns);
  if (table == nullptr) return absl::OkStatus();
  found_.resize(rows->size());
  RETURN_IF_ERROR(table->Find(keys, nullptr, rows->data(), static_cast<int64_t>(rows->size()), found_.data()));
  std::vector<uint32_t> rest, slots;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (found_[i] == kNoSlot) {
      rest.push_back((*rows)[i]);
      continue;
    }
    Moved entry;
    entry.value.assign(reinterpret_cast<const char*>(table->value(found_[i])), static_cast<size_t>(spec_.value_width));
    if (spec_.has_text) entry.text = table->text(found_[i]);
    moved_.emplace_back((*rows)[i], std::move(entry));
    slots.push_back(found_[i]);
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  table->Remove(slots.data(), static_cast<int64_t>(slots.size()));
  *rows = std::move(rest);
  return absl::OkStatus();
}

absl::Status ExpiringEntries::VisitHome(NamespaceId home, const batch::KeyBatch& keys, const int64_t* times,
                                        std::vector<uint32_t> rows, int64_t watermark,
                                        const std::function<absl::Status(Part&)>& visit) {
  if (rows.empty()) return absl::OkStatus();
  live_.insert(home);
  part_.table = &table_->Open(home);
  part_.rows = std::move(rows);
  part_.slots.resize(part_.rows.size());
  part_.made.resize(part_.rows.size());
  RETURN_IF_ERROR(part_.table->FindOrInsert(keys, nullptr, part_.rows.data(), static_cast<int64_t>(part_.rows.size()),
                                            part_.slots.data(), part_.made.data()));
  if (ttl_ == 0 && moved_.empty()) return visit(part_);
  for (size_t i = 0; i < part_.rows.size(); ++i) {
    const uint32_t slot = part_.slots[i];
    if (part_.made[i] != 0) {
      const auto moved = std::lower_bound(moved_.begin(), moved_.end(), part_.rows[i],
                                          [](const auto& entry, uint32_t row) { return entry.first < row; });
      if (moved == moved_.end() || moved->first != part_.rows[i]) {
        if (times != nullptr) std::memcpy(part_.table->value(slot), &times[part_.rows[i]], sizeof(int64_t));
        continue;
      }
      std::memcpy(part_.table->value(slot), moved->second.value.data(), moved->second.value.size());
      if (spec_.has_text) part_.table->set_text(slot, moved->second.text);
      part_.made[i] = 0;
    }
    if (!IsExpired(LastTime(part_.table->value(slot)), watermark)) continue;
    // Forgotten, though it still lies there.
    std::memset(part_.table->value(slot), 0, static_cast<size_t>(spec_.value_width));
    std::memcpy(part_.table->value(slot), &times[part_.rows[i]], sizeof(int64_t));
    if (spec_.has_text) part_.table->set_text(slot, {});
    part_.made[i] = 1;
  }
  return visit(part_);
}

}  // namespace weir::taskmanager
