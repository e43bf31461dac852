#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace weir::taskmanager {

struct FreeMemory {
  void operator()(void* p) const { std::free(p); }
};
using EntryMemory = std::unique_ptr<std::byte, FreeMemory>;

/// Memory for rows and cells, with unset contents, from the beginning of a cache line. From kHugePage on it is asked of
/// the system in huge pages: state is probed at random, and with small pages the walk through the page table costs more
/// than the access.
/// Thread:  any.
EntryMemory AllocateEntries(size_t bytes);
inline constexpr size_t kHugePage = size_t{2} << 20;
inline constexpr size_t kCacheLine = 64;

}  // namespace weir::taskmanager
