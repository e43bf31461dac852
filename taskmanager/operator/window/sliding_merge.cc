#include "taskmanager/operator/window/sliding_merge.h"

#include <algorithm>

namespace weir::taskmanager {
namespace {
// One in so many keys may be stale: looking one up costs as many steps as there are slices.
constexpr int64_t kStaleShare = 16;
constexpr int64_t kFew = 16;
}  // namespace

SlidingMerge::SlidingMerge(const Accumulators* accumulators, WindowState* state, WindowMath math)
    : accumulators_(accumulators), state_(state), math_(math) {
  picked_.Open(accumulators, state, math);
  pages_.Open(state);
}

void SlidingMerge::Reset() {
  from_ = to_ = 0;
  stale_.clear();
}

void SlidingMerge::OnChanged(int64_t slice_end, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows) {
  if (slice_end <= from_ || slice_end > to_) return;
  const int64_t most = std::max(kFew, this->keys() / kStaleShare);
  for (const uint32_t row : rows) {
    if (!IsStale(keys.key(row))) stale_.emplace(keys.key(row));
    if (static_cast<int64_t>(stale_.size()) > most) return Reset();
  }
}

}  // namespace weir::taskmanager
