#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::expression {

/// `; did you mean `x`?` for the candidate nearest to `word` (case ignored), or nothing when none
/// is near.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace weir::expression
