#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::batch {

/// Bytes shared by reference count, 64-byte aligned, with 64 readable bytes behind the end (simdjson's padding).
/// Not zeroed. Thread: immutable once shared; before that confined to its maker.
class Buffer {
 public:
  static constexpr size_t kPadding = 64;

  static std::shared_ptr<Buffer> Allocate(size_t size);
  /// Keeps `owner` alive instead of owning memory; no padding is promised.
  static std::shared_ptr<Buffer> Wrap(std::string_view bytes, std::shared_ptr<const void> owner);
  static std::shared_ptr<Buffer> Copy(std::string_view bytes);

  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_, size_}; }

 private:
  Buffer(char* data, size_t size, std::shared_ptr<const void> owner)
      : data_(data), size_(size), owner_(std::move(owner)) {}

  char* data_;
  size_t size_;
  std::shared_ptr<const void> owner_;  // null: data_ is ours
};
using BufferPtr = std::shared_ptr<Buffer>;

/// Hands out stable memory for string bytes in chunks; its buffers are what columns keep alive.
/// Thread: confined.
class StringArena {
 public:
  /// Memory for `size` bytes, valid as long as `buffers()` taken after the call are.
  char* Allocate(size_t size);
  /// A copy of `text` in the arena.
  std::string_view Copy(std::string_view text);
  const std::vector<BufferPtr>& buffers() const { return buffers_; }
  size_t bytes() const { return bytes_; }

 private:
  std::vector<BufferPtr> buffers_;
  size_t used_ = 0;  // of the last buffer
  size_t bytes_ = 0;
};

}  // namespace weir::batch
