#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>

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

/// Memory for the rows of a table, in one piece that grows: a row's address follows from its number.
///
/// Thread:  confined.
/// Shape:   as AllocateEntries' while it is small; then a range of addresses that is larger than what is used of it. Growing
///          moves the pages and not their contents.
class RowMemory {
 public:
  RowMemory() = default;
  RowMemory(RowMemory&& other) noexcept { Swap(other); }
  RowMemory& operator=(RowMemory&& other) noexcept {
    RowMemory(std::move(other)).Swap(*this);
    return *this;
  }
  ~RowMemory() { Free(); }

  std::byte* at() const { return at_; }
  /// Bytes there are, and that it takes.
  size_t size() const { return size_; }
  /// Room for so many bytes, or somewhat more; those that were there move with their contents.
  void Grow(size_t bytes);
  /// The contents before `end` will not be used any more.
  void GiveBackBefore(size_t end);

 private:
  bool mapped() const { return reserved_ > 0; }
  void Map(size_t bytes);
  void Free();
  void Swap(RowMemory& other) {
    std::swap(at_, other.at_);
    std::swap(size_, other.size_);
    std::swap(reserved_, other.reserved_);
  }

  std::byte* at_ = nullptr;
  size_t size_ = 0;
  size_t reserved_ = 0;  // addresses; 0: it is not mapped
};

}  // namespace weir::taskmanager
