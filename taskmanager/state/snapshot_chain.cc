#include "taskmanager/state/snapshot_chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/delta.h"

namespace weir::taskmanager {

using checkpoint::DeltaBuilder;
using checkpoint::DeltaKind;
using checkpoint::DeltaRef;
using checkpoint::FileRef;
using checkpoint::KeyedSnapshot;

SnapshotChain::SnapshotChain(std::shared_ptr<checkpoint::Storage> storage, std::string prefix,
                             KeyedSnapshot restored)
    : storage_(std::move(storage)), prefix_(std::move(prefix)), chain_(std::move(restored)) {
  for (const DeltaRef& delta : chain_.deltas) {
    const auto size =
        static_cast<int64_t>(delta.is_inline() ? delta.bytes.size() : delta.file.size_bytes);
    delta_sizes_.emplace_back(delta.checkpoint, size);
    delta_bytes_ += size;
  }
  delta_count_ = static_cast<int64_t>(chain_.deltas.size());
}

void SnapshotChain::Queue(Item item) {
  std::lock_guard lock(mutex_);
  if (item.kind == Kind::kDelta) ++delta_count_;
  queue_.push_back(std::move(item));
}

void SnapshotChain::AddPart(std::string bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  pending_bytes_ += size;
  parts_.push_back({.kind = Kind::kDelta, .checkpoint = finished_, .bytes = std::move(bytes), .size = size});
}

void SnapshotChain::FinishDelta(CheckpointId checkpoint) {
  for (Item& part : parts_) {
    part.checkpoint = checkpoint;
    delta_sizes_.emplace_back(checkpoint, part.size);
    delta_bytes_ += part.size;
    Queue(std::move(part));
  }
  parts_.clear();
  std::lock_guard lock(mutex_);
  finished_ = checkpoint;
}

std::string SnapshotChain::TakeSpare() {
  std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  std::string taken = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= static_cast<int64_t>(taken.capacity());
  return taken;
}

void SnapshotChain::KeepSpare(int64_t bytes) {
  std::lock_guard lock(mutex_);
  spare_most_ = bytes;
  for (; spare_bytes_ > bytes; spare_.pop_back()) spare_bytes_ -= static_cast<int64_t>(spare_.back().capacity());
}

void SnapshotChain::AddBasePart(CheckpointId checkpoint, std::string bytes) {
  {
    std::lock_guard lock(mutex_);
    base_in_progress_ = true;
  }
  const auto size = static_cast<int64_t>(bytes.size());
  pending_bytes_ += size;
  Queue({.kind = Kind::kBasePart, .checkpoint = checkpoint, .bytes = std::move(bytes), .size = size});
}

void SnapshotChain::FinishBase(CheckpointId checkpoint, CheckpointId covers,
                               std::shared_ptr<OrderedStore> store) {
  while (!delta_sizes_.empty() && delta_sizes_.front().first <= covers) {
    delta_bytes_ -= delta_sizes_.front().second;
    delta_sizes_.pop_front();
  }
  {
    std::lock_guard lock(mutex_);
    base_in_progress_ = true;
    store_must_stand_ = store != nullptr;
  }
  Queue({.kind = Kind::kFinishBase,
         .checkpoint = checkpoint,
         .covers = covers,
         .store = std::move(store)});
}

bool SnapshotChain::BaseInProgress() const {
  std::lock_guard lock(mutex_);
  return base_in_progress_;
}

bool SnapshotChain::StoreMustStand() const {
  std::lock_guard lock(mutex_);
  return store_must_stand_;
}

int64_t SnapshotChain::DeltaCount() const {
  std::lock_guard lock(mutex_);
  return delta_count_;
}

std::string SnapshotChain::NewPath(const std::string& kind, CheckpointId checkpoint) {
  // The sequence makes the path new after a write whose outcome is unknown, too.
  return absl::StrCat(prefix_, kind, "-", checkpoint.value, "-", ++sequence_);
}

absl::StatusOr<FileRef> SnapshotChain::WriteFile(const std::string& kind, CheckpointId checkpoint,
                                                 const std::string& bytes, int64_t* bytes_written) {
  ASSIGN_OR_RETURN(FileRef file, storage_->Write(NewPath(kind, checkpoint), bytes));
  *bytes_written += static_cast<int64_t>(bytes.size());
  return file;
}

absl::StatusOr<KeyedSnapshot> SnapshotChain::Write(CheckpointId checkpoint,
                                                   int64_t* bytes_written) {
  std::lock_guard writer(write_mutex_);
  if (checkpoint < written_) {
    return absl::AbortedError(absl::StrCat("the state of checkpoint ", checkpoint.value,
                                           " was asked for after that of ", written_.value));
  }
  written_ = checkpoint;
  {
    std::lock_guard lock(mutex_);
    if (finished_ < checkpoint) {
      return absl::InternalError(absl::StrCat("the state of checkpoint ", checkpoint.value,
                                              " was asked for before all of it was copied"));
    }
    while (!queue_.empty() && queue_.front().checkpoint <= checkpoint) {
      work_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("before_upload"));
  // First, as the store must stand until then.
  for (Item& item : work_) RETURN_IF_ERROR(CheckpointStore(item));
  while (!work_.empty()) {
    RETURN_IF_ERROR(WriteItem(work_.front(), bytes_written));
    pending_bytes_ -= static_cast<int64_t>(work_.front().bytes.size());
    work_.pop_front();
  }
  RETURN_IF_ERROR(MergeInline(bytes_written));
  RETURN_IF_ERROR(JoinFiles(bytes_written));
  {
    std::lock_guard lock(mutex_);
    delta_count_ = static_cast<int64_t>(chain_.deltas.size());
    for (const Item& item : queue_) delta_count_ += item.kind == Kind::kDelta ? 1 : 0;
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("after_upload"));
  return chain_;
}

absl::Status SnapshotChain::WriteAhead(int64_t most) {
  for (Item& part : parts_) {
    if (!part.bytes.empty()) RETURN_IF_ERROR(WriteBytes(part));
  }
  if (PendingBytes() <= most) return absl::OkStatus();
  std::lock_guard writer(write_mutex_);
  // Nobody changes the queue meanwhile: this thread alone adds to it, and who takes from it holds that lock.
  for (std::deque<Item>* items : {&work_, &queue_}) {
    for (Item& item : *items) {
      if (!item.bytes.empty()) RETURN_IF_ERROR(WriteBytes(item));
    }
  }
  return absl::OkStatus();
}

absl::Status SnapshotChain::FreeStore() {
  std::lock_guard writer(write_mutex_);
  for (std::deque<Item>* items : {&work_, &queue_}) {
    for (Item& item : *items) RETURN_IF_ERROR(CheckpointStore(item));
  }
  return absl::OkStatus();
}

absl::Status SnapshotChain::CheckpointStore(Item& item) {
  if (item.store == nullptr || item.checkpointed) return absl::OkStatus();
  ASSIGN_OR_RETURN(item.files, item.store->Checkpoint());
  item.checkpointed = true;
  std::lock_guard lock(mutex_);
  store_must_stand_ = false;
  return absl::OkStatus();
}

void SnapshotChain::Seal(Item& item) {
  if (item.sealed) return;
  DeltaBuilder::Seal(item.checkpoint, item.kind == Kind::kDelta ? DeltaKind::kDelta : DeltaKind::kDump, &item.bytes);
  item.sealed = true;
}

absl::Status SnapshotChain::WriteBytes(Item& item) {
  Seal(item);
  int64_t counted_later = 0;
  ASSIGN_OR_RETURN(item.file, WriteFile(item.kind == Kind::kDelta ? "delta" : "base", item.checkpoint, item.bytes,
                                        &counted_later));
  pending_bytes_ -= static_cast<int64_t>(item.bytes.size());
  std::string bytes = std::exchange(item.bytes, {});
  const auto capacity = static_cast<int64_t>(bytes.capacity());
  std::lock_guard lock(mutex_);
  if (item.kind != Kind::kDelta || spare_bytes_ + capacity > spare_most_) return absl::OkStatus();
  spare_.push_back(std::move(bytes));
  spare_bytes_ += capacity;
  return absl::OkStatus();
}

absl::Status SnapshotChain::WriteItem(Item& item, int64_t* bytes_written) {
  if (item.kind == Kind::kFinishBase) return WriteBase(item, bytes_written);
  if (item.kind == Kind::kDelta && !item.bytes.empty() && item.bytes.size() <= kInlineDelta &&
      !WEIR_BUGGIFY("delta_in_a_file")) {
    Seal(item);
    *bytes_written += item.size;
    chain_.deltas.push_back({.checkpoint = item.checkpoint, .bytes = item.bytes});
    return absl::OkStatus();
  }
  if (!item.bytes.empty()) RETURN_IF_ERROR(WriteBytes(item));
  *bytes_written += item.size;
  if (item.kind == Kind::kBasePart) {
    base_parts_.push_back(std::move(item.file));
  } else {
    chain_.deltas.push_back({.checkpoint = item.checkpoint, .file = std::move(item.file)});
  }
  return absl::OkStatus();
}

absl::Status SnapshotChain::WriteBase(Item& item, int64_t* bytes_written) {
  KeyedSnapshot next;
  next.range = chain_.range;
  next.base_kind = "dump";
  if (item.store != nullptr) {
    next.base_kind = "rocksdb";
    // A sorted file never changes under its name: what the last base refers to is stored already.
    std::map<std::string, FileRef> stored = uploaded_;
    for (size_t i = 0; i < chain_.base.size() && chain_.base_kind == "rocksdb"; ++i) {
      if (chain_.base_names[i].ends_with(".sst"))
        stored.emplace(chain_.base_names[i], chain_.base[i]);
    }
    for (const OrderedStore::File& file : item.files) {
      auto known = stored.find(file.name);
      if (known == stored.end() || known->second.size_bytes != file.size_bytes) {
        ASSIGN_OR_RETURN(FileRef ref,
                         storage_->Store(file.local_path, NewPath("base", item.checkpoint)));
        *bytes_written += static_cast<int64_t>(ref.size_bytes);
        uploaded_[file.name] = ref;
        known = stored.insert_or_assign(file.name, std::move(ref)).first;
      }
      next.base.push_back(known->second);
      next.base_names.push_back(file.name);
    }
    item.store->ReleaseCheckpoint();
  }
  for (FileRef& part : base_parts_) {
    next.base.push_back(std::move(part));
    next.base_names.push_back("dump");
  }
  for (DeltaRef& delta : chain_.deltas) {
    if (delta.checkpoint > item.covers) next.deltas.push_back(std::move(delta));
  }
  chain_ = std::move(next);
  base_parts_.clear();
  uploaded_.clear();
  std::lock_guard lock(mutex_);
  base_in_progress_ = false;
  return absl::OkStatus();
}

absl::Status SnapshotChain::JoinFiles(int64_t* bytes_written) {
  std::vector<DeltaRef>& deltas = chain_.deltas;
  if (deltas.size() <= kJoinFrom) return absl::OkStatus();
  // The youngest, and those before that are small and no larger than all behind them.
  const size_t end = deltas.size();
  size_t begin = end;
  uint64_t total = 0;
  while (begin > 0) {
    const DeltaRef& delta = deltas[begin - 1];
    const uint64_t size = delta.is_inline() ? delta.bytes.size() : delta.file.size_bytes;
    if (total + size > kJoinedFile || (end - begin > 1 && size > total)) break;
    total += size;
    --begin;
  }
  if (end - begin < 2) return absl::OkStatus();
  std::string bytes;
  bytes.reserve(total);
  for (size_t i = begin; i < end; ++i) {
    if (deltas[i].is_inline()) {
      bytes += deltas[i].bytes;
      continue;
    }
    ASSIGN_OR_RETURN(const std::string part, storage_->Read(deltas[i].file));
    bytes += part;
  }
  DeltaRef joined{.checkpoint = deltas.back().checkpoint};
  ASSIGN_OR_RETURN(joined.file, WriteFile("delta", joined.checkpoint, bytes, bytes_written));
  deltas[begin] = std::move(joined);
  deltas.resize(begin + 1);
  return absl::OkStatus();
}

absl::Status SnapshotChain::MergeInline(int64_t* bytes_written) {
  size_t total = 0;
  for (const DeltaRef& delta : chain_.deltas) total += delta.bytes.size();
  if (total <= kInlineChain) return absl::OkStatus();
  std::vector<DeltaRef> merged;
  std::vector<DeltaRef>& old = chain_.deltas;
  for (size_t i = 0; i < old.size();) {
    if (!old[i].is_inline()) {
      merged.push_back(old[i++]);
      continue;
    }
    // Only neighbours, as the order of deltas says which value is newest. One that joins deltas
    // before and after a base stays behind that base, and does no harm there: it holds all deltas
    // from its first to its last.
    std::string bytes;
    size_t end = i;
    for (; end < old.size() && old[end].is_inline(); ++end) bytes += old[end].bytes;
    DeltaRef delta{.checkpoint = old[end - 1].checkpoint};
    ASSIGN_OR_RETURN(delta.file, WriteFile("delta", delta.checkpoint, bytes, bytes_written));
    merged.push_back(std::move(delta));
    i = end;
  }
  old = std::move(merged);
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
