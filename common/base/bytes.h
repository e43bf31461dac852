#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace weir {

/// Appends integers (little-endian), and length-prefixed bytes, to a string: the form of everything that
/// we write ourselves. Thread: confined.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(out) {}

  template <typename T>
    requires std::is_arithmetic_v<T>
  void Put(T v) {
    out_->append(reinterpret_cast<const char*>(&v), sizeof(v));
  }
  /// Unsigned LEB128.
  void PutVarint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_->push_back(static_cast<char>(v | 0x80));
    out_->push_back(static_cast<char>(v));
  }
  void PutBytes(std::string_view bytes) {
    PutVarint(bytes.size());
    out_->append(bytes);
  }

 private:
  std::string* out_;
};

/// Reads what ByteWriter wrote. Reading past the end yields zeros and makes `ok()` false for good, so that a
/// decoder checks once at its end.
/// Thread: confined. The bytes must outlive the reader and what it hands out.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : p_(in.data()), end_(in.data() + in.size()) {}

  template <typename T>
    requires std::is_arithmetic_v<T>
  T Get() {
    T v{};
    if (remaining() < sizeof(T)) return Fail<T>();
    std::memcpy(&v, p_, sizeof(T));
    p_ += sizeof(T);
    return v;
  }
  uint64_t GetVarint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Fail<uint64_t>();
      const auto byte = static_cast<uint8_t>(*p_++);
      v |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return v;
    }
    return Fail<uint64_t>();
  }
  std::string_view GetBytes() { return GetRaw(GetVarint()); }
  std::string_view GetRaw(uint64_t size) {
    if (size > remaining()) return Fail<std::string_view>();
    std::string_view bytes(p_, size);
    p_ += size;
    return bytes;
  }

  bool ok() const { return ok_; }
  /// All read, and nothing was missing.
  bool AtEnd() const { return ok_ && p_ == end_; }
  uint64_t remaining() const { return static_cast<uint64_t>(end_ - p_); }
  const char* position() const { return p_; }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    p_ = end_;
    return T{};
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace weir
