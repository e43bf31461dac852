// JobMaster: what the sources have found to read.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/checkpoint_files.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {

using control::FailureDomain;

void JobMaster::OnSplitsFound(const control::SplitsFound& m) {
  if (run_->resolver || run_->recording_splits) return;
  if (run_->splits_recorded) return OnSplitsGrown(m.source);
  run_->splits[m.source.node] = m.source;
  std::vector<checkpoint::SourceSplits> sources;
  for (const plan::Task& task : plan_->tasks) {
    for (const plan::PlanOperator& op : task.operators) {
      if (op.kind != plan::OperatorKind::kSource) continue;
      auto it = run_->splits.find(op.name);
      if (it == run_->splits.end()) return;
      sources.push_back(it->second);
    }
  }
  sources_ = std::move(sources);
  RecordSplits();
}

void JobMaster::RecordSplits() {
  run_->recording_splits = true;
  const Attempt attempt = run_->number;
  checkpoint::Manifest manifest;
  manifest.job = durable_.id;
  manifest.job_name = durable_.name;
  manifest.attempt = attempt;
  manifest.epoch = context_->epoch;
  manifest.completed_at_ms = context_->wall_ms();
  manifest.max_parallelism = plan_->max_parallelism;
  manifest.state_layouts = plan::StateLayouts(*plan_);
  manifest.sources = sources_;
  const std::string path =
      checkpoint::ManifestPath(durable_.id, manifest.id, context_->epoch, attempt);
  runtime::RunThen<absl::StatusOr<checkpoint::FileRef>>(
      context_->parts.io, context_->parts.loop,
      [storage = storage_, path, manifest] { return WriteManifest(*storage, path, manifest); },
      [self = shared_from_this(), attempt](absl::StatusOr<checkpoint::FileRef> file) {
        if (!self->IsCurrent(attempt)) return;
        if (!file.ok()) {
          return self->FailAttempt(self->MakeFailure(
              absl::Status(file.status().code(), absl::StrCat("checkpoint 0 cannot be written: ",
                                                              file.status().message())),
              FailureDomain::kExternal, ""));
        }
        CompletedCheckpoint zero{CheckpointId(0), attempt, *file};
        zero.completed_at_ms = self->context_->wall_ms();
        zero.size_bytes = static_cast<int64_t>(file->size_bytes);
        self->retention_.Add(zero.id, file->path, {});
        self->Propose(
            [&](JobRecord& r) {
              r.retained = {zero};
              r.last_id = zero.id;
              if (!r.end) r.state = JobState::kRunning;
            },
            [self = self.get(), attempt] {
              if (!self->IsCurrent(attempt)) return;
              self->run_->splits_recorded = true;
              self->SendToAll(control::AssignSplits{
                  {self->context_->epoch, self->durable_.id, attempt}, self->sources_});
              self->MaybeAdvance();
            },
            true);
      });
}

void JobMaster::OnSplitsGrown(const checkpoint::SourceSplits& source) {
  // Said before the subtask that found them is restored: the attempt has not gone on yet. Manifests
  // have the longer list from now on; a checkpoint that knows nothing of it finds it again.
  for (checkpoint::SourceSplits& known : sources_) {
    if (known.node != source.node) continue;
    Log("a source has more splits than recorded",
        {{"source", source.node},
         {"splits", absl::StrCat(source.splits.size())},
         {"recorded", absl::StrCat(known.splits.size())}});
    known = source;
    run_->splits_grown = true;
  }
}

}  // namespace weir::jobmanager
