#include "common/expression/repeats.h"

#include <cstring>
#include <functional>
#include <string>

namespace weir::expression {

namespace {

// Equal in all but the place.
bool SameLeaf(const Ast& a, const Ast& b) {
  return a.kind == b.kind && a.name == b.name && a.integer == b.integer &&
         std::memcmp(&a.real, &b.real, sizeof(a.real)) == 0 && a.decimal == b.decimal &&
         a.interval.months == b.interval.months && a.interval.micros == b.interval.micros && a.type == b.type &&
         a.args.size() == b.args.size();
}

bool Same(const Ast& a, const Ast& b) {
  if (&a == &b) return true;
  if (!SameLeaf(a, b)) return false;
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!Same(*a.args[i], *b.args[i])) return false;
  }
  return true;
}

}  // namespace

Repeats::Repeats(const Ast& root) {
  Hash(root);
  Count(root);
}

uint64_t Repeats::Hash(const Ast& ast) {
  auto mix = [](uint64_t hash, uint64_t value) { return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29); };
  uint64_t hash = mix(static_cast<uint64_t>(ast.kind), std::hash<std::string>()(ast.name));
  hash = mix(hash, static_cast<uint64_t>(ast.integer) + static_cast<uint64_t>(ast.decimal));
  hash = mix(hash, static_cast<uint64_t>(ast.type.kind));
  for (const AstPtr& arg : ast.args) hash = mix(hash, Hash(*arg));
  hashes_[&ast] = hash;
  return hash;
}

void Repeats::Count(const Ast& ast) {
  if (ast.kind == AstKind::kCall) {
    const auto [begin, end] = by_hash_.equal_range(hashes_[&ast]);
    for (auto it = begin; it != end; ++it) {
      Group& group = groups_[static_cast<size_t>(it->second)];
      if (!Same(*group.first, ast)) continue;
      ++group.occurrences;
      group_of_[&ast] = it->second;
      return;
    }
    by_hash_.emplace(hashes_[&ast], count());
    group_of_[&ast] = count();
    groups_.push_back({&ast, 1});
  }
  for (const AstPtr& arg : ast.args) Count(*arg);
}

int Repeats::Find(const Ast& ast) const {
  const auto found = group_of_.find(&ast);
  if (found == group_of_.end() || groups_[static_cast<size_t>(found->second)].occurrences < 2) return -1;
  return found->second;
}

}  // namespace weir::expression
