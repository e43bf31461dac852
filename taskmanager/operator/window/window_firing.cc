#include "taskmanager/operator/window/window_firing.h"

#include "common/base/bytes.h"
#include "common/base/status_macros.h"
#include "taskmanager/operator/window/running_merge.h"
#include "taskmanager/operator/window/suffix_merge.h"

namespace weir::taskmanager {

void WindowFiring::Open(const OperatorContext& context, const Accumulators* accumulators, WindowState* state,
                        WindowMath math) {
  results_.Open(context, accumulators);
  accumulators_ = accumulators;
  state_ = state;
  math_ = math;
  pages_.Open(state);
  picked_.Open(accumulators, state, math);
  for (int a = 0; a < accumulators->size(); ++a) {
    has_texts_ |= accumulators->kind(a) == Accumulators::Kind::kMinMaxText;
    has_distinct_ |= accumulators->kind(a) == Accumulators::Kind::kDistinct;
  }
  if (math.slide >= math.size) return;
  // A few slices are merged as fast as they are kept.
  if (accumulators->invertible()) {
    if (math.size >= 3 * math.slice) sliding_ = std::make_unique<RunningMerge>(accumulators, state, math);
  } else if (accumulators->associative() && math.size > 2 * math.slide + math.slice) {
    sliding_ = std::make_unique<SuffixMerge>(accumulators, state, math, context.state);
  }
}

void WindowFiring::Begin(int64_t window_end, std::optional<std::set<std::string>> only) {
  active_ = true;
  window_end_ = window_end;
  only_ = std::move(only);
  pages_.Clear();
  if (only_ && !has_distinct_) {
    way_ = Way::kPicked;
    next_picked_ = only_->begin();
  } else if (!only_ && math_.tumbling() && !has_texts_) {
    way_ = Way::kDirect;
    pages_.Add(window_end, true);
  } else if (!only_ && sliding_ != nullptr && sliding_->Begin(window_end)) {
    way_ = Way::kSliding;
  } else {
    BeginMerge();
  }
}

absl::Status WindowFiring::Step(Output& output) {
  switch (way_) {
    case Way::kDirect: return StepDirect(output);
    case Way::kSliding: return StepSliding(output);
    case Way::kPicked: return StepPicked(output);
    case Way::kMerge: return StepMerge(output);
  }
  return absl::OkStatus();
}

absl::Status WindowFiring::StepDirect(Output& output) {
  if (pages_.done()) {
    active_ = false;
    return absl::OkStatus();
  }
  NamespaceTable::Page page;
  SlicePages::Table of;
  RETURN_IF_ERROR(pages_.Next(&page, &of));
  return EmitPage(page.keys, page.values, nullptr, output);
}

absl::Status WindowFiring::StepSliding(Output& output) {
  SlidingMerge::Page page;
  ASSIGN_OR_RETURN(const SlidingMerge::Result result, sliding_->Step(&page));
  if (result == SlidingMerge::Result::kGivenUp) {
    BeginMerge();
    return absl::OkStatus();
  }
  active_ = result == SlidingMerge::Result::kMore;
  return EmitPage(page.keys, page.rows, page.arena, output);
}

absl::Status WindowFiring::StepPicked(Output& output) {
  std::vector<std::string_view> keys, found;
  for (; next_picked_ != only_->end() && keys.size() < batch::Batch::kMaxRows; ++next_picked_) {
    keys.push_back(*next_picked_);
  }
  RETURN_IF_ERROR(picked_.Merge(keys, window_end_ - math_.size, window_end_));
  std::vector<const std::byte*> rows;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (picked_.slices(i) == 0) continue;
    found.push_back(keys[i]);
    rows.push_back(picked_.row(i));
  }
  active_ = next_picked_ != only_->end();
  return EmitPage(found, rows, &picked_.arena(), output);
}

void WindowFiring::BeginMerge() {
  way_ = Way::kMerge;
  pages_.Clear();
  for (int64_t slice = window_end_ - math_.size + math_.slice; slice <= window_end_; slice += math_.slice) {
    pages_.Add(slice);
  }
  emitted_ = 0;
  merged_ = std::make_unique<KeyTable>(accumulators_->width());
  distinct_.clear();
  for (int a = 0; a < accumulators_->size(); ++a) distinct_.push_back(std::make_unique<KeyTable>(0));
  arena_ = batch::StringArena();
}

absl::Status WindowFiring::MergePage() {
  NamespaceTable::Page page;
  SlicePages::Table of;
  RETURN_IF_ERROR(pages_.Next(&page, &of));
  for (size_t i = 0; i < page.keys.size(); ++i) {
    const std::string_view key = page.keys[i];
    if (only_ && !only_->contains(std::string(key))) continue;
    std::byte* row = merged_->row(merged_->FindOrInsert(key, batch::HashKey(key)));
    switch (of.kind) {
      case SlicePages::Kind::kMain:
        accumulators_->Merge(page.values[i], row, &arena_);
        break;
      case SlicePages::Kind::kText:
        accumulators_->AddText(of.aggregate, page.texts[i], row, &arena_);
        break;
      case SlicePages::Kind::kDistinct: {
        std::string pair;
        ByteWriter(&pair).PutBytes(key);
        pair.append(page.subkeys[i]);
        bool inserted;
        distinct_[of.aggregate]->FindOrInsert(pair, batch::HashKey(pair), &inserted);
        if (inserted) accumulators_->CountDistinct(of.aggregate, row);
        break;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status WindowFiring::StepMerge(Output& output) {
  if (!pages_.done()) return MergePage();
  std::vector<std::string_view> keys;
  std::vector<const std::byte*> rows;
  for (; emitted_ < merged_->size() && keys.size() < batch::Batch::kMaxRows; ++emitted_) {
    keys.push_back(merged_->key(static_cast<uint32_t>(emitted_)));
    rows.push_back(merged_->row(static_cast<uint32_t>(emitted_)));
  }
  RETURN_IF_ERROR(EmitPage(keys, rows, &arena_, output));
  if (emitted_ == merged_->size()) {
    active_ = false;
    merged_.reset();
    distinct_.clear();
  }
  return absl::OkStatus();
}

absl::Status WindowFiring::EmitPage(const std::vector<std::string_view>& keys,
                                    const std::vector<const std::byte*>& rows, const batch::StringArena* arena,
                                    Output& output) {
  return results_.Emit(keys, rows, {{window_end_ - math_.size}, {window_end_}}, arena, output);
}

}  // namespace weir::taskmanager
