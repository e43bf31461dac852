#include "taskmanager/operator/join/side_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {
namespace {

constexpr uint32_t kFirstRow = 0;

uint32_t ChunksOf(const std::byte* value) {
  uint32_t chunks;
  std::memcpy(&chunks, value, sizeof(chunks));
  return chunks;
}

/// One row: a key and the number of a chunk.
void SetChunk(const batch::KeyBatch& keys, uint32_t row, uint32_t chunk, batch::KeyBatch* key,
              batch::KeyBatch* number) {
  const std::string_view bytes = keys.key(row);
  key->bytes.assign(bytes);
  key->offsets = {0, static_cast<uint32_t>(bytes.size())};
  key->hashes = {keys.hashes[row]};
  number->bytes.assign(reinterpret_cast<const char*>(&chunk), sizeof(chunk));
  number->offsets = {0, sizeof(chunk)};
  number->hashes = {batch::HashKey(number->bytes)};
}

}  // namespace

char* WaitingRow::Append(std::string* out, int64_t time, bool matched, size_t row_size) {
  const size_t from = out->size();
  const auto size = static_cast<uint32_t>(kHeader + row_size);
  out->resize(from + size);
  char* to = out->data() + from;
  std::memcpy(to, &size, sizeof(size));
  to[kMatched] = matched ? 1 : 0;
  std::memcpy(to + kMatched + 1, &time, sizeof(time));
  return to + kHeader;
}

bool WaitingRow::Read(std::string_view bytes, WaitingRow* row) {
  if (bytes.size() < kHeader) return false;
  uint32_t size;
  std::memcpy(&size, bytes.data(), sizeof(size));
  if (size < kHeader || size > bytes.size()) return false;
  row->size = size;
  row->matched = bytes[kMatched] != 0;
  std::memcpy(&row->time, bytes.data() + kMatched + 1, sizeof(row->time));
  row->row = bytes.substr(kHeader, size - kHeader);
  return true;
}

absl::Status SideRows::Open(KeyedState& state, const std::string& name, int64_t bucket_micros) {
  width_ = bucket_micros;
  ASSIGN_OR_RETURN(table_, state.OpenTable({name, sizeof(uint32_t), true}));
  return absl::OkStatus();
}

int64_t SideRows::BucketOf(int64_t time) const { return WindowMath::FloorTo(time, width_) + width_; }

absl::Status SideRows::Append(NamespaceId bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows,
                              const std::vector<std::string_view>& records) {
  NamespaceTable& table = table_->Open(bucket);
  slots_.resize(rows.size());
  RETURN_IF_ERROR(
      table.FindOrInsert(keys, nullptr, rows.data(), static_cast<int64_t>(rows.size()), slots_.data(), nullptr));
  // Rows of one key together, in order, so that its text is written once.
  order_.clear();
  for (uint32_t i = 0; i < rows.size(); ++i) order_.emplace_back(slots_[i], i);
  if (!std::is_sorted(order_.begin(), order_.end())) std::sort(order_.begin(), order_.end());
  full_.clear();
  for (size_t from = 0; from < order_.size();) {
    const uint32_t slot = order_[from].first;
    const uint32_t first = order_[from].second;
    text_.assign(table.text(slot));
    for (; from < order_.size() && order_[from].first == slot; ++from) text_.append(records[order_[from].second]);
    table.set_text(slot, text_);
    if (text_.size() >= kChunkBytes) full_.push_back(rows[first]);
  }
  for (const uint32_t row : full_) RETURN_IF_ERROR(Seal(table, keys, row));
  return absl::OkStatus();
}

absl::Status SideRows::Seal(NamespaceTable& table, const batch::KeyBatch& keys, uint32_t row) {
  uint32_t slot;
  RETURN_IF_ERROR(table.FindOrInsert(keys, nullptr, &row, 1, &slot, nullptr));
  const uint32_t chunk = ChunksOf(table.value(slot));
  const uint32_t chunks = chunk + 1;
  std::memcpy(table.value(slot), &chunks, sizeof(chunks));
  text_.assign(table.text(slot));
  table.set_text(slot, {});
  SetChunk(keys, row, chunk, &chunk_keys_, &chunk_numbers_);
  RETURN_IF_ERROR(table.FindOrInsert(chunk_keys_, &chunk_numbers_, &kFirstRow, 1, &slot, nullptr));
  table.set_text(slot, text_);
  return absl::OkStatus();
}

absl::Status SideRows::Probe(NamespaceId bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows,
                             const Visit& visit) {
  NamespaceTable* table = table_->Find(bucket);
  if (table == nullptr) return absl::OkStatus();
  slots_.resize(rows.size());
  RETURN_IF_ERROR(table->Find(keys, nullptr, rows.data(), static_cast<int64_t>(rows.size()), slots_.data()));
  chunked_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t slot = slots_[i];
    if (slot == kNoSlot) continue;
    if (const uint32_t chunks = ChunksOf(table->value(slot)); chunks > 0) chunked_.emplace_back(rows[i], chunks);
    text_.assign(table->text(slot));
    ASSIGN_OR_RETURN(const bool changed, visit(rows[i], &text_));
    if (!changed) continue;
    table->set_text(slot, text_);
    table->MarkChanged(&slot, 1);
  }
  for (const auto& [row, chunks] : chunked_) {
    for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
      SetChunk(keys, row, chunk, &chunk_keys_, &chunk_numbers_);
      uint32_t slot;
      RETURN_IF_ERROR(table->Find(chunk_keys_, &chunk_numbers_, &kFirstRow, 1, &slot));
      if (slot == kNoSlot) return absl::DataLossError("state of the join lacks a chunk of a key's rows");
      text_.assign(table->text(slot));
      ASSIGN_OR_RETURN(const bool changed, visit(row, &text_));
      if (!changed) continue;
      table->set_text(slot, text_);
      table->MarkChanged(&slot, 1);
    }
  }
  return absl::OkStatus();
}

absl::Status SideRows::Scan(NamespaceId bucket, uint64_t* cursor, NamespaceTable::Page* page) {
  NamespaceTable* table = table_->Find(bucket);
  if (table == nullptr) {
    page->last = true;
    return absl::OkStatus();
  }
  return table->Scan(cursor, 256, page);
}

}  // namespace weir::taskmanager
