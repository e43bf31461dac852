#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "common/expression/ast.h"

namespace weir::expression {

/// Which calls of an expression are written more than once, so that their value can be computed once.
/// Thread: immutable. The syntax tree must stay alive.
class Repeats {
 public:
  Repeats() = default;
  explicit Repeats(const Ast& root);

  /// The number, in [0, count()), of the calls equal to `ast`; -1: it stands alone. What lies inside of a second
  /// occurrence is not looked at.
  int Find(const Ast& ast) const;
  int count() const { return static_cast<int>(groups_.size()); }

 private:
  struct Group {
    const Ast* first = nullptr;
    int occurrences = 0;
  };
  uint64_t Hash(const Ast& ast);
  void Count(const Ast& ast);

  std::unordered_map<const Ast*, uint64_t> hashes_;
  std::unordered_multimap<uint64_t, int> by_hash_;
  std::unordered_map<const Ast*, int> group_of_;
  std::vector<Group> groups_;
};

}  // namespace weir::expression
