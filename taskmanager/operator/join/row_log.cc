#include "taskmanager/operator/join/row_log.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// Buckets that have buffers at a time: rows come nearly in order of time.
constexpr int kBufferedBuckets = 6;
/// All newest pages of one bucket and side together should not take more than this.
constexpr size_t kBufferBudget = 8 << 20;
constexpr size_t kFirstBytes = 256;
constexpr uint32_t kFirstRow = 0;

void SetOnly(batch::KeyBatch* keys, std::string_view bytes, uint64_t hash) {
  keys->bytes.assign(bytes);
  keys->offsets = {0, static_cast<uint32_t>(bytes.size())};
  keys->hashes = {hash};
}

}  // namespace

std::vector<std::string> KeysOfGroups(int max_parallelism) {
  std::vector<std::string> keys(static_cast<size_t>(max_parallelism));
  int missing = max_parallelism;
  for (uint64_t n = 0; missing > 0; ++n) {
    std::string key;
    ByteWriter(&key).Put(n);
    std::string& of_group = keys[batch::KeyGroupOf(batch::HashKey(key), max_parallelism)];
    if (!of_group.empty()) continue;
    of_group = std::move(key);
    --missing;
  }
  return keys;
}

absl::Status RowLog::Open(KeyedState& state, batch::KeyGroupRange range, int max_parallelism) {
  range_ = range;
  page_bytes_ = std::clamp(kBufferBudget / static_cast<size_t>(std::max(1, range.end - range.begin)), kKeepOpenBytes,
                           kPageBytes);
  group_keys_ = KeysOfGroups(max_parallelism);
  std::unordered_map<std::string_view, int> group_of;
  for (int group = 0; group < max_parallelism; ++group) {
    const std::string& key = group_keys_[static_cast<size_t>(group)];
    group_hashes_.push_back(batch::HashKey(key));
    group_of.emplace(key, group);
  }
  ASSIGN_OR_RETURN(pages_, state.OpenTable({"pages", 0, true}));
  ASSIGN_OR_RETURN(counts_, state.OpenTable({"counts", 8, false}));
  for (const NamespaceId id : counts_->Namespaces()) {
    NamespaceTable* table = counts_->Find(id);
    if (table == nullptr) continue;
    Bucket& bucket = OpenBucket(id);
    uint64_t cursor = 0;
    for (NamespaceTable::Page page; !page.last;) {
      RETURN_IF_ERROR(table->Scan(&cursor, 4096, &page));
      for (size_t i = 0; i < page.keys.size(); ++i) {
        const auto group = group_of.find(page.keys[i]);
        if (group == group_of.end() || !range_.Contains(group->second)) {
          return absl::DataLossError("state of the join has a key group that does not exist");
        }
        uint32_t counts[2];
        std::memcpy(counts, page.values[i], sizeof(counts));
        auto& sides = bucket.groups[static_cast<size_t>(group->second - range_.begin)];
        for (size_t side = 0; side < 2; ++side) sides[side].pages = counts[side];
      }
    }
  }
  return absl::OkStatus();
}

RowLog::Bucket& RowLog::OpenBucket(NamespaceId id) {
  const auto [at, made] = buckets_.try_emplace(id);
  if (made) at->second.groups.resize(static_cast<size_t>(range_.end - range_.begin));
  return at->second;
}

RowLog::Bucket& RowLog::Touch(NamespaceId id) {
  if (last_ != nullptr && last_id_ == id) return *last_;
  last_ = &OpenBucket(id);
  last_id_ = id;
  last_->used = ++uses_;
  return *last_;
}

absl::StatusOr<char*> RowLog::Append(NamespaceId bucket_id, int side_index, int group, size_t size) {
  Bucket& bucket = Touch(bucket_id);
  if (!bucket.buffered) {
    bucket.buffered = true;
    if (++buffered_buckets_ > kBufferedBuckets) {
      Bucket* oldest = nullptr;
      NamespaceId oldest_id = 0;
      for (auto& [id, other] : buckets_) {
        if (!other.buffered || &other == &bucket) continue;
        if (oldest == nullptr || other.used < oldest->used) oldest = &other, oldest_id = id;
      }
      RETURN_IF_ERROR(FlushBucket(oldest_id, *oldest, /*close=*/true));
      oldest->buffered = false;
      --buffered_buckets_;
    }
  }
  auto& sides = bucket.groups[static_cast<size_t>(group - range_.begin)];
  Side& side = sides[static_cast<size_t>(side_index)];
  Buffer& buffer = side.buffer;
  if (buffer.size + size > page_bytes_ && buffer.size > 0) {
    RETURN_IF_ERROR(WritePage(bucket_id, group, side_index, side, /*close=*/true));
    RETURN_IF_ERROR(WriteCounts(bucket_id, group, sides));
  }
  if (buffer.size + size > buffer.capacity) {
    const size_t capacity = std::max({kFirstBytes, std::min(size_t{buffer.capacity} * 2, page_bytes_),
                                      buffer.size + size});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (buffer.size > 0) std::memcpy(larger.get(), buffer.bytes.get(), buffer.size);
    buffer_bytes_ += static_cast<int64_t>(capacity) - buffer.capacity;
    buffer.bytes = std::move(larger);
    buffer.capacity = static_cast<uint32_t>(capacity);
  }
  char* to = buffer.bytes.get() + buffer.size;
  buffer.size += static_cast<uint32_t>(size);
  buffer.changed = true;
  return to;
}

