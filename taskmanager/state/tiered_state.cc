#include "taskmanager/state/tiered_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {

using checkpoint::DeltaBuilder;

namespace {

// The dump keeps pace with the changes: it ends after about as many as there are entries, each a batch's row.
constexpr int64_t kDumpBytesPerRow = 128;
constexpr int64_t kDumpBetweenBarriers = 64 << 20;

class ChainWriter final : public KeyedSnapshotWriter {
 public:
  ChainWriter(std::shared_ptr<SnapshotChain> chain, CheckpointId checkpoint)
      : chain_(std::move(chain)), checkpoint_(checkpoint) {}
  absl::StatusOr<checkpoint::KeyedSnapshot> Write() override {
    return chain_->Write(checkpoint_, &bytes_written_);
  }
  int64_t bytes_written() const override { return bytes_written_; }

 private:
  const std::shared_ptr<SnapshotChain> chain_;
  const CheckpointId checkpoint_;
  int64_t bytes_written_ = 0;
};

}  // namespace

TieredState::TieredState(KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
                         std::unique_ptr<OrderedStoreFactory> stores,
                         checkpoint::KeyedSnapshot restored)
    : options_(std::move(options)),
      storage_(std::move(storage)),
      stores_(std::move(stores)),
      chain_(
          std::make_shared<SnapshotChain>(storage_, options_.storage_prefix, std::move(restored))),
      spill_at_(options_.memory_budget_bytes) {}

TieredState::~TieredState() = default;

absl::StatusOr<KeyedTable*> TieredState::OpenTable(const TableSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kMaxTableName || spec.value_width < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", spec.name, "' is no state table"));
  }
  std::unique_ptr<TieredTable>& table = tables_[spec.name];
  if (table == nullptr) table = std::make_unique<TieredTable>(this, spec);
  if (!(table->spec() == spec)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "state table '", spec.name, "' was written with values of ", table->spec().value_width,
        table->spec().has_text ? " bytes and text" : " bytes", ", this job has ", spec.value_width,
        spec.has_text ? " bytes and text" : " bytes", "; start without the checkpoint"));
  }
  return table.get();
}

int64_t TieredState::memory_bytes() const { return table_bytes_ + DeltaBytes() - dirty_bytes_ + chain_->SpareBytes(); }

int64_t TieredState::DeltaBytes() const {
  const size_t begun = next_.size() + (dump_.has_value() ? dump_->slice.size() : 0);
  return chain_->PendingBytes() + static_cast<int64_t>(begun) + dirty_bytes_;
}

void TieredState::OnDrop(const std::string& table, TieredNamespace& entries) {
  CopyAllOf(entries);
  if (entries.persisted_) dropped_.emplace_back(table, entries.ns_);
  if (entries.on_disk_) cold_drops_.emplace_back(table, entries.ns_);
}

void TieredState::OnSlotsMoved(const std::string& table, NamespaceId ns) {
  if (dump_.has_value() && dump_->begun && dump_->table == table && dump_->ns == ns)
    dump_->slot = 0;
}

bool TieredState::NeedsBase() const {
  if (base_wanted_) return true;
  const int64_t state_bytes = table_bytes_ + (store_ != nullptr ? store_->ApproximateBytes() : 0);
  return chain_->DeltaBytes() > std::max(options_.min_delta_bytes, state_bytes) ||
         chain_->DeltaCount() >= options_.max_deltas;
}

void TieredState::DumpBetweenBarriers(int64_t rows) {
  if (!dump_.has_value() || dump_->complete) return;
  dump_->credit += rows * kDumpBytesPerRow;
  // What is dumped waits in memory for the next barrier's writer.
  const int64_t most = std::min(std::max(kDumpBetweenBarriers, static_cast<int64_t>(last_delta_bytes_) * 2),
                                options_.memory_budget_bytes / 4);
  const auto waiting = static_cast<int64_t>(dump_->slice.size());
  if (dump_->credit < options_.dump_slice_bytes / 8 || waiting > most) return;
  dump_->complete =
      DumpSlice(&*dump_, static_cast<size_t>(waiting + dump_->credit), &dump_->slice);
  dump_->credit = 0;
}

