#include "taskmanager/operator/window/window_state.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {

absl::Status WindowState::Open(KeyedState& state, const Accumulators& accumulators) {
  ASSIGN_OR_RETURN(main, state.OpenTable({"main", accumulators.width(), false}));
  for (int a = 0; a < accumulators.size(); ++a) {
    texts.push_back(nullptr);
    distinct.push_back(nullptr);
    if (accumulators.kind(a) == Accumulators::Kind::kMinMaxText) {
      ASSIGN_OR_RETURN(texts.back(), state.OpenTable({absl::StrCat("text", a), 0, true}));
    } else if (accumulators.kind(a) == Accumulators::Kind::kDistinct) {
      ASSIGN_OR_RETURN(distinct.back(), state.OpenTable({absl::StrCat("distinct", a), 0, false}));
    }
  }
  return absl::OkStatus();
}

void WindowState::Drop(NamespaceId slice_end) {
  main->Drop(slice_end);
  for (KeyedTable* table : texts) {
    if (table != nullptr) table->Drop(slice_end);
  }
  for (KeyedTable* table : distinct) {
    if (table != nullptr) table->Drop(slice_end);
  }
}

}  // namespace weir::taskmanager
