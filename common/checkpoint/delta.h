#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/ids.h"

namespace weir::checkpoint {

/// Whether the bytes hold what changed, or all there is.
enum class DeltaKind : uint16_t { kDelta = 0, kDump = 1 };

/// Builds one delta: blocks of dropped namespaces, of entries and of removed entries, applied in
/// their order.
///
/// Thread:  confined. Built on the task's thread at memcpy speed; the checksum is made by Seal,
/// elsewhere. Shape:   header of 32 bytes: magic "WDLT", version u16, kind u16, checkpoint i64,
/// body length u64, reserved u32,
///          CRC-32C u32 of the 28 bytes before and the body. Body: blocks: type u8, length u64,
///          payload. Type 1, entries: table, value width u32, has text u8, namespace i64; then per
///          entry key group u16, key, subkey, value, text (if any). Type 2, drop: table, namespace
///          i64. Type 3, removals (since version 2): table, namespace; then per entry key group, key,
///          subkey. Strings are varint length and bytes. Several sealed deltas one after the other are
///          a delta file too.
class DeltaBuilder {
 public:
  DeltaBuilder();

  void Drop(std::string_view table, int64_t ns);
  void BeginEntries(std::string_view table, uint32_t value_width, bool has_text, int64_t ns);
  void Add(uint16_t key_group, std::string_view key, std::string_view subkey, const void* value,
           std::string_view text);
  void EndEntries() { EndBlock(); }
  void BeginRemovals(std::string_view table, int64_t ns);
  void AddRemoval(uint16_t key_group, std::string_view key, std::string_view subkey);
  void EndRemovals() { EndBlock(); }

  bool empty() const { return bytes_.size() == kHeaderSize; }
  size_t size() const { return bytes_.size(); }
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }
  /// For an empty builder: builds in the memory of a former delta, whose pages are there already.
  void Reuse(std::string memory);
  /// The bytes, still to be sealed; the builder starts anew.
  std::string Take();
  /// Fills in the header of what Take gave.
  static void Seal(CheckpointId checkpoint, DeltaKind kind, std::string* bytes);

  static constexpr size_t kHeaderSize = 32;

 private:
  void EndBlock();

  std::string bytes_;
  size_t block_begin_ = 0;  // of the open block: where its length is patched
  uint32_t value_width_ = 0;
  bool has_text_ = false;
};

/// What a delta says, in order. An error ends the reading and is returned.
class DeltaVisitor {
 public:
  struct Block {
    std::string_view table;
    uint32_t value_width = 0;
    bool has_text = false;
    int64_t ns = 0;
    bool removals = false;  // its entries are removed: they have no value and no text
  };
  struct Entry {
    uint16_t key_group = 0;
    std::string_view key;
    std::string_view subkey;
    const char* value = nullptr;  // value_width bytes, not aligned; null in removals
    std::string_view text;
  };
  virtual ~DeltaVisitor() = default;
  virtual absl::Status OnDrop(std::string_view table, int64_t ns) = 0;
  /// The entries that follow belong to this block, until the next one.
  virtual absl::Status OnBlock(const Block& block) = 0;
  /// At most kGroup of them, so that what they need can be asked for together.
  virtual absl::Status OnEntries(std::span<const Entry> entries) = 0;
  static constexpr size_t kGroup = 32;
};

/// Verifies all checksums, then walks. Nothing is visited unless the whole is sound: kDataLoss
/// naming `what` else.
absl::Status ReadDeltas(std::string_view bytes, std::string_view what, DeltaVisitor* visitor);

/// The same of bytes whose checksum as a whole has been compared: a file that Storage::Read gave.
absl::Status ReadVerifiedDeltas(std::string_view bytes, std::string_view what, DeltaVisitor* visitor);

/// Only verifies.
absl::Status VerifyDeltas(std::string_view bytes, std::string_view what);

}  // namespace weir::checkpoint