bool TieredState::DumpSlice(Dump* dump, size_t slice_bytes, DeltaBuilder* out) {
  auto table = dump->begun ? tables_.lower_bound(dump->table) : tables_.begin();
  for (; table != tables_.end(); ++table) {
    const TableSpec& spec = table->second->spec();
    auto& namespaces = table->second->namespaces();
    const bool same_table = dump->begun && table->first == dump->table;
    auto it = same_table ? namespaces.lower_bound(dump->ns) : namespaces.begin();
    for (; it != namespaces.end(); ++it) {
      TieredNamespace& entries = *it->second;
      uint32_t slot = same_table && it->first == dump->ns ? dump->slot : 0;
      if (slot >= entries.entries_.slots()) continue;
      out->BeginEntries(spec.name, static_cast<uint32_t>(spec.value_width), spec.has_text,
                        it->first);
      removed_.clear();
      for (; slot < entries.entries_.slots() && out->size() < slice_bytes; ++slot) {
        if (entries.entries_.HasEntry(slot)) {
          AddEntry(entries, slot, out);
          // It may not have been cut yet; from now on it cannot go without a trace.
          entries.entries_.add_flags(slot, EntryTable::kPersisted);
        } else if ((entries.entries_.flags(slot) & EntryTable::kRemoved) != 0) {
          removed_.push_back(slot);
        }
      }
      out->EndEntries();
      entries.persisted_ = true;
      AddRemovals(entries, removed_, out);
      if (out->size() >= slice_bytes) {
        dump->table = table->first;
        dump->ns = it->first;
        dump->slot = slot;
        dump->begun = true;
        return false;
      }
    }
  }
  return true;
}

void TieredState::AddBasePart(CheckpointId checkpoint) {
  if (!dump_->slice.empty()) chain_->AddBasePart(checkpoint, dump_->slice.Take());
}

absl::StatusOr<std::unique_ptr<KeyedSnapshotWriter>> TieredState::Freeze(CheckpointId checkpoint) {
  const int64_t budget = options_.memory_budget_bytes;
  // Memory of parts is kept where no entry has to go for it.
  chain_->KeepSpare(stores_ == nullptr ? budget / 8 : std::clamp(budget / 8 * 7 - table_bytes_, int64_t{0}, budget / 8));
  FinishCopy();
  const int64_t frozen = BeginCut();
  copying_for_ = checkpoint;
  if (frozen <= options_.copied_at_barrier && !WEIR_BUGGIFY("copy_after_barrier")) CopyOn(kAllEntries);
  const bool all_at_once = base_wanted_;
  bool begun_now = false;
  if (!dump_.has_value() && !chain_->BaseInProgress() && NeedsBase()) {
    dump_.emplace();
    dump_->covers = checkpoint;
    begun_now = true;
  }
  bool complete = false;
  if (dump_.has_value()) {
    // While batches take it on, the barrier need not; nor the first one, of what takes more than a slice.
    const bool begins = begun_now && table_bytes_ > options_.dump_slice_bytes;
    const bool goes_on = (begins || !dump_->slice.empty()) && !all_at_once;
    AddBasePart(checkpoint);
    complete = dump_->complete;
    while (!complete && !goes_on) {
      complete = DumpSlice(&*dump_, static_cast<size_t>(options_.dump_slice_bytes), &dump_->slice);
      AddBasePart(checkpoint);
      if (!all_at_once) break;
      // The one write at a barrier: after a restore from others' state, if the whole does not fit the memory twice. A
      // storage that fails here fails the checkpoint too, which says so.
      chain_->WriteAhead(options_.memory_budget_bytes / 4).IgnoreError();
    }
  }
  frozen_ = checkpoint;
  if (begun_now && complete) {
    // A base that begins and ends here holds what the delta would say.
    CopyOn(kAllEntries);
    next_.Take();
  }
  if (!copying_) FinishDelta();
  if (complete) {
    // The store is to stand exactly here.
    if (store_ != nullptr) RETURN_IF_ERROR(ApplyDrops());
    chain_->FinishBase(checkpoint, dump_->covers, store_);
    dump_.reset();
    base_wanted_ = false;
  }
  return std::make_unique<ChainWriter>(chain_, checkpoint);
}

}  // namespace weir::taskmanager
