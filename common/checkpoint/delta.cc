#include "common/checkpoint/delta.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace weir::checkpoint {
namespace {

constexpr uint32_t kMagic = 0x544c4457;  // "WDLT"
constexpr uint16_t kVersion = 2;
constexpr uint16_t kOldestVersion = 1;
constexpr size_t kCrcOffset = DeltaBuilder::kHeaderSize - 4;
enum BlockType : uint8_t { kEntries = 1, kDrop = 2, kRemovals = 3 };
constexpr size_t kBlockHeader = 9;

// Entries up to this size are put together on the stack and appended at once.
constexpr size_t kScratch = 512;

char* PutVarint(char* p, uint64_t v) {
  for (; v >= 0x80; v >>= 7) *p++ = static_cast<char>(v | 0x80);
  *p++ = static_cast<char>(v);
  return p;
}
char* PutBytes(char* p, std::string_view bytes) {
  p = PutVarint(p, bytes.size());
  if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
  return p + bytes.size();
}

absl::Status Damaged(std::string_view what, std::string_view why) {
  return absl::DataLossError(
      absl::StrCat("state delta ", std::string(what), " is damaged: ", std::string(why)));
}

enum class Checksum { kCompare, kCompared };

// Cuts the next sealed delta off `bytes` and returns its body.
absl::StatusOr<std::string_view> NextBody(std::string_view* bytes, std::string_view what, Checksum checksum) {
  if (bytes->size() < DeltaBuilder::kHeaderSize) return Damaged(what, "it is too short");
  ByteReader r(*bytes);
  const auto magic = r.Get<uint32_t>();
  const auto version = r.Get<uint16_t>();
  r.Get<uint16_t>();
  r.Get<int64_t>();
  const auto length = r.Get<uint64_t>();
  r.Get<uint32_t>();
  const auto crc = r.Get<uint32_t>();
  if (magic != kMagic) return Damaged(what, "it does not begin like one");
  if (length > r.remaining()) return Damaged(what, "its end is missing");
  const std::string_view body = r.GetRaw(length);
  if (checksum == Checksum::kCompare && Crc32c(body, Crc32c(bytes->substr(0, kCrcOffset))) != crc)
    return Damaged(what, "its checksum differs");
  if (version < kOldestVersion || version > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("state delta ", std::string(what),
                                                      " has format version ", version,
                                                      "; this build reads versions ", kOldestVersion,
                                                      " to ", kVersion));
  }
  bytes->remove_prefix(DeltaBuilder::kHeaderSize + length);
  return body;
}

// Hands on the entries that `next` reads, group after group.
template <typename Next>
absl::Status VisitGroups(ByteReader& r, std::string_view what, DeltaVisitor* visitor, Next next) {
  DeltaVisitor::Entry group[DeltaVisitor::kGroup];
  size_t n = 0;
  while (r.remaining() > 0) {
    next(&group[n]);
    if (!r.ok()) return Damaged(what, "an entry is cut off");
    if (++n < DeltaVisitor::kGroup) continue;
    RETURN_IF_ERROR(visitor->OnEntries({group, n}));
    n = 0;
  }
  return n == 0 ? absl::OkStatus() : visitor->OnEntries({group, n});
}

absl::Status VisitEntries(std::string_view payload, std::string_view what, DeltaVisitor* visitor) {
  ByteReader r(payload);
  DeltaVisitor::Block block;
  block.table = r.GetBytes();
  block.value_width = r.Get<uint32_t>();
  block.has_text = r.Get<uint8_t>() != 0;
  block.ns = r.Get<int64_t>();
  if (!r.ok()) return Damaged(what, "a block's head is cut off");
  RETURN_IF_ERROR(visitor->OnBlock(block));
  return VisitGroups(r, what, visitor, [&](DeltaVisitor::Entry* entry) {
    entry->key_group = r.Get<uint16_t>();
    entry->key = r.GetBytes();
    entry->subkey = r.GetBytes();
    entry->value = r.GetRaw(block.value_width).data();
    if (block.has_text) entry->text = r.GetBytes();
  });
}

absl::Status VisitRemovals(std::string_view payload, std::string_view what, DeltaVisitor* visitor) {
  ByteReader r(payload);
  DeltaVisitor::Block block;
  block.removals = true;
  block.table = r.GetBytes();
  block.ns = r.Get<int64_t>();
  if (!r.ok()) return Damaged(what, "a block's head is cut off");
  RETURN_IF_ERROR(visitor->OnBlock(block));
  return VisitGroups(r, what, visitor, [&](DeltaVisitor::Entry* entry) {
    entry->key_group = r.Get<uint16_t>();
    entry->key = r.GetBytes();
    entry->subkey = r.GetBytes();
  });
}

