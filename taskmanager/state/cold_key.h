#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Keys of entries in an OrderedStore: key group (2 bytes, big-endian), table (length byte and
/// name), namespace (8 bytes, big-endian, sign flipped), key (varint length and bytes), subkey. A
/// range of key groups, and a namespace of a key group, are ranges of keys.
struct ColdKey {
  uint16_t key_group = 0;
  std::string_view table;
  NamespaceId ns = 0;
  std::string_view key;
  std::string_view subkey;
};

/// Names of tables are at most this long.
inline constexpr size_t kMaxTableName = 255;

std::string EncodeColdKey(const ColdKey& key);
/// Writes what follows the namespace, for who has that already: into at most kMaxKeyLength bytes more than both have.
/// Returns the end.
char* PutKeyAndSubkey(char* at, std::string_view key, std::string_view subkey);
inline constexpr size_t kMaxKeyLength = 10;
/// False when the bytes are not such a key. Views point into `bytes`.
bool DecodeColdKey(std::string_view bytes, ColdKey* key);

/// Beginning of all keys of a group.
std::string GroupPrefix(int key_group);
/// Beginning of all keys of a (key group, table, namespace).
std::string NamespacePrefix(int key_group, std::string_view table, NamespaceId ns);
/// The least key above all that begin with `prefix`.
std::string AfterPrefix(std::string prefix);

/// Where a table's layout is kept: in a key group that no key has.
std::string LayoutKey(std::string_view table);
inline constexpr int kLayoutGroup = 0xffff;
std::string EncodeLayout(const TableSpec& spec);
absl::StatusOr<TableSpec> DecodeLayout(std::string_view key, std::string_view value);

}  // namespace weir::taskmanager
