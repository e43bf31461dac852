#include "tests/simulation/bugs/state_bugs.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "common/base/status_macros.h"
#include "tests/simulation/bugs/wrapped_ports.h"

namespace weir::sim {
namespace {

using Aborted = std::set<CheckpointId>;

class DroppingWriter final : public taskmanager::KeyedSnapshotWriter {
 public:
  DroppingWriter(std::unique_ptr<KeyedSnapshotWriter> inner, std::shared_ptr<const Aborted> aborted)
      : inner_(std::move(inner)), aborted_(std::move(aborted)) {}
  absl::StatusOr<checkpoint::KeyedSnapshot> Write() override {
    ASSIGN_OR_RETURN(checkpoint::KeyedSnapshot chain, inner_->Write());
    std::erase_if(chain.deltas,
                  [this](const checkpoint::DeltaRef& delta) { return aborted_->contains(delta.checkpoint); });
    return chain;
  }
  int64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  const std::unique_ptr<KeyedSnapshotWriter> inner_;
  const std::shared_ptr<const Aborted> aborted_;
};

class DroppingState final : public taskmanager::KeyedState {
 public:
  explicit DroppingState(std::unique_ptr<KeyedState> inner) : inner_(std::move(inner)) {}
  absl::StatusOr<taskmanager::KeyedTable*> OpenTable(const taskmanager::TableSpec& spec) override {
    return inner_->OpenTable(spec);
  }
  bool CopyFrozen(int64_t entries) override { return inner_->CopyFrozen(entries); }
  absl::StatusOr<std::unique_ptr<taskmanager::KeyedSnapshotWriter>> Freeze(CheckpointId checkpoint) override {
    ASSIGN_OR_RETURN(std::unique_ptr<taskmanager::KeyedSnapshotWriter> writer, inner_->Freeze(checkpoint));
    return std::make_unique<DroppingWriter>(std::move(writer), aborted_);
  }
  void OnCheckpointComplete(CheckpointId checkpoint) override { inner_->OnCheckpointComplete(checkpoint); }
  void OnCheckpointAborted(CheckpointId checkpoint) override {
    aborted_->insert(checkpoint);
    inner_->OnCheckpointAborted(checkpoint);
  }
  int64_t memory_bytes() const override { return inner_->memory_bytes(); }

 private:
  const std::unique_ptr<KeyedState> inner_;
  const std::shared_ptr<Aborted> aborted_ = std::make_shared<Aborted>();
};

class RepeatingStore final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  absl::StatusOr<std::vector<StoredJob>> Load() override {
    ASSIGN_OR_RETURN(std::vector<StoredJob> jobs, WrappedStore::Load());
    for (StoredJob& job : jobs) {
      if (job.record.attempt.value > 0) --job.record.attempt.value;
    }
    return jobs;
  }
};

class LenientStore final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  absl::Status Put(const jobmanager::JobRecord& record) override {
    // What is checked is made to fit; what counts at a restore is the list.
    CheckpointId& greatest = greatest_[record.id];
    greatest = std::max(greatest, record.last_id);
    jobmanager::JobRecord fitting = record;
    fitting.last_id = greatest;
    return WrappedStore::Put(fitting);
  }

 private:
  std::map<JobId, CheckpointId> greatest_;
};

Wrappers OnDisks(const char* path, void (*damage)(DiskFaults*)) {
  Wrappers wrappers;
  wrappers.disks = [path = std::string(path), damage](SimulatedFileSystem* disks, int nodes) {
    for (int node = 0; node < nodes; ++node) {
      damage(path.empty() ? &disks->DiskOf(node).faults() : &disks->DiskAt(node, path).faults());
    }
  };
  return wrappers;
}

template <typename Store>
Wrappers AroundStores() {
  Wrappers wrappers;
  wrappers.metadata = [](auto inner) { return std::make_unique<Store>(std::move(inner)); };
  return wrappers;
}

}  // namespace

Wrappers AbortedDeltaDropped() {
  Wrappers wrappers;
  wrappers.state = [](auto inner) { return std::make_unique<DroppingState>(std::move(inner)); };
  return wrappers;
}

Wrappers FileSyncMissing(const char* path) {
  return OnDisks(path, [](DiskFaults* faults) { faults->ignores_sync = true; });
}
Wrappers FolderSyncMissing(const char* path) {
  return OnDisks(path, [](DiskFaults* faults) { faults->ignores_folder_sync = true; });
}
Wrappers AttemptReused() { return AroundStores<RepeatingStore>(); }
Wrappers OlderRecordAccepted() { return AroundStores<LenientStore>(); }

}  // namespace weir::sim