absl::Status VisitBody(std::string_view body, std::string_view what, DeltaVisitor* visitor) {
  ByteReader r(body);
  while (r.remaining() > 0) {
    const auto type = r.Get<uint8_t>();
    const auto length = r.Get<uint64_t>();
    const std::string_view payload = r.GetRaw(length);
    if (!r.ok()) return Damaged(what, "a block is cut off");
    if (type == kEntries) {
      RETURN_IF_ERROR(VisitEntries(payload, what, visitor));
    } else if (type == kRemovals) {
      RETURN_IF_ERROR(VisitRemovals(payload, what, visitor));
    } else if (type == kDrop) {
      ByteReader drop(payload);
      const std::string_view table = drop.GetBytes();
      const auto ns = drop.Get<int64_t>();
      if (!drop.AtEnd()) return Damaged(what, "a drop is cut off");
      RETURN_IF_ERROR(visitor->OnDrop(table, ns));
    } else {
      return Damaged(what, absl::StrCat("block type ", type, " is unknown"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

DeltaBuilder::DeltaBuilder() : bytes_(kHeaderSize, '\0') {}

void DeltaBuilder::Drop(std::string_view table, int64_t ns) {
  std::string payload;
  ByteWriter p(&payload);
  p.PutBytes(table);
  p.Put(ns);
  ByteWriter w(&bytes_);
  w.Put(static_cast<uint8_t>(kDrop));
  w.Put(static_cast<uint64_t>(payload.size()));
  bytes_.append(payload);
}

void DeltaBuilder::BeginEntries(std::string_view table, uint32_t value_width, bool has_text,
                                int64_t ns) {
  value_width_ = value_width;
  has_text_ = has_text;
  block_begin_ = bytes_.size();
  ByteWriter w(&bytes_);
  w.Put(static_cast<uint8_t>(kEntries));
  w.Put(uint64_t{0});
  w.PutBytes(table);
  w.Put(value_width);
  w.Put(static_cast<uint8_t>(has_text));
  w.Put(ns);
}

void DeltaBuilder::Add(uint16_t key_group, std::string_view key, std::string_view subkey,
                       const void* value, std::string_view text) {
  const size_t bound = key.size() + subkey.size() + value_width_ + text.size() + 32;
  if (bound <= kScratch) {
    char scratch[kScratch];
    char* p = scratch;
    std::memcpy(p, &key_group, sizeof(key_group));
    p = PutBytes(p + sizeof(key_group), key);
    p = PutBytes(p, subkey);
    std::memcpy(p, value, value_width_);
    p += value_width_;
    if (has_text_) p = PutBytes(p, text);
    bytes_.append(scratch, static_cast<size_t>(p - scratch));
    return;
  }
  ByteWriter w(&bytes_);
  w.Put(key_group);
  w.PutBytes(key);
  w.PutBytes(subkey);
  bytes_.append(static_cast<const char*>(value), value_width_);
  if (has_text_) w.PutBytes(text);
}

void DeltaBuilder::BeginRemovals(std::string_view table, int64_t ns) {
  block_begin_ = bytes_.size();
  ByteWriter w(&bytes_);
  w.Put(static_cast<uint8_t>(kRemovals));
  w.Put(uint64_t{0});
  w.PutBytes(table);
  w.Put(ns);
}

void DeltaBuilder::AddRemoval(uint16_t key_group, std::string_view key, std::string_view subkey) {
  ByteWriter w(&bytes_);
  w.Put(key_group);
  w.PutBytes(key);
  w.PutBytes(subkey);
}

void DeltaBuilder::EndBlock() {
  const uint64_t length = bytes_.size() - block_begin_ - kBlockHeader;
  std::memcpy(bytes_.data() + block_begin_ + 1, &length, sizeof(length));
}

void DeltaBuilder::Reuse(std::string memory) {
  if (memory.capacity() <= bytes_.capacity()) return;
  memory.assign(kHeaderSize, '\0');
  bytes_ = std::move(memory);
}

std::string DeltaBuilder::Take() {
  std::string bytes = std::move(bytes_);
  bytes_.assign(kHeaderSize, '\0');
  return bytes;
}

void DeltaBuilder::Seal(CheckpointId checkpoint, DeltaKind kind, std::string* bytes) {
  std::string header;
  ByteWriter w(&header);
  w.Put(kMagic);
  w.Put(kVersion);
  w.Put(static_cast<uint16_t>(kind));
  w.Put(checkpoint.value);
  w.Put(static_cast<uint64_t>(bytes->size() - kHeaderSize));
  w.Put(uint32_t{0});
  w.Put(Crc32c(std::string_view(*bytes).substr(kHeaderSize), Crc32c(header)));
  std::memcpy(bytes->data(), header.data(), kHeaderSize);
}

absl::Status VerifyDeltas(std::string_view bytes, std::string_view what) {
  do {
    RETURN_IF_ERROR(NextBody(&bytes, what, Checksum::kCompare).status());
  } while (!bytes.empty());
  return absl::OkStatus();
}

namespace {

absl::Status Visit(std::string_view bytes, std::string_view what, Checksum checksum, DeltaVisitor* visitor) {
  std::vector<std::string_view> bodies;
  do {
    ASSIGN_OR_RETURN(bodies.emplace_back(), NextBody(&bytes, what, checksum));
  } while (!bytes.empty());
  for (std::string_view body : bodies) RETURN_IF_ERROR(VisitBody(body, what, visitor));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadDeltas(std::string_view bytes, std::string_view what, DeltaVisitor* visitor) {
  return Visit(bytes, what, Checksum::kCompare, visitor);
}

absl::Status ReadVerifiedDeltas(std::string_view bytes, std::string_view what, DeltaVisitor* visitor) {
  return Visit(bytes, what, Checksum::kCompared, visitor);
}

}  // namespace weir::checkpoint
