#include "taskmanager/operator/window/window_aggregate_operator.h"

#include <algorithm>
#include <numeric>

#include "common/base/known_bug.h"
#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"

namespace weir::taskmanager {
namespace {

// Of so many keys the rows are found, then changed: the processor still knows their pages then. Of a whole batch it does not, and
// a second walk through the page tables costs as much as a cache miss.
constexpr size_t kPieceRows = 512;

}  // namespace

absl::Status WindowAggregateOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::WindowSpec& window = *context.plan->window;
  math_ = {window.size, window.slide, window.slice, window.allowed_lateness};
  accumulators_ = std::make_unique<Accumulators>(window.aggregates);
  key_count_ = static_cast<int>(window.keys.size());
  RETURN_IF_ERROR(state_.Open(*context.state, *accumulators_));
  firing_.Open(context, accumulators_.get(), &state_, math_);
  if (!window.partial) rows_.Open(context);
  new_values_.resize(window.aggregates.size());
  int column = key_count_ + 1;
  for (const plan::Aggregate& aggregate : window.aggregates) {
    partial_columns_.push_back(column);
    column += static_cast<int>(aggregate.partials.size());
  }
  processing_time_ = window.processing_time;
  watermark_ = processing_time_ || WEIR_KNOWN_BUG("window-fired-again") ? batch::kMinTimestamp
                                                                        : context.restored_watermark;
  if (processing_time_) {
    RETURN_IF_ERROR(fired_times_.Open(context));
    watermark_ = fired_times_.latest();
    RETURN_IF_ERROR(fired_times_.FindMissed(*state_.main, math_));
  }
  for (const NamespaceId slice : state_.main->Namespaces()) Touch(slice);
  if (processing_time_) SetTimer();
  return absl::OkStatus();
}

void WindowAggregateOperator::Touch(int64_t slice_end) {
  int64_t first = math_.FirstWindowEnd(slice_end);
  if (first <= watermark_) first = math_.NextWindowEnd(watermark_);
  if (first > math_.LastWindowEnd(slice_end) || first >= next_fire_) return;
  next_fire_ = first;
  if (processing_time_) SetTimer();
}

void WindowAggregateOperator::SetTimer() {
  const SteadyMicros now = context_.clock->Steady();
  if (!fired_times_.missed().empty()) {
    timer_ = now;
    return;
  }
  timer_ = next_fire_ == batch::kMaxTimestamp ? 0 : now + std::max<int64_t>(0, next_fire_ - context_.clock->Wall());
}

absl::Status WindowAggregateOperator::Process(batch::Batch batch, Output& output) {
  if (context_.plan->window->partial) return ProcessPartials(batch, output);
  // The machine's time may be set back: what has fired stays closed.
  RETURN_IF_ERROR(processing_time_ ? rows_.Load(batch, output, std::max(context_.clock->Wall(), watermark_))
                                   : rows_.Load(batch, output));
  for (size_t s = 0; s < rows_.slice_count(); ++s) {
    const WindowRows::SliceRows& part = rows_.slices()[s];
    if (math_.IsClosed(part.slice_end, watermark_)) {
      RETURN_IF_ERROR(EmitLateRows(context_, batch, part.rows, output));
      continue;
    }
    RETURN_IF_ERROR(UpdateRows(batch, part));
    RETURN_IF_ERROR(FireAgain(part.slice_end, rows_.keys(), part.rows, output));
  }
  return absl::OkStatus();
}

absl::Status WindowAggregateOperator::UpdateRows(const batch::Batch& batch, const WindowRows::SliceRows& part) {
  // The main table comes last: another table's FindOrInsert may evict, which moves the rows pointed to.
  for (int a = 0; a < accumulators_->size(); ++a) {
    if (state_.distinct[a] != nullptr) RETURN_IF_ERROR(UpdateDistinct(a, part.slice_end, part.rows));
    if (state_.texts[a] != nullptr) {
      RETURN_IF_ERROR(
          UpdateTexts(a, part.slice_end, rows_.keys(), *rows_.argument(a), rows_.filter(a), part.rows));
    }
  }
  std::vector<size_t> next_new(static_cast<size_t>(accumulators_->size()));  // of new_values_[a]
  RETURN_IF_ERROR(ForTargets(part.slice_end, rows_.keys(), part.rows, [&](size_t first, int64_t count) {
    for (int a = 0; a < accumulators_->size(); ++a) {
      if (state_.distinct[a] != nullptr && math_.tumbling()) {
        for (size_t& n = next_new[a]; n < new_values_[a].size() && new_values_[a][n] < first + static_cast<size_t>(count); ++n) {
          accumulators_->CountDistinct(a, targets_[new_values_[a][n] - first]);
        }
      } else if (state_.texts[a] == nullptr && state_.distinct[a] == nullptr) {
        accumulators_->AddRows(a, rows_.argument(a), rows_.filter(a), part.rows.data() + first, count, targets_.data(), nullptr);
      }
    }
  }));
  Touch(part.slice_end);
  return absl::OkStatus();
}

