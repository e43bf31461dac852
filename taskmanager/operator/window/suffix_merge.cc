#include "taskmanager/operator/window/suffix_merge.h"

#include <algorithm>
#include <cstring>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

using batch::Batch;

SuffixMerge::SuffixMerge(const Accumulators* accumulators, WindowState* state, WindowMath math, const KeyedState* keyed,
                         int64_t least_bytes)
    : SlidingMerge(accumulators, state, math),
      keyed_(keyed),
      least_bytes_(least_bytes),
      width_(static_cast<size_t>((accumulators->width() + 7) / 8 * 8)),
      stride_(sizeof(Node) + width_) {
  SuffixMerge::Reset();
}

void SuffixMerge::Reset() {
  SlidingMerge::Reset();
  table_ = std::make_unique<KeyTable>(static_cast<int>(width_) + 8);
  blocks_.clear();
  nodes_ = 0;
  older_.clear();
  middle_ = 0;
  arena_ = batch::StringArena();
}

uint32_t SuffixMerge::first_node(const std::byte* row) const {
  uint32_t first;
  std::memcpy(&first, row + width_, sizeof(first));
  return first;
}

void SuffixMerge::set_first_node(std::byte* row, uint32_t first) const {
  std::memcpy(row + width_, &first, sizeof(first));
}

SuffixMerge::Node* SuffixMerge::NewNode() {
  if (nodes_ / kBlock == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlock * stride_));
  }
  return node(nodes_++);
}

bool SuffixMerge::TooLarge() const {
  const size_t bytes = table_->bytes() + blocks_.size() * kBlock * stride_ + arena_.bytes();
  return static_cast<int64_t>(bytes) > std::max(least_bytes_, keyed_->memory_bytes());
}

bool SuffixMerge::Begin(int64_t window_end) {
  if (resting_ > 0) {
    --resting_;
    return false;
  }
  window_end_ = window_end;
  const int64_t begin = window_end - math_.size;
  emitted_ = 0;
  pages_.Clear();
  if (from_ == to_ || begin < from_ || begin > middle_ || to_ > window_end) {
    Reset();
    from_ = middle_ = begin;
    to_ = window_end;
    for (int64_t slice = window_end; slice > begin; slice -= math_.slice) pages_.Add(slice);
    phase_ = Phase::kPush;
  } else {
    for (int64_t slice = to_ + math_.slice; slice <= window_end; slice += math_.slice) pages_.Add(slice);
    phase_ = Phase::kPop;
  }
  return true;
}

absl::StatusOr<SlidingMerge::Result> SuffixMerge::Step(Page* page) {
  switch (phase_) {
    case Phase::kPop:
      if (!Pop()) phase_ = Phase::kEnter;
      return Result::kMore;
    case Phase::kEmit:
      if (!Emit(page)) {
        phase_ = Phase::kStale;
        next_stale_ = stale_.begin();
      }
      return Result::kMore;
    case Phase::kStale: {
      ASSIGN_OR_RETURN(const bool more, EmitStale(page));
      return more ? Result::kMore : Result::kDone;
    }
    case Phase::kPush:
    case Phase::kEnter:
      break;
  }
  if (pages_.done()) {
    if (phase_ == Phase::kPush) middle_ = window_end_;
    to_ = window_end_;
    phase_ = Phase::kEmit;
    return Result::kMore;
  }
  NamespaceTable::Page entries;
  SlicePages::Table of;
  RETURN_IF_ERROR(pages_.Next(&entries, &of));
  phase_ == Phase::kPush ? Push(entries, of) : Enter(entries, of);
  if (!TooLarge()) return Result::kMore;
  resting_ = static_cast<size_t>(math_.size / math_.slide);
  Reset();
  return Result::kGivenUp;
}

