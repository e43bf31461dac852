#pragma once

#include <string>
#include <vector>

#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/window_math.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// The tables of a window operator's keyed state, divided by slice.
///
/// Thread:  the task's thread.
/// Shape:   `main`: key -> row of accumulators. `texts[a]` for a string's minimum or maximum: key -> text. `distinct[a]`
///          for count(distinct): (key, value) -> nothing. Entries that the aggregate has no use for are null. Every key of
///          any of them is in `main` too. The main row's count of a distinct aggregate is kept for tumbling windows only:
///          counts of slices cannot be added.
struct WindowState {
  KeyedTable* main = nullptr;
  std::vector<KeyedTable*> texts;
  std::vector<KeyedTable*> distinct;

  absl::Status Open(KeyedState& state, const Accumulators& accumulators);
  void Drop(NamespaceId slice_end);
};

}  // namespace weir::taskmanager