template <typename Add>
absl::Status WindowAggregateOperator::ForTargets(int64_t slice_end, const batch::KeyBatch& keys,
                                                 const std::vector<uint32_t>& rows, Add add) {
  firing_.OnChanged(slice_end, keys, rows);
  NamespaceTable& table = state_.main->Open(slice_end);
  slots_.resize(std::min(rows.size(), kPieceRows));
  targets_.resize(slots_.size());
  for (size_t first = 0; first < rows.size(); first += kPieceRows) {
    const auto count = static_cast<int64_t>(std::min(rows.size() - first, kPieceRows));
    RETURN_IF_ERROR(table.FindOrInsert(keys, nullptr, rows.data() + first, count, slots_.data(), nullptr));
    table.Values(slots_.data(), count, targets_.data());
    add(first, count);
  }
  return absl::OkStatus();
}

absl::Status WindowAggregateOperator::UpdateDistinct(int a, int64_t slice_end, const std::vector<uint32_t>& rows) {
  const batch::Column& values = *rows_.argument(a);
  const uint8_t* filter = rows_.filter(a);
  new_values_[a].clear();
  std::vector<uint32_t> counted, places;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if ((filter != nullptr && filter[rows[i]] == 0) || values.IsNull(rows[i])) continue;
    counted.push_back(rows[i]);
    places.push_back(i);
  }
  if (counted.empty()) return absl::OkStatus();
  batch::Batch value_batch;
  value_batch.rows = static_cast<int64_t>(rows_.keys().rows());
  value_batch.columns.push_back(values);
  batch::MakeKeys(value_batch, {0}, &keys_);
  std::vector<uint32_t> slots(counted.size());
  std::vector<uint8_t> inserted(counted.size());
  RETURN_IF_ERROR(state_.distinct[a]->Open(slice_end).FindOrInsert(rows_.keys(), &keys_, counted.data(),
                                                                  static_cast<int64_t>(counted.size()), slots.data(),
                                                                  inserted.data()));
  for (size_t i = 0; i < counted.size(); ++i) {
    if (inserted[i] != 0) new_values_[a].push_back(places[i]);
  }
  return absl::OkStatus();
}

absl::Status WindowAggregateOperator::UpdateTexts(int a, int64_t slice_end, const batch::KeyBatch& keys,
                                                  const batch::Column& values, const uint8_t* filter,
                                                  const std::vector<uint32_t>& rows) {
  std::vector<uint32_t> counted;
  for (const uint32_t row : rows) {
    if ((filter == nullptr || filter[row] != 0) && !values.IsNull(row)) counted.push_back(row);
  }
  if (counted.empty()) return absl::OkStatus();
  NamespaceTable& table = state_.texts[a]->Open(slice_end);
  std::vector<uint32_t> slots(counted.size());
  std::vector<uint8_t> inserted(counted.size());
  RETURN_IF_ERROR(table.FindOrInsert(keys, nullptr, counted.data(), static_cast<int64_t>(counted.size()), slots.data(),
                                     inserted.data()));
  for (size_t i = 0; i < counted.size(); ++i) {
    const std::string_view text = values.text(counted[i]);
    if (inserted[i] != 0 || accumulators_->Better(a, text, table.text(slots[i]))) table.set_text(slots[i], text);
  }
  return absl::OkStatus();
}

absl::Status WindowAggregateOperator::ProcessPartials(const batch::Batch& batch, Output& output) {
  std::vector<int> key_columns(key_count_);
  std::iota(key_columns.begin(), key_columns.end(), 0);
  batch::MakeKeys(batch, key_columns, &keys_);
  const batch::Column& ends = batch.columns[key_count_];
  size_t used = 0;
  WindowRows::SliceRows* current = nullptr;
  for (uint32_t i = 0; i < batch.rows; ++i) {
    const int64_t end = ends.at<int64_t>(i);
    if (current == nullptr || current->slice_end != end) {
      current = nullptr;
      for (size_t s = 0; s < used; ++s) {
        if (partial_slices_[s].slice_end == end) current = &partial_slices_[s];
      }
      if (current == nullptr) {
        if (used == partial_slices_.size()) partial_slices_.emplace_back();
        current = &partial_slices_[used++];
        current->slice_end = end;
        current->rows.clear();
      }
    }
    current->rows.push_back(i);
  }
  for (size_t s = 0; s < used; ++s) {
    const WindowRows::SliceRows& part = partial_slices_[s];
    const auto count = static_cast<int64_t>(part.rows.size());
    if (math_.IsClosed(part.slice_end, watermark_)) {
      // The plan aggregates locally only where nobody reads the late port: they are counted.
      context_.counters->late_rows += count;
      continue;
    }
    // Texts first, as in UpdateRows.
    for (int a = 0; a < accumulators_->size(); ++a) {
      if (state_.texts[a] == nullptr) continue;
      RETURN_IF_ERROR(UpdateTexts(a, part.slice_end, keys_, batch.columns[partial_columns_[a]], nullptr, part.rows));
    }
    RETURN_IF_ERROR(ForTargets(part.slice_end, keys_, part.rows, [&](size_t first, int64_t piece) {
      for (int a = 0; a < accumulators_->size(); ++a) {
        if (state_.texts[a] != nullptr) continue;
        accumulators_->AddPartials(a, &batch.columns[partial_columns_[a]], part.rows.data() + first, piece, targets_.data(),
                                   nullptr);
      }
    }));
    Touch(part.slice_end);
    RETURN_IF_ERROR(FireAgain(part.slice_end, keys_, part.rows, output));
  }
  return absl::OkStatus();
}

