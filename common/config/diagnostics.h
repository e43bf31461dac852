#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/config/value.h"

namespace weir::config {

/// One thing that is wrong in a document.
struct Diagnostic {
  Location location;
  /// Byte of the scalar that begins at `location` which the message is about (an expression's
  /// column); -1: the whole.
  int64_t offset = -1;
  std::string message;  // one line, without a full stop
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Collects everything that is wrong, so that the user sees it in one go. Thread: confined.
class Diagnostics {
 public:
  /// Reports once: the same message at the same place is not repeated.
  void Error(Location location, std::string message) { ErrorAt(location, -1, std::move(message)); }
  void ErrorAt(Location location, int64_t offset, std::string message);

  bool ok() const { return errors_.empty(); }
  const std::vector<Diagnostic>& errors() const { return errors_; }
  /// kInvalidArgument with all messages (`LINE:COLUMN: MESSAGE`, one a line); OK when there are
  /// none.
  absl::Status ToStatus() const;
  /// In the order of the document.
  void Sort();

 private:
  std::vector<Diagnostic> errors_;
};

/// The candidate that is nearest to `word`, near enough to be a slip; empty when none is.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);
/// ` (did you mean `x`?)` or nothing.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace weir::config
