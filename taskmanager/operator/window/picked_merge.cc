#include "taskmanager/operator/window/picked_merge.h"

#include <numeric>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

void PickedMerge::Open(const Accumulators* accumulators, WindowState* state, WindowMath math) {
  accumulators_ = accumulators;
  state_ = state;
  math_ = math;
  width_ = static_cast<size_t>((accumulators->width() + 7) / 8 * 8);
}

absl::Status PickedMerge::Merge(const std::vector<std::string_view>& keys, int64_t from, int64_t to) {
  const size_t count = keys.size();
  arena_ = batch::StringArena();
  rows_.assign(count * width_, std::byte{0});
  slices_.assign(count, 0);
  slots_.resize(count);
  all_.resize(count);
  std::iota(all_.begin(), all_.end(), 0U);
  keys_.bytes.clear();
  keys_.offsets.assign(1, 0);
  keys_.hashes.clear();
  for (const std::string_view key : keys) {
    keys_.bytes.append(key);
    keys_.offsets.push_back(static_cast<uint32_t>(keys_.bytes.size()));
    keys_.hashes.push_back(batch::HashKey(key));
  }
  auto find = [&](KeyedTable* table, int64_t slice) -> absl::StatusOr<NamespaceTable*> {
    NamespaceTable* entries = table == nullptr ? nullptr : table->Find(slice);
    if (entries == nullptr) return nullptr;
    RETURN_IF_ERROR(entries->Find(keys_, nullptr, all_.data(), static_cast<int64_t>(count), slots_.data()));
    return entries;
  };
  auto row = [&](size_t i) { return rows_.data() + i * width_; };
  for (int64_t slice = from + math_.slice; slice <= to; slice += math_.slice) {
    ASSIGN_OR_RETURN(NamespaceTable * main, find(state_->main, slice));
    if (main == nullptr) continue;
    for (size_t i = 0; i < count; ++i) {
      if (slots_[i] == kNoSlot) continue;
      accumulators_->Merge(main->value(slots_[i]), row(i), &arena_);
      ++slices_[i];
    }
    for (int a = 0; a < accumulators_->size(); ++a) {
      ASSIGN_OR_RETURN(NamespaceTable * texts, find(state_->texts[a], slice));
      if (texts == nullptr) continue;
      for (size_t i = 0; i < count; ++i) {
        if (slots_[i] != kNoSlot) accumulators_->AddText(a, texts->text(slots_[i]), row(i), &arena_);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
