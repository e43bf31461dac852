#include "taskmanager/operator/keyed_operator.h"

#include <string>
#include <utility>

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

class KeyedStateSnapshot final : public AsyncSnapshot {
 public:
  KeyedStateSnapshot(std::string node, std::unique_ptr<KeyedSnapshotWriter> writer)
      : node_(std::move(node)), writer_(std::move(writer)) {}

  absl::StatusOr<checkpoint::OperatorSnapshot> Run() override {
    checkpoint::OperatorSnapshot snapshot;
    snapshot.node = node_;
    ASSIGN_OR_RETURN(checkpoint::KeyedSnapshot keyed, writer_->Write());
    snapshot.keyed.push_back(std::move(keyed));
    return snapshot;
  }
  int64_t bytes_written() const override { return writer_->bytes_written(); }

 private:
  std::string node_;
  std::unique_ptr<KeyedSnapshotWriter> writer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AsyncSnapshot>> KeyedOperator::Snapshot(CheckpointId checkpoint) {
  ASSIGN_OR_RETURN(std::unique_ptr<KeyedSnapshotWriter> writer, context_.state->Freeze(checkpoint));
  return std::make_unique<KeyedStateSnapshot>(context_.plan->name, std::move(writer));
}

Progress KeyedOperator::ContinueSnapshot() {
  // About a millisecond. With fewer, what the last batches changed leaves the cache before it is copied.
  constexpr int64_t kEntries = 8192;
  return context_.state->CopyFrozen(kEntries) ? Progress::kDone : Progress::kMore;
}

}  // namespace weir::taskmanager
