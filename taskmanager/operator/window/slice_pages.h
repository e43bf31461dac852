#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// The entries of some slices, table by table, a page a call.
///
/// Thread:  the task's thread. State must not change, nor be looked up, until it is done.
class SlicePages {
 public:
  void Open(WindowState* state) { state_ = state; }

  enum class Kind { kMain, kText, kDistinct };
  struct Table {
    NamespaceTable* entries;
    Kind kind;
    int aggregate;  // not of kMain
    int64_t slice_end;
  };

  void Clear();
  /// `main` and then the others: every key comes in `main` first. `main_only`: nothing else.
  void Add(int64_t slice_end, bool main_only = false);
  bool done() const { return next_ == tables_.size(); }
  /// Not when done. Views hold until the next call.
  absl::Status Next(NamespaceTable::Page* page, Table* of);

 private:
  WindowState* state_ = nullptr;
  std::vector<Table> tables_;
  size_t next_ = 0;
  uint64_t cursor_ = 0;
};

}  // namespace weir::taskmanager
