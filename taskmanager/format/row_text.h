#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace weir::taskmanager {

/// The text of a row while it is written: room is asked for once a value, not once a byte. Thread: confined; one object
/// serves all rows.
class RowText {
 public:
  void Clear() { size_ = 0; }
  std::string_view view() const { return {data_.get(), size_}; }

  /// Where up to `bytes` more may be written; Take says where they end.
  char* Room(size_t bytes) {
    if (capacity_ - size_ < bytes) Grow(bytes);
    return data_.get() + size_;
  }
  void Take(const char* end) { size_ = static_cast<size_t>(end - data_.get()); }

  void Add(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(Room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void Add(char c) {
    *Room(1) = c;
    ++size_;
  }

 private:
  void Grow(size_t bytes) {
    capacity_ = std::max<size_t>({1024, 2 * capacity_, size_ + bytes});
    std::unique_ptr<char[]> grown(new char[capacity_]);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
  }

  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace weir::taskmanager
