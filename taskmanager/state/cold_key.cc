#include "taskmanager/state/cold_key.h"

#include <cstring>

#include "absl/status/status.h"
#include "common/base/bytes.h"

namespace weir::taskmanager {
namespace {

void PutBigEndian(std::string* out, uint64_t v, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(v >> shift));
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t v = 0;
  for (char c : bytes) v = v << 8 | static_cast<uint8_t>(c);
  return v;
}

}  // namespace

std::string GroupPrefix(int key_group) {
  std::string out;
  PutBigEndian(&out, static_cast<uint64_t>(key_group), 2);
  return out;
}

std::string NamespacePrefix(int key_group, std::string_view table, NamespaceId ns) {
  std::string out;
  out.reserve(11 + table.size());
  PutBigEndian(&out, static_cast<uint64_t>(key_group), 2);
  out.push_back(static_cast<char>(table.size()));
  out.append(table);
  PutBigEndian(&out, static_cast<uint64_t>(ns) ^ (uint64_t{1} << 63), 8);
  return out;
}

std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string EncodeColdKey(const ColdKey& key) {
  std::string out = NamespacePrefix(key.key_group, key.table, key.ns);
  const size_t begin = out.size();
  out.resize(begin + kMaxKeyLength + key.key.size() + key.subkey.size());
  const char* const end = PutKeyAndSubkey(out.data() + begin, key.key, key.subkey);
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

char* PutKeyAndSubkey(char* at, std::string_view key, std::string_view subkey) {
  size_t left = key.size();
  for (; left >= 0x80; left >>= 7) *at++ = static_cast<char>(left | 0x80);
  *at++ = static_cast<char>(left);
  for (const std::string_view bytes : {key, subkey}) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  }
  return at;
}

bool DecodeColdKey(std::string_view bytes, ColdKey* key) {
  ByteReader r(bytes);
  key->key_group = static_cast<uint16_t>(GetBigEndian(r.GetRaw(2)));
  key->table = r.GetRaw(r.Get<uint8_t>());
  key->ns = static_cast<NamespaceId>(GetBigEndian(r.GetRaw(8)) ^ (uint64_t{1} << 63));
  key->key = r.GetBytes();
  key->subkey = r.GetRaw(r.remaining());
  return r.ok();
}

std::string LayoutKey(std::string_view table) { return GroupPrefix(kLayoutGroup).append(table); }

std::string EncodeLayout(const TableSpec& spec) {
  std::string out;
  ByteWriter w(&out);
  w.Put(spec.value_width);
  w.Put(static_cast<uint8_t>(spec.has_text));
  return out;
}

absl::StatusOr<TableSpec> DecodeLayout(std::string_view key, std::string_view value) {
  ByteReader r(value);
  TableSpec spec;
  spec.name = key.substr(2);
  spec.value_width = r.Get<int32_t>();
  spec.has_text = r.Get<uint8_t>() != 0;
  if (!r.AtEnd())
    return absl::DataLossError("the layout of a state table in the database is damaged");
  return spec;
}

}  // namespace weir::taskmanager