absl::Status WindowAggregateOperator::FireAgain(int64_t slice_end, const batch::KeyBatch& keys,
                                                const std::vector<uint32_t>& rows, Output& output) {
  if (math_.FirstWindowEnd(slice_end) > watermark_) return absl::OkStatus();
  std::set<std::string> changed;
  for (const uint32_t row : rows) changed.emplace(keys.key(row));
  for (int64_t end = math_.FirstWindowEnd(slice_end); end <= std::min(math_.LastWindowEnd(slice_end), watermark_);
       end += math_.slide) {
    if (end + math_.lateness <= watermark_) continue;
    firing_.Begin(end, changed);
    while (firing_.active()) RETURN_IF_ERROR(firing_.Step(output));
  }
  return absl::OkStatus();
}

void WindowAggregateOperator::PlanFiring(int64_t watermark) {
  std::set<int64_t> ends;
  for (const NamespaceId slice : state_.main->Namespaces()) {
    const int64_t last = std::min(math_.LastWindowEnd(slice), watermark);
    for (int64_t end = math_.FirstWindowEnd(slice); end <= last; end += math_.slide) {
      if (end > watermark_) ends.insert(end);
    }
  }
  to_fire_.assign(ends.rbegin(), ends.rend());
}

void WindowAggregateOperator::Close(NamespaceId slice) {
  if (!WEIR_KNOWN_BUG("window-fired-again")) state_.Drop(slice);
}

absl::StatusOr<Progress> WindowAggregateOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  // The end of the input closes windows of processing time, too: nothing more comes for them.
  if (processing_time_ && watermark != batch::kMaxTimestamp) return Progress::kDone;
  RETURN_IF_ERROR(FireMissed(output));
  return FireUpTo(watermark, output);
}

absl::Status WindowAggregateOperator::FireMissed(Output& output) {
  for (const auto& [end, keys] : fired_times_.missed()) {
    firing_.Begin(end, keys);
    while (firing_.active()) RETURN_IF_ERROR(firing_.Step(output));
  }
  fired_times_.ForgetMissed();
  return absl::OkStatus();
}

absl::StatusOr<Progress> WindowAggregateOperator::OnTimer(SteadyMicros, Output& output) {
  RETURN_IF_ERROR(FireMissed(output));
  if (!firing_planned_) firing_to_ = context_.clock->Wall();
  ASSIGN_OR_RETURN(const Progress progress, FireUpTo(firing_to_, output));
  if (progress == Progress::kDone) SetTimer();
  return progress;
}

absl::StatusOr<Progress> WindowAggregateOperator::FireUpTo(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  if (!firing_planned_) {
    if (watermark < next_fire_ && math_.lateness == 0) {
      watermark_ = watermark;
      return Progress::kDone;
    }
    PlanFiring(watermark);
    firing_planned_ = true;
  }
  if (firing_.active()) {
    RETURN_IF_ERROR(firing_.Step(output));
    if (firing_.active()) return Progress::kMore;
    for (const NamespaceId slice : state_.main->Namespaces()) {
      if (slice > firing_.window_end()) break;
      if (math_.LastWindowEnd(slice) <= firing_.window_end() && math_.IsClosed(slice, watermark)) Close(slice);
    }
  }
  if (!to_fire_.empty()) {
    firing_.Begin(to_fire_.back());
    to_fire_.pop_back();
    return Progress::kMore;
  }
  firing_planned_ = false;
  watermark_ = watermark;
  next_fire_ = batch::kMaxTimestamp;
  for (const NamespaceId slice : state_.main->Namespaces()) {
    if (math_.IsClosed(slice, watermark)) {
      Close(slice);
    } else {
      Touch(slice);
    }
  }
  return Progress::kDone;
}

absl::StatusOr<Progress> WindowAggregateOperator::Drain(Output& output) {
  RETURN_IF_ERROR(FireMissed(output));  // the snapshot says that they have fired
  return Progress::kDone;
}

absl::StatusOr<std::unique_ptr<AsyncSnapshot>> WindowAggregateOperator::Snapshot(CheckpointId checkpoint) {
  ASSIGN_OR_RETURN(auto snapshot, KeyedOperator::Snapshot(checkpoint));
  return processing_time_ ? FiredTimes::Keep(watermark_, std::move(snapshot)) : std::move(snapshot);
}

}  // namespace weir::taskmanager
