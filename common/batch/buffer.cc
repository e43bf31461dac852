#include "common/batch/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace weir::batch {

std::shared_ptr<Buffer> Buffer::Allocate(size_t size) {
  const size_t total = (size + kPadding + 63) / 64 * 64;
  char* data = static_cast<char*>(std::aligned_alloc(64, total));
  if (data == nullptr) throw std::bad_alloc();
  std::memset(data + size, 0, total - size);
  return std::shared_ptr<Buffer>(new Buffer(data, size, nullptr));
}

std::shared_ptr<Buffer> Buffer::Wrap(std::string_view bytes, std::shared_ptr<const void> owner) {
  return std::shared_ptr<Buffer>(
      new Buffer(const_cast<char*>(bytes.data()), bytes.size(), std::move(owner)));
}

std::shared_ptr<Buffer> Buffer::Copy(std::string_view bytes) {
  auto buffer = Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return buffer;
}

Buffer::~Buffer() {
  if (owner_ == nullptr) std::free(data_);
}

char* StringArena::Allocate(size_t size) {
  if (buffers_.empty() || used_ + size > buffers_.back()->size()) {
    const size_t grown = std::min<size_t>(256 * 1024, std::max<size_t>(1024, bytes_));
    buffers_.push_back(Buffer::Allocate(std::max(size, grown)));
    used_ = 0;
  }
  char* p = buffers_.back()->data() + used_;
  used_ += size;
  bytes_ += size;
  return p;
}

std::string_view StringArena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* p = Allocate(text.size());
  std::memcpy(p, text.data(), text.size());
  return {p, text.size()};
}

}  // namespace weir::batch
