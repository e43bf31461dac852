#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weir::taskmanager::kafka::protocol {

/// Appends Kafka's wire types to a string: big-endian integers; strings, bytes and arrays in the old form (16 or 32 bit
/// length) or, in flexible versions, in the compact one (unsigned varint of length + 1, tagged fields after each struct).
/// Thread: confined. Source: Kafka's protocol guide, KIP-482.
class WireWriter {
 public:
  WireWriter(std::string* out, bool flexible) : out_(out), flexible_(flexible) {}

  bool flexible() const { return flexible_; }

  template <typename T>
    requires std::is_integral_v<T>
  void Put(T value) {
    using U = std::make_unsigned_t<T>;
    auto bits = static_cast<U>(value);
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
      out_->push_back(static_cast<char>(bits >> shift));
    }
  }
  void PutBool(bool value) { out_->push_back(value ? 1 : 0); }
  void PutUvarint(uint32_t value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
    out_->push_back(static_cast<char>(value));
  }
  void PutString(std::string_view text) {
    if (flexible_) {
      PutUvarint(static_cast<uint32_t>(text.size()) + 1);
    } else {
      Put(static_cast<int16_t>(text.size()));
    }
    out_->append(text);
  }
  void PutNullString() { flexible_ ? PutUvarint(0) : Put(int16_t{-1}); }
  void PutBytes(std::string_view bytes) {
    if (flexible_) {
      PutUvarint(static_cast<uint32_t>(bytes.size()) + 1);
    } else {
      Put(static_cast<int32_t>(bytes.size()));
    }
    out_->append(bytes);
  }
  void PutRaw(std::string_view bytes) { out_->append(bytes); }
  void PutArraySize(size_t count) {
    flexible_ ? PutUvarint(static_cast<uint32_t>(count) + 1) : Put(static_cast<int32_t>(count));
  }
  void PutNullArray() { flexible_ ? PutUvarint(0) : Put(int32_t{-1}); }
  /// Ends a struct: no tagged fields.
  void EndStruct() {
    if (flexible_) out_->push_back(0);
  }

 private:
  std::string* out_;
  const bool flexible_;
};

/// Reads what WireWriter writes, from bytes that nobody vouches for. Lengths and counts are compared with what is left
/// before anything is made of them; whatever does not fit makes `ok()` false for good, and all that is read from then
/// on is zero and empty: a decoder checks once, at its end.
/// Thread: confined. The bytes must outlive the reader and the views that it hands out.
class WireReader {
 public:
  WireReader(std::string_view in, bool flexible) : p_(in.data()), end_(in.data() + in.size()), flexible_(flexible) {}

  bool flexible() const { return flexible_; }

  template <typename T>
    requires std::is_integral_v<T>
  T Get() {
    if (remaining() < sizeof(T)) return Fail<T>();
    std::make_unsigned_t<T> bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      bits = static_cast<std::make_unsigned_t<T>>(bits << (sizeof(T) > 1 ? 8 : 0)) | static_cast<uint8_t>(*p_++);
    }
    return static_cast<T>(bits);
  }
  bool GetBool() { return Get<int8_t>() != 0; }
  uint32_t GetUvarint() {
    const uint64_t value = GetUvarlong();
    return value > UINT32_MAX ? Fail<uint32_t>() : static_cast<uint32_t>(value);
  }
  uint64_t GetUvarlong() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Fail<uint64_t>();
      const auto byte = static_cast<uint8_t>(*p_++);
      if (shift == 63 && byte > 1) return Fail<uint64_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return Fail<uint64_t>();
  }
  /// Zigzag, as in records.
  int64_t GetVarlong() {
    const uint64_t value = GetUvarlong();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  int32_t GetVarint() {
    const int64_t value = GetVarlong();
    return value < INT32_MIN || value > INT32_MAX ? Fail<int32_t>() : static_cast<int32_t>(value);
  }

  std::string_view GetRaw(uint64_t size) {
    if (size > remaining()) return Fail<std::string_view>();
    const std::string_view bytes(p_, size);
    p_ += size;
    return bytes;
  }
  std::optional<std::string_view> GetNullableString() { return Sized(flexible_ ? Compact() : Get<int16_t>()); }
  std::optional<std::string_view> GetNullableBytes() { return Sized(flexible_ ? Compact() : Get<int32_t>()); }
  /// Null is an error.
  std::string GetString() { return Required(GetNullableString()); }
  std::string GetBytes() { return Required(GetNullableBytes()); }

  /// Number of elements, each of which takes at least `least_bytes` (> 0). Null: -1.
  int32_t GetNullableArraySize(size_t least_bytes) {
    const int64_t count = flexible_ ? Compact() : Get<int32_t>();
    if (count < -1 || (count > 0 && static_cast<uint64_t>(count) > remaining() / least_bytes)) return Fail<int32_t>();
    return static_cast<int32_t>(count);
  }
  /// Null is an error.
  int32_t GetArraySize(size_t least_bytes) {
    const int32_t count = GetNullableArraySize(least_bytes);
    return count < 0 ? Fail<int32_t>() : count;
  }

  /// Ends a struct: calls `tagged(tag, bytes)` for each tagged field.
  template <typename F>
  void EndStruct(F&& tagged) {
    if (!flexible_) return;
    const uint32_t count = GetUvarint();
    if (count > remaining() / 2) return (void)Fail<int>();
    for (uint32_t i = 0; i < count && ok_; ++i) {
      const uint32_t tag = GetUvarint();
      const std::string_view bytes = GetRaw(GetUvarint());
      if (ok_) tagged(tag, bytes);
    }
  }
  void EndStruct() {
    EndStruct([](uint32_t, std::string_view) {});
  }

  /// For what does not fit that only the caller can tell.
  void Reject() { Fail<int>(); }

  bool ok() const { return ok_; }
  /// All read, and nothing was missing.
  bool AtEnd() const { return ok_ && p_ == end_; }
  uint64_t remaining() const { return static_cast<uint64_t>(end_ - p_); }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    p_ = end_;
    return T{};
  }
  /// Length of a compact form; null is -1.
  int64_t Compact() {
    const uint32_t value = GetUvarint();
    return ok_ ? static_cast<int64_t>(value) - 1 : 0;
  }
  std::optional<std::string_view> Sized(int64_t size) {
    if (size == -1) return std::nullopt;
    if (size < 0) return Fail<std::string_view>();
    return GetRaw(static_cast<uint64_t>(size));
  }
  std::string Required(std::optional<std::string_view> bytes) {
    if (!bytes) return Fail<std::string>();
    return std::string(*bytes);
  }

  const char* p_;
  const char* end_;
  const bool flexible_;
  bool ok_ = true;
};

}  // namespace weir::taskmanager::kafka::protocol