void RowLog::SetKey(int group) {
  SetOnly(&key_, group_keys_[static_cast<size_t>(group)], group_hashes_[static_cast<size_t>(group)]);
}

namespace {
/// (side, number of the page), so that pages of a side lie together on disk.
void SetPage(batch::KeyBatch* subkey, int side, uint32_t page) {
  std::string bytes(1, static_cast<char>(side));
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(page >> shift));
  SetOnly(subkey, bytes, batch::HashKey(bytes));
}
}  // namespace

absl::Status RowLog::WritePage(NamespaceId id, int group, int side, Side& into, bool close) {
  Buffer& buffer = into.buffer;
  if (buffer.changed) {
    if (!buffer.written) ++into.pages;
    SetKey(group);
    SetPage(&subkey_, side, into.pages - 1);
    NamespaceTable& table = pages_->Open(id);
    uint32_t slot;
    RETURN_IF_ERROR(table.FindOrInsert(key_, &subkey_, &kFirstRow, 1, &slot, nullptr));
    table.set_text(slot, {buffer.bytes.get(), buffer.size});
    buffer.written = true;
    buffer.changed = false;
  }
  if (close) {
    buffer.size = 0;
    buffer.written = false;
  }
  return absl::OkStatus();
}

absl::Status RowLog::WriteCounts(NamespaceId id, int group, const std::array<Side, 2>& sides) {
  SetKey(group);
  NamespaceTable& table = counts_->Open(id);
  uint32_t slot;
  RETURN_IF_ERROR(table.FindOrInsert(key_, nullptr, &kFirstRow, 1, &slot, nullptr));
  const uint32_t counts[2] = {sides[0].pages, sides[1].pages};
  std::memcpy(table.value(slot), counts, sizeof(counts));
  return absl::OkStatus();
}

absl::Status RowLog::FlushBucket(NamespaceId id, Bucket& bucket, bool close) {
  for (int group = range_.begin; group < range_.end; ++group) {
    auto& sides = bucket.groups[static_cast<size_t>(group - range_.begin)];
    const uint32_t former[2] = {sides[0].pages, sides[1].pages};
    for (int s = 0; s < 2; ++s) {
      Side& side = sides[static_cast<size_t>(s)];
      if (side.buffer.size == 0) continue;
      RETURN_IF_ERROR(WritePage(id, group, s, side, close || side.buffer.size >= kKeepOpenBytes));
      if (!close) continue;
      buffer_bytes_ -= side.buffer.capacity;
      side.buffer = Buffer();
    }
    if (former[0] == sides[0].pages && former[1] == sides[1].pages) continue;
    RETURN_IF_ERROR(WriteCounts(id, group, sides));
  }
  return absl::OkStatus();
}

absl::Status RowLog::Flush() {
  for (auto& [id, bucket] : buckets_) {
    if (bucket.buffered) RETURN_IF_ERROR(FlushBucket(id, bucket, /*close=*/false));
  }
  return absl::OkStatus();
}

std::vector<NamespaceId> RowLog::Buckets() const {
  std::vector<NamespaceId> ids;
  for (const auto& [id, bucket] : buckets_) ids.push_back(id);
  return ids;
}

void RowLog::Drop(NamespaceId id) {
  const auto at = buckets_.find(id);
  if (at == buckets_.end()) return;
  for (const auto& sides : at->second.groups) {
    for (const Side& side : sides) buffer_bytes_ -= side.buffer.capacity;
  }
  if (at->second.buffered) --buffered_buckets_;
  buckets_.erase(at);
  last_ = nullptr;
  pages_->Drop(id);
  counts_->Drop(id);
}

size_t RowLog::Bytes(NamespaceId id, int side, int group) const {
  const auto at = buckets_.find(id);
  if (at == buckets_.end()) return 0;
  const Side& of = at->second.groups[static_cast<size_t>(group - range_.begin)][static_cast<size_t>(side)];
  return size_t{of.pages} * page_bytes_ + of.buffer.size;
}

uint32_t RowLog::Pieces(NamespaceId id, int side, int group) const {
  const auto at = buckets_.find(id);
  if (at == buckets_.end()) return 0;
  const Side& of = at->second.groups[static_cast<size_t>(group - range_.begin)][static_cast<size_t>(side)];
  return of.pages + (of.buffer.size > 0 && !of.buffer.written ? 1 : 0);
}

absl::Status RowLog::Read(NamespaceId id, int side, int group, uint32_t piece, std::string* out) {
  const Side& of = buckets_.at(id).groups[static_cast<size_t>(group - range_.begin)][static_cast<size_t>(side)];
  // The newest page is in the buffer, newer than what state may have of it.
  const uint32_t closed = of.pages - (of.buffer.size > 0 && of.buffer.written ? 1 : 0);
  if (piece >= closed) {
    out->append(of.buffer.bytes.get(), of.buffer.size);
    return absl::OkStatus();
  }
  SetKey(group);
  SetPage(&subkey_, side, piece);
  NamespaceTable* table = pages_->Find(id);
  uint32_t slot = kNoSlot;
  if (table != nullptr) RETURN_IF_ERROR(table->Find(key_, &subkey_, &kFirstRow, 1, &slot));
  if (slot == kNoSlot) {
    return absl::DataLossError(absl::StrCat("state of the join lacks page ", piece, " of key group ", group));
  }
  out->append(table->text(slot));
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
