#include "taskmanager/operator/sink_operator.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// Makes the handle of what was sealed at a barrier; run in the serial queue.
class PreCommit final : public AsyncSnapshot {
 public:
  PreCommit(std::string node, int32_t subtask, CheckpointId checkpoint, std::shared_ptr<TwoPhaseCommitSink> sink,
            std::unique_ptr<SealedTransaction> sealed, std::shared_ptr<PendingHandles> pending)
      : node_(std::move(node)), subtask_(subtask), checkpoint_(checkpoint), sink_(std::move(sink)),
        sealed_(std::move(sealed)), pending_(std::move(pending)) {}

  absl::StatusOr<checkpoint::OperatorSnapshot> Run() override {
    RETURN_IF_ERROR(WEIR_FAILPOINT("before_pre_commit"));
    if (sealed_ != nullptr) {
      ASSIGN_OR_RETURN(std::optional<std::string> bytes, sealed_->PreCommit());
      if (bytes) {
        checkpoint::SinkHandle handle;
        handle.checkpoint = checkpoint_;
        handle.owner_subtask = subtask_;
        handle.connector = sink_->connector();
        handle.bytes = *std::move(bytes);
        handle.deadline_ms = sealed_->deadline_ms();
        handle.files = sealed_->files();
        pending_->handles.push_back(std::move(handle));
      }
    }
    RETURN_IF_ERROR(WEIR_FAILPOINT("after_pre_commit"));
    checkpoint::OperatorSnapshot snapshot;
    snapshot.node = node_;
    snapshot.handles = pending_->handles;
    return snapshot;
  }

 private:
  std::string node_;
  int32_t subtask_;
  CheckpointId checkpoint_;
  std::shared_ptr<TwoPhaseCommitSink> sink_;
  std::unique_ptr<SealedTransaction> sealed_;
  std::shared_ptr<PendingHandles> pending_;
};

}  // namespace

SinkOperator::SinkOperator(Options options, std::unique_ptr<TwoPhaseCommitSink> sink)
    : options_(std::move(options)), sink_(std::move(sink)), pending_(std::make_shared<PendingHandles>()) {}

absl::Status SinkOperator::Open(const OperatorContext& context) {
  context_ = context;
  return Annotate(sink_->Open(), context.plan->name);
}

absl::Status SinkOperator::Process(batch::Batch batch, Output& output) {
  context_.counters->rows_out += batch.rows;
  return Annotate(sink_->Write(batch), context_.plan->name);
}

absl::StatusOr<std::unique_ptr<AsyncSnapshot>> SinkOperator::Snapshot(CheckpointId checkpoint) {
  ASSIGN_OR_RETURN(std::unique_ptr<SealedTransaction> sealed, sink_->Seal(checkpoint));
  return std::make_unique<PreCommit>(context_.plan->name, context_.subtask.index, checkpoint, sink_, std::move(sealed),
                                     pending_);
}

void SinkOperator::OnCheckpointComplete(CheckpointId checkpoint) {
  options_.run_async([sink = sink_, pending = pending_, checkpoint, done = options_.on_committed] {
    std::vector<checkpoint::SinkHandle>& handles = pending->handles;
    while (!handles.empty() && handles.front().checkpoint <= checkpoint) {
      // Idempotent: what becomes of the first one does not matter.
      if (WEIR_BUGGIFY("commit_twice")) sink->Commit(handles.front().bytes).IgnoreError();
      if (absl::Status status = sink->Commit(handles.front().bytes); !status.ok()) {
        done(checkpoint, Annotate(status, absl::StrCat("commit of checkpoint ", handles.front().checkpoint.value)));
        return;
      }
      handles.erase(handles.begin());
    }
    done(checkpoint, absl::OkStatus());
  });
}

absl::Status ResolveHandles(TwoPhaseCommitSink& sink, std::vector<checkpoint::SinkHandle> handles,
                            const std::string& node) {
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_resolve"));
  for (const checkpoint::SinkHandle& handle : handles) {
    if (handle.connector != sink.connector()) {
      return absl::FailedPreconditionError(
          absl::StrCat(node, ": the checkpoint holds a transaction of a `", handle.connector, "` sink, but the sink is a `",
                       sink.connector(), "` now; let the old job finish first, or start it from a savepoint"));
    }
  }
  std::map<int32_t, std::vector<checkpoint::SinkHandle>> by_owner;
  for (checkpoint::SinkHandle& handle : handles) by_owner[handle.owner_subtask].push_back(std::move(handle));
  absl::Status first;
  for (auto& [owner, owned] : by_owner) {
    std::stable_sort(owned.begin(), owned.end(),
                     [](const auto& a, const auto& b) { return a.checkpoint < b.checkpoint; });
    const absl::Status status = Annotate(sink.ResolveAll(owned), node);
    // What is lost for good of one owner must not let another's transactions, which were decided too, time out.
    if (!status.ok() && !absl::IsDataLoss(status) && !absl::IsFailedPrecondition(status)) return status;
    if (first.ok()) first = status;
    RETURN_IF_ERROR(WEIR_FAILPOINT("in_resolve"));
  }
  return first;
}

}  // namespace weir::taskmanager
