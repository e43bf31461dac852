#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "common/base/crc32c.h"

namespace weir::fuzz {

/// Writes an integer over bytes, little-endian.
template <typename T>
void Overwrite(std::string* bytes, size_t at, T value) {
  std::memcpy(bytes->data() + at, &value, sizeof(value));
}

/// A file of ours whose head is `length u64` at `length_at` and, as its last four bytes, the CRC-32C of the head before
/// them and the body: both made right, so that what lies behind a checksum is reached.
inline std::string Sealed(std::string_view input, size_t head, size_t length_at) {
  std::string bytes(input);
  if (bytes.size() < head) return bytes;
  Overwrite(&bytes, length_at, static_cast<uint64_t>(bytes.size() - head));
  const std::string_view all = bytes;
  Overwrite(&bytes, head - 4, Crc32c(all.substr(head), Crc32c(all.substr(0, head - 4))));
  return bytes;
}

}  // namespace weir::fuzz
