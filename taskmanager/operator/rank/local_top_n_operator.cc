#include "taskmanager/operator/rank/local_top_n_operator.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// What is remembered of all windows; more, and all is forgotten: rows pass that need not, no more.
constexpr size_t kMaxBytes = size_t{8} << 20;
/// A larger limit is not sifted: remembering it costs as much as the rows.
constexpr int64_t kMaxLimit = 1024;
/// Rows over which it is judged whether sifting pays, and rows let through before it is tried again.
constexpr int64_t kSampleRows = 100'000;
constexpr int64_t kPassRows = 2'000'000;

/// Whether a row of that order may pass; if so it is remembered. `entry`: count, then a heap.
bool Admit(uint64_t prefix, uint64_t limit, uint64_t* entry) {
  uint64_t* const heap = entry + 1;
  if (entry[0] < limit) {
    heap[entry[0]++] = prefix;
    std::push_heap(heap, heap + entry[0]);
    return true;
  }
  if (prefix > heap[0]) return false;
  if (prefix == heap[0]) return true;  // may be before it by the rest of its order, or tie with it
  if (limit == 1) {
    heap[0] = prefix;
    return true;
  }
  std::pop_heap(heap, heap + limit);
  heap[limit - 1] = prefix;
  std::push_heap(heap, heap + limit);
  return true;
}

}  // namespace

absl::Status LocalTopNOperator::Open(const OperatorContext& context) {
  context_ = context;
  spec_ = &*context.plan->top_n;
  input_.Open(context, spec_->keys, spec_->order);
  windows_.Open(*spec_);
  order_bytes_.emplace(MakeOrderBytes(spec_->order));
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

void LocalTopNOperator::Judge(int64_t rows_in, int64_t rows_out) {
  sample_in_ += rows_in;
  sample_out_ += rows_out;
  if (passing_ ? sample_in_ < kPassRows : sample_in_ < kSampleRows) return;
  passing_ = !passing_ && sample_out_ * 2 > sample_in_;
  sample_in_ = sample_out_ = 0;
  if (passing_) seen_.clear();
}

void LocalTopNOperator::Sift(const RankWindow& window) {
  if (window.end <= watermark_) {  // the receiver decides what is late
    passed_.insert(passed_.end(), window.rows.begin(), window.rows.end());
    return;
  }
  const auto limit = static_cast<uint64_t>(spec_->limit);
  KeyTable& seen = seen_.try_emplace(window.end, static_cast<int>(8 * (limit + 1))).first->second;
  const size_t probes = input_.keyed() ? window.rows.size() : 1;
  entries_.resize(probes);
  seen.FindOrInsert(input_.keys(), window.rows.data(), static_cast<int64_t>(probes), entries_.data());
  if (!input_.keyed()) {
    auto* entry = reinterpret_cast<uint64_t*>(seen.row(entries_[0]));
    for (const uint32_t row : window.rows) {
      if (Admit(prefixes_[row], limit, entry)) passed_.push_back(row);
    }
    return;
  }
  for (size_t i = 0; i < probes; ++i) {
    const uint32_t row = window.rows[i];
    if (Admit(prefixes_[row], limit, reinterpret_cast<uint64_t*>(seen.row(entries_[i])))) passed_.push_back(row);
  }
}

absl::Status LocalTopNOperator::Process(batch::Batch batch, Output& output) {
  if (passing_ || spec_->limit > kMaxLimit) {
    Judge(batch.rows, batch.rows);
    return output.Emit(kMainPort, std::move(batch));
  }
  RETURN_IF_ERROR(input_.Load(batch, output));
  windows_.Divide(batch, input_.rows());
  order_bytes_->Prefixes(input_.order(), batch.rows, &prefixes_);
  passed_.clear();
  size_t bytes = 0;
  for (size_t w = 0; w < windows_.size(); ++w) Sift(windows_[w]);
  for (const auto& [end, table] : seen_) bytes += table.bytes();
  if (bytes > kMaxBytes) seen_.clear();
  if (windows_.size() > 1) std::sort(passed_.begin(), passed_.end());
  const auto count = static_cast<int64_t>(passed_.size());
  Judge(batch.rows, count);
  if (count == 0) return absl::OkStatus();
  return output.Emit(kMainPort, count == batch.rows ? std::move(batch) : batch.Gather(passed_.data(), count));
}

absl::StatusOr<Progress> LocalTopNOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  watermark_ = std::max(watermark_, watermark);
  seen_.erase(seen_.begin(), seen_.upper_bound(watermark_));
  return Progress::kDone;
}

}  // namespace weir::taskmanager
