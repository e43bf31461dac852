#include "taskmanager/state/entry_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

namespace weir::taskmanager {
namespace {

// Of addresses there are enough: the larger the range, the less often pages move.
constexpr size_t kReservedTimes = 8;
constexpr size_t kSmall = 64 << 10, kMedium = 256 << 10;

size_t UpTo(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// A range of addresses that begins with a huge page; null if there is none.
std::byte* Reserve(size_t bytes) {
  void* p = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(p);
  const size_t before = UpTo(reinterpret_cast<uintptr_t>(begin), kHugePage) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) ::munmap(begin, before);
  if (before < kHugePage) ::munmap(begin + before + bytes, kHugePage - before);
  return begin + before;
}

}  // namespace

EntryMemory AllocateEntries(size_t bytes) {
  if (bytes < kHugePage) {
    // On a cache line, so that rows that are a part of one lie in one.
    void* p = std::aligned_alloc(kCacheLine, UpTo(bytes, kCacheLine));
    if (p == nullptr) throw std::bad_alloc();
    return EntryMemory(static_cast<std::byte*>(p));
  }
  bytes = UpTo(bytes, kHugePage);
  void* p = std::aligned_alloc(kHugePage, bytes);
  if (p == nullptr) throw std::bad_alloc();
  // A wish: where the system has no such pages, small ones do.
  (void)::madvise(p, bytes, MADV_HUGEPAGE);
  return EntryMemory(static_cast<std::byte*>(p));
}

void RowMemory::Grow(size_t bytes) {
  if (bytes <= size_) return;
  if (bytes > kHugePage) {
    const size_t size = UpTo(bytes, kHugePage);
    if (size > reserved_) Map(size);
    size_ = size;
    return;
  }
  // Many tables are small: they begin with little, and of larger ones not much is free.
  const size_t next = size_ < kSmall ? size_ * 4 : size_ < kMedium ? size_ / 2 * 3 : size_ / 4 * 5;
  const size_t larger = UpTo(std::clamp(next, bytes, kHugePage), kCacheLine);
  EntryMemory memory = AllocateEntries(larger);
  if (size_ > 0) std::memcpy(memory.get(), at_, size_);
  Free();
  at_ = memory.release();
  size_ = larger;
}

void RowMemory::Map(size_t bytes) {
  size_t reserved = bytes * kReservedTimes;
  std::byte* range = Reserve(reserved);
  if (range == nullptr) {
    // A system that counts addresses as memory.
    reserved = UpTo(bytes / 4 * 5, kHugePage);
    range = Reserve(reserved);
  }
  // All of the range, so that it stays one for the system, which moves no part of two.
  const bool moved = mapped() && range != nullptr &&
                     ::mremap(at_, reserved_, reserved, MREMAP_MAYMOVE | MREMAP_FIXED, range) == range;
  // A failed move may have unmapped where it was to go.
  if (mapped() && !moved) range = Reserve(reserved);
  if (range == nullptr) throw std::bad_alloc();
  if (!moved) {
    if (size_ > 0) std::memcpy(range, at_, size_);
    Free();
  }
  // A wish: where the system has no such pages, small ones do.
  (void)::madvise(range, reserved, MADV_HUGEPAGE);
  at_ = range;
  reserved_ = reserved;
}

void RowMemory::GiveBackBefore(size_t end) {
  end = end / kHugePage * kHugePage;
  if (mapped() && end > 0) (void)::madvise(at_, end, MADV_DONTNEED);
}

void RowMemory::Free() {
  if (mapped()) {
    ::munmap(at_, reserved_);
  } else {
    std::free(at_);
  }
  at_ = nullptr;
  size_ = reserved_ = 0;
}

}  // namespace weir::taskmanager
