#include "taskmanager/operator/window/slice_pages.h"

#include "common/base/status_macros.h"
#include "common/batch/batch.h"

namespace weir::taskmanager {

void SlicePages::Clear() {
  tables_.clear();
  next_ = 0;
  cursor_ = 0;
}

void SlicePages::Add(int64_t slice_end, bool main_only) {
  auto add = [&](KeyedTable* table, Kind kind, int aggregate) {
    if (table == nullptr) return;
    if (NamespaceTable* entries = table->Find(slice_end)) tables_.push_back({entries, kind, aggregate, slice_end});
  };
  add(state_->main, Kind::kMain, 0);
  if (main_only) return;
  for (size_t a = 0; a < state_->texts.size(); ++a) {
    add(state_->texts[a], Kind::kText, static_cast<int>(a));
    add(state_->distinct[a], Kind::kDistinct, static_cast<int>(a));
  }
}

absl::Status SlicePages::Next(NamespaceTable::Page* page, Table* of) {
  *of = tables_[next_];
  RETURN_IF_ERROR(of->entries->Scan(&cursor_, batch::Batch::kMaxRows, page));
  if (page->last) ++next_, cursor_ = 0;
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