bool SuffixMerge::Pop() {
  const int64_t begin = window_end_ - math_.size;
  int64_t left = Batch::kMaxRows;
  while (!older_.empty() && older_.back().slice_end <= begin) {
    for (; nodes_ > older_.back().first && left > 0; --left) {
      const Node* last = node(--nodes_);
      set_first_node(table_->row(last->entry), last->next);
    }
    if (nodes_ > older_.back().first) return true;
    older_.pop_back();
  }
  blocks_.resize((nodes_ + kBlock - 1) / kBlock);
  from_ = begin;
  return false;
}

void SuffixMerge::Push(const NamespaceTable::Page& page, const SlicePages::Table& of) {
  table_->HashAll(page.keys, &hashes_);
  if (of.kind == SlicePages::Kind::kText) {
    // Every key is in `main` too: its newest node is this slice's.
    for (size_t i = 0; i < page.keys.size(); ++i) {
      const uint32_t first = first_node(table_->row(table_->FindOrInsert(page.keys[i], hashes_[i])));
      accumulators_->AddText(of.aggregate, page.texts[i], node(first - 1)->accumulators(), &arena_);
    }
    return;
  }
  if (older_.empty() || older_.back().slice_end != of.slice_end) older_.push_back({of.slice_end, nodes_});
  for (size_t i = 0; i < page.keys.size(); ++i) {
    const uint32_t entry = table_->FindOrInsert(page.keys[i], hashes_[i]);
    std::byte* row = table_->row(entry);
    Node* made = NewNode();
    *made = {entry, first_node(row)};
    // The older one first: of values that are equal, the oldest stays.
    std::memcpy(made->accumulators(), page.values[i], static_cast<size_t>(accumulators_->width()));
    if (made->next != 0) accumulators_->Merge(node(made->next - 1)->accumulators(), made->accumulators(), nullptr);
    set_first_node(row, nodes_);
  }
}

void SuffixMerge::Enter(const NamespaceTable::Page& page, const SlicePages::Table& of) {
  table_->HashAll(page.keys, &hashes_);
  for (size_t i = 0; i < page.keys.size(); ++i) {
    std::byte* row = table_->row(table_->FindOrInsert(page.keys[i], hashes_[i]));
    if (of.kind == SlicePages::Kind::kText) {
      accumulators_->AddText(of.aggregate, page.texts[i], row, &arena_);
    } else {
      accumulators_->Merge(page.values[i], row, nullptr);
      row[width_ + sizeof(uint32_t)] = std::byte{1};
    }
  }
}

bool SuffixMerge::Emit(Page* page) {
  page->arena = &arena_;
  scratch_.resize(Batch::kMaxRows * width_);
  for (; emitted_ < table_->size() && page->keys.size() < Batch::kMaxRows; ++emitted_) {
    const auto entry = static_cast<uint32_t>(emitted_);
    const std::byte* row = table_->row(entry);
    const uint32_t first = first_node(row);
    if ((first == 0 && !in_newer(row)) || IsStale(table_->key(entry))) continue;
    if (first != 0) {
      const std::byte* older = node(first - 1)->accumulators();
      if (in_newer(row)) {
        std::byte* both = scratch_.data() + page->keys.size() * width_;
        std::memcpy(both, older, width_);
        accumulators_->Merge(row, both, nullptr);
        row = both;
      } else {
        row = older;
      }
    }
    page->keys.push_back(table_->key(entry));
    page->rows.push_back(row);
  }
  return emitted_ < table_->size();
}

absl::StatusOr<bool> SuffixMerge::EmitStale(Page* page) {
  picked_keys_.clear();
  for (; next_stale_ != stale_.end() && picked_keys_.size() < Batch::kMaxRows; ++next_stale_) {
    picked_keys_.push_back(*next_stale_);
  }
  RETURN_IF_ERROR(picked_.Merge(picked_keys_, window_end_ - math_.size, window_end_));
  for (size_t i = 0; i < picked_keys_.size(); ++i) {
    if (picked_.slices(i) == 0) continue;
    page->keys.push_back(picked_keys_[i]);
    page->rows.push_back(picked_.row(i));
  }
  page->arena = &picked_.arena();
  return next_stale_ != stale_.end();
}

}  // namespace weir::taskmanager
