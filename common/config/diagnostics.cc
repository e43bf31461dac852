#include "common/config/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::config {
namespace {

/// Edits from `a` to `b`: insert, delete, replace, swap of neighbours (optimal string alignment,
/// Damerau 1964).
int Distance(std::string_view a, std::string_view b) {
  const size_t n = a.size(), m = b.size();
  std::vector<int> before_last(m + 1), last(m + 1), current(m + 1);
  for (size_t j = 0; j <= m; ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= n; ++i) {
    current[0] = static_cast<int>(i);
    for (size_t j = 1; j <= m; ++j) {
      current[j] =
          std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[m];
}

std::string Folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c != '_' && c != '-' && c != ' ') out.push_back(absl::ascii_tolower(c));
  }
  return out;
}

}  // namespace

void Diagnostics::ErrorAt(Location location, int64_t offset, std::string message) {
  Diagnostic diagnostic{location, offset, std::move(message)};
  if (std::find(errors_.begin(), errors_.end(), diagnostic) == errors_.end()) {
    errors_.push_back(std::move(diagnostic));
  }
}

absl::Status Diagnostics::ToStatus() const {
  if (ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrJoin(errors_, "\n", [](std::string* out, const Diagnostic& d) {
        if (d.location.line > 0)
          absl::StrAppend(out, d.location.line, ":", d.location.column, ": ");
        absl::StrAppend(out, d.message);
      }));
}

void Diagnostics::Sort() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.location.line, a.location.column, a.offset) <
           std::tie(b.location.line, b.location.column, b.offset);
  });
}

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongest =
      64;  // longer words are no slips of the finger, and the distance is quadratic
  if (word.empty() || word.size() > kLongest) return "";
  const std::string folded = Folded(word);
  std::string best;
  int best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate == word || candidate.empty() || candidate.size() > kLongest) continue;
    const std::string other = Folded(candidate);
    const int distance = folded == other ? 0 : Distance(folded, other);
    const int allowed =
        std::max<int>(1, static_cast<int>(std::max(folded.size(), other.size())) / 3);
    if (distance > allowed || distance >= static_cast<int>(std::min(folded.size(), other.size())))
      continue;
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = Nearest(word, candidates);
  return near.empty() ? "" : absl::StrCat(" (did you mean `", near, "`?)");
}

}  // namespace weir::config
