#include "taskmanager/state/entry_memory.h"

#include <sys/mman.h>

#include <new>

namespace weir::taskmanager {

EntryMemory AllocateEntries(size_t bytes) {
  if (bytes < kHugePage) {
    // On a cache line, so that rows that are a part of one lie in one.
    void* p = std::aligned_alloc(kCacheLine, (bytes + kCacheLine - 1) / kCacheLine * kCacheLine);
    if (p == nullptr) throw std::bad_alloc();
    return EntryMemory(static_cast<std::byte*>(p));
  }
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* p = std::aligned_alloc(kHugePage, bytes);
  if (p == nullptr) throw std::bad_alloc();
  // A wish: where the system has no such pages, small ones do.
  (void)::madvise(p, bytes, MADV_HUGEPAGE);
  return EntryMemory(static_cast<std::byte*>(p));
}

}  // namespace weir::taskmanager
