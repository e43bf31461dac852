#include "taskmanager/operator/window/window_firing.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
void WindowFiring::Open(const OperatorContext& context, const Accumulators* accumulators, WindowState* state,
                        WindowMath math) {
  results_.Open(context, accumulators);
  accumulators_ = accumulators;
  state_ = state;
  math_ = math;
  // Fewer slices than three are merged as fast as they are kept.
  if (accumulators->invertible() && !state->HasSideTables() && math.slide < math.size && math.size >= 3 * math.slice) {
    running_ = std::make_unique<RunningMerge>(accumulators);
  }
}

void WindowFiring::Begin(int64_t window_end, std::optional<std::set<std::string>> only) {
  active_ = true;
  window_end_ = window_end;
  only_ = std::move(only);
  scans_.clear();
  scan_ = 0;
  cursor_ = 0;
  emitted_ = 0;
  direct_ = math_.tumbling() && !only_ && std::all_of(state_->texts.begin(), state_->texts.end(),
                                                      [](const KeyedTable* table) { return table == nullptr; });
  run_ = running_ != nullptr && !only_;
  if (run_) return BeginRunning();
  for (int64_t slice = window_end - math_.size + math_.slice; slice <= window_end; slice += math_.slice) {
    if (NamespaceTable* table = state_->main->Find(slice)) scans_.push_back({table, Scan::Kind::kMain, 0});
    if (direct_) continue;
    for (int a = 0; a < accumulators_->size(); ++a) {
      if (state_->texts[a] != nullptr) {
        if (NamespaceTable* table = state_->texts[a]->Find(slice)) scans_.push_back({table, Scan::Kind::kText, a});
      }
      if (state_->distinct[a] != nullptr) {
        if (NamespaceTable* table = state_->distinct[a]->Find(slice)) {
          scans_.push_back({table, Scan::Kind::kDistinct, a});
        }
      }
    }
  }
  if (direct_) return;
  merged_ = std::make_unique<KeyTable>(accumulators_->width());
  distinct_.clear();
  for (int a = 0; a < accumulators_->size(); ++a) distinct_.push_back(std::make_unique<KeyTable>(0));
  arena_ = batch::StringArena();
}

void WindowFiring::ScanMain(int64_t from, int64_t to) {
  scans_.clear();
  scan_ = 0;
  cursor_ = 0;
  for (int64_t slice = from + math_.slice; slice <= to; slice += math_.slice) {
    if (NamespaceTable* table = state_->main->Find(slice)) scans_.push_back({table, Scan::Kind::kMain, 0});
  }
}

void WindowFiring::BeginRunning() {
  const int64_t begin = window_end_ - math_.size;
  // What was to leave has left: goes on only from the window right before, or one that had the same beginning.
  if (running_->from() != begin || running_->to() <= begin || running_->to() > window_end_) {
    running_->Reset();
    running_->set_range(begin, begin);
  }
  ScanMain(running_->to(), window_end_);
  phase_ = Phase::kEnter;
}

absl::Status WindowFiring::StepRunning(Output& output) {
  if (phase_ == Phase::kEmit) {
    std::vector<std::string_view> keys;
    std::vector<const std::byte*> rows;
    const bool more = running_->Page(&emitted_, batch::Batch::kMaxRows, &keys, &rows);
    RETURN_IF_ERROR(EmitPage(keys, rows, nullptr, output));
    if (more) return absl::OkStatus();
    // Now, while the slices that leave are still there.
    ScanMain(window_end_ - math_.size, window_end_ - math_.size + math_.slide);
    phase_ = Phase::kLeave;
    return absl::OkStatus();
  }
  if (phase_ == Phase::kCompact) {
    active_ = running_->Compact(batch::Batch::kMaxRows);
    return absl::OkStatus();
  }
  if (scan_ == scans_.size()) {
    if (phase_ == Phase::kEnter) {
      running_->set_range(window_end_ - math_.size, window_end_);
      phase_ = Phase::kEmit;
    } else {
      running_->set_range(window_end_ - math_.size + math_.slide, window_end_);
      phase_ = Phase::kCompact;
    }
    return absl::OkStatus();
  }
  NamespaceTable::Page page;
  RETURN_IF_ERROR(scans_[scan_].table->Scan(&cursor_, batch::Batch::kMaxRows, &page));
  if (phase_ == Phase::kEnter) {
    running_->Add(page.keys, page.values);
  } else if (!running_->Remove(page.keys, page.values)) {
    running_->Reset();
    active_ = false;
    return absl::OkStatus();
  }
  if (page.last) ++scan_, cursor_ = 0;
  return absl::OkStatus();
}

absl::Status WindowFiring::MergePage() {
  const Scan& scan = scans_[scan_];
  NamespaceTable::Page page;
  RETURN_IF_ERROR(scan.table->Scan(&cursor_, batch::Batch::kMaxRows, &page));
  for (size_t i = 0; i < page.keys.size(); ++i) {
    const std::string_view key = page.keys[i];
    if (only_ && !only_->contains(std::string(key))) continue;
    std::byte* row = merged_->row(merged_->FindOrInsert(key, batch::HashKey(key)));
    switch (scan.kind) {
      case Scan::Kind::kMain:
        accumulators_->Merge(page.values[i], row, &arena_);
        break;
      case Scan::Kind::kText:
        accumulators_->AddText(scan.aggregate, page.texts[i], row, &arena_);
        break;
      case Scan::Kind::kDistinct: {
        std::string pair;
        ByteWriter(&pair).PutBytes(key);
        pair.append(page.subkeys[i]);
        bool inserted;
        distinct_[scan.aggregate]->FindOrInsert(pair, batch::HashKey(pair), &inserted);
        if (inserted) accumulators_->CountDistinct(scan.aggregate, row);
        break;
      }
    }
  }
  if (page.last) ++scan_, cursor_ = 0;
  return absl::OkStatus();
}

absl::Status WindowFiring::Step(Output& output) {
  if (run_) return StepRunning(output);
  if (direct_) {
    if (scan_ == scans_.size()) {
      active_ = false;
      return absl::OkStatus();
    }
    NamespaceTable::Page page;
    RETURN_IF_ERROR(scans_[scan_].table->Scan(&cursor_, batch::Batch::kMaxRows, &page));
    if (page.last) ++scan_, cursor_ = 0;
    return EmitPage(page.keys, page.values, nullptr, output);
  }
  if (scan_ < scans_.size()) return MergePage();
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
