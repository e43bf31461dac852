#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::taskmanager {

/// A row of a join's side as it lies in a RowLog: whole size (4 bytes), upper half of the key's hash (4), key size (4),
/// key, row of RowCodec. A row with a NULL in its key has an empty key: it matches nothing.
struct JoinRecord {
  static constexpr size_t kHeader = 12;

  std::string_view key;
  uint32_t tag = 0;
  std::string_view row;
  size_t size = 0;

  static size_t SizeOf(size_t key_size, size_t row_size) { return kHeader + key_size + row_size; }
  /// Writes header and key; the row goes to what is returned.
  static char* Write(char* to, size_t size, uint32_t tag, std::string_view key) {
    const uint32_t header[3] = {static_cast<uint32_t>(size), tag, static_cast<uint32_t>(key.size())};
    std::memcpy(to, header, kHeader);
    if (!key.empty()) std::memcpy(to + kHeader, key.data(), key.size());
    return to + kHeader + key.size();
  }
  /// Reads the record at the begin of `bytes`. False: there is no whole one.
  static bool Read(std::string_view bytes, JoinRecord* record) {
    uint32_t header[3];
    if (bytes.size() < kHeader) return false;
    std::memcpy(header, bytes.data(), kHeader);
    if (header[0] < kHeader || header[0] > bytes.size() || header[2] > header[0] - kHeader) return false;
    record->size = header[0];
    record->tag = header[1];
    record->key = bytes.substr(kHeader, header[2]);
    record->row = bytes.substr(kHeader + header[2], header[0] - kHeader - header[2]);
    return true;
  }
};

}  // namespace weir::taskmanager
