// JobMaster: how a job comes into being, anew, from a checkpoint, or from the metadata store.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/checkpoint_files.h"
#include "jobmanager/job/restore_check.h"
#include "jobmanager/job_master.h"
#include "jobmanager/known_storage.h"

namespace weir::jobmanager {
namespace {

using checkpoint::Manifest;
using checkpoint::Storage;

constexpr SteadyMicros kStorageRetry = 1'000'000;

struct Import {
  std::shared_ptr<Storage> storage;
  absl::Status status;
  std::optional<Manifest> manifest;
  checkpoint::FileRef file;
  JobId former;  // whose checkpoint it is
};

struct ImportRequest {
  std::string from;
  JobId job;
  LeaderEpoch epoch;
  std::string name;
  std::string uri;
  std::shared_ptr<const plan::ExecutionPlan> plan;
};

/// Takes a checkpoint over into a new job's storage and writes its manifest: checkpoint 0 of
/// attempt 1, or, with handles that are to be resolved first, a staged manifest of attempt 0.
absl::Status TakeOver(const JobManagerParts& parts, const ImportRequest& request, Import* out) {
  ASSIGN_OR_RETURN(RestorePath path, ParseRestorePath(request.from));
  // What lies inside the job's own storage is read through that, so that files are linked, not
  // copied.
  const std::string root = request.uri + "/";
  if (path.storage.starts_with(root)) {
    path.manifest = path.storage.substr(root.size()) + "/" + path.manifest;
    path.storage = request.uri;
  }
  const bool same = path.storage == request.uri;
  std::shared_ptr<Storage> source = out->storage;
  if (!same) {
    auto opened = parts.open_storage(path.storage, false);
    if (!opened.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat(request.from, " cannot be read: ", opened.status().message()));
    }
    source = *opened;
  }
  ASSIGN_OR_RETURN(Manifest manifest, ReadForRestore(*source, path));
  ApplyRenames(*request.plan, &manifest);
  RETURN_IF_ERROR(Annotate(CheckRestore(*request.plan, manifest),
                           absl::StrCat("cannot start from ", request.from)));
  RETURN_IF_ERROR(ImportFiles(*source, *out->storage, same, request.job, &manifest));
  const bool staged = HasHandles(manifest);
  out->former = manifest.job;
  manifest.job = request.job;
  manifest.job_name = request.name;
  manifest.id = CheckpointId(0);
  manifest.attempt = Attempt(staged ? 0 : 1);
  manifest.epoch = request.epoch;
  manifest.savepoint = manifest.self_contained = false;
  ASSIGN_OR_RETURN(out->file,
                   WriteManifest(*out->storage,
                                 checkpoint::ManifestPath(request.job, manifest.id, request.epoch,
                                                          manifest.attempt),
                                 manifest));
  out->manifest = std::move(manifest);
  return absl::OkStatus();
}

}  // namespace

void JobMaster::Submit(const SubmitRequest& request, Done<JobId> done) {
  submit_done_ = std::move(done);
  struct Checked {
    KnownStorage opened;
    absl::Status preflight;
  };
  runtime::RunThen<Checked>(
      context_->parts.background, context_->parts.loop,
      [parts = &context_->parts, uri = durable_.storage, fresh = durable_.id.value, plan = plan_] {
        Checked checked{OpenKnownStorage(*parts, uri, fresh), absl::OkStatus()};
        KnownStorage& opened = checked.opened;
        if (opened.status.ok()) opened.status = opened.storage->Probe();
        if (opened.status.ok() && parts->preflight) checked.preflight = parts->preflight(*plan->spec);
        return checked;
      },
      [self = shared_from_this(), from = request.from](Checked checked) {
        if (!checked.preflight.ok()) return self->Refuse(checked.preflight);
        KnownStorage& opened = checked.opened;
        if (!opened.status.ok()) {
          const bool wrong = absl::IsInvalidArgument(opened.status);
          return self->Refuse(absl::Status(
              wrong ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kUnavailable,
              absl::StrCat("the checkpoint storage ", self->durable_.storage, ": ",
                           opened.status.message())));
        }
        self->storage_ = std::move(opened.storage);
        if (from.empty()) return self->CreateRecord(std::nullopt, std::nullopt, nullptr);
        self->ImportAndCreate(from);
      });
}

void JobMaster::ImportAndCreate(const std::string& from) {
  ImportRequest request{from, durable_.id, context_->epoch, durable_.name, durable_.storage, plan_};
  runtime::RunThen<Import>(
      context_->parts.background, context_->parts.loop,
      [parts = &context_->parts, request, storage = storage_] {
        Import import;
        import.storage = storage;
        import.status = TakeOver(*parts, request, &import);
        return import;
      },
      [self = shared_from_this(), from](Import import) {
        if (!import.status.ok()) {
          absl::Status why = import.status;
          if (absl::IsDataLoss(why))
            why =
                absl::FailedPreconditionError(absl::StrCat("CHECKPOINT_CORRUPT: ", why.message()));
          return self->Refuse(std::move(why));
        }
        self->Log(absl::StrCat("starts from ", from));
        if (import.manifest->attempt.value == 0) {
          if (self->context_->is_running(import.former)) {
            return self->Refuse(absl::FailedPreconditionError(absl::StrCat(
                from, " holds transactions of job ", import.former.value,
                ", which has not ended: both would resolve them. Cancel or stop it first, or start "
                "from a savepoint")));
          }
          return self->CreateRecord(std::nullopt, import.file, &*import.manifest);
        }
        CompletedCheckpoint zero{CheckpointId(0), Attempt(1), import.file};
        zero.completed_at_ms = self->context_->wall_ms();
        self->CreateRecord(zero, std::nullopt, &*import.manifest);
      });
}

void JobMaster::UseManifest(const Manifest& manifest) {
  sources_ = manifest.sources;
  TakeHandles(manifest.subtasks);
}

void JobMaster::CreateRecord(std::optional<CompletedCheckpoint> zero,
                             std::optional<checkpoint::FileRef> staged, const Manifest* manifest) {
  proposed_.epoch = context_->epoch;
  proposed_.attempt = Attempt(1);
  proposed_.staged = std::move(staged);
  proposed_.ids_reserved = CheckpointId(next_id_.value + CheckpointCoordinator::kIdBlock);
  if (zero) {
    proposed_.retained.push_back(*zero);
    proposed_.last_id = zero->id;
    proposed_.state = JobState::kRunning;
  }
  if (manifest != nullptr) {
    UseManifest(*manifest);
    std::vector<std::string> files;
    for (const auto& file : checkpoint::FilesOf(*manifest)) files.push_back(file.path);
    if (zero) retention_.Add(zero->id, zero->manifest.path, std::move(files));
  }
  writer_->Create(proposed_, spec_,
                  [self = shared_from_this(), record = proposed_](const absl::Status& status) {
                    if (!status.ok()) {
                      return self->Refuse(absl::UnavailableError(
                          absl::StrCat("the job could not be recorded: ", status.message())));
                    }
                    self->durable_ = record;
                    self->recorded_ = true;
                    self->Log("submitted", {{"id", record.id.value}});
                    self->StartRun(record.staged ? Next::kResolve : Next::kRun, 0);
                    self->run_->recorded = true;
                    self->TryDeploy();
                  });
}

void JobMaster::Refuse(absl::Status why) {
  log::Warning(std::string("submission refused: ") + std::string(why.message()),
               {{"job", durable_.name}});
  proposed_.state = durable_.state = JobState::kFailed;
  EraseRecord();
  auto done = std::move(submit_done_);
  submit_done_ = nullptr;
  context_->ended(this);
  if (done) done(std::move(why));
}

void JobMaster::EraseRecord() {
  // A record that was perhaps written must not bring the job back.
  runtime::RunThen<absl::Status>(
      context_->parts.io, context_->parts.loop,
      [store = context_->parts.store, id = durable_.id] { return store->Delete(id); },
      [self = shared_from_this()](const absl::Status& status) {
        if (status.ok() || absl::IsAborted(status)) return;
        self->context_->parts.loop->PostAt(self->context_->now() + kStorageRetry,
                                           [self] { self->EraseRecord(); });
      });
}

void JobMaster::Resume() {
  if (!recorded_) OpenAdoption();
  recorded_ = ran_ = true;
  runtime::RunThen<KnownStorage>(
      context_->parts.background, context_->parts.loop,
      [parts = &context_->parts, uri = durable_.storage, fresh = durable_.id.value] {
        return OpenKnownStorage(*parts, uri, fresh);
      },
      [self = shared_from_this()](KnownStorage opened) {
        if (self->ended() || self->finishing_) return;  // cancelled, and not resolved in time
        if (!opened.status.ok()) {
          self->LogWarning(
              absl::StrCat("waits for its checkpoint storage: ", opened.status.message()));
          return self->After(kStorageRetry, [self = self.get()] { self->Resume(); });
        }
        self->storage_ = std::move(opened.storage);
        self->ReadRetained();
      });
}

void JobMaster::ResumeAsFailed(const absl::Status& why) {
  recorded_ = true;
  FinishEnd(JobState::kFailed,
            MakeFailure(absl::Status(why.code(), absl::StrCat("this build cannot take the job up: ",
                                                              why.message())),
                        control::FailureDomain::kUser, ""),
            {});
}

void JobMaster::ReadRetained() {
  struct Read {
    CompletedCheckpoint done;
    absl::StatusOr<Manifest> manifest;
  };
  std::vector<CompletedCheckpoint> list = proposed_.retained;
  if (proposed_.staged) list.push_back({CheckpointId(0), Attempt(0), *proposed_.staged});
  runtime::RunThen<std::vector<Read>>(
      context_->parts.background, context_->parts.loop,
      [storage = storage_, list = std::move(list)] {
        std::vector<Read> reads;
        for (const CompletedCheckpoint& done : list)
          reads.push_back({done, ReadManifest(*storage, done.manifest)});
        return reads;
      },
      [self = shared_from_this()](std::vector<Read> reads) {
        if (self->ended() || self->finishing_) return;
        for (const Read& read : reads) {
          const absl::Status& status = read.manifest.status();
          if (!status.ok() && !absl::IsDataLoss(status) && !absl::IsFailedPrecondition(status)) {
            self->LogWarning(absl::StrCat("waits for its checkpoint storage: ", status.message()));
            return self->After(kStorageRetry, [self = self.get()] { self->ReadRetained(); });
          }
          if (!status.ok()) {
            self->LogWarning(absl::StrCat("checkpoint ", read.done.id.value,
                                          " cannot be read: ", status.message()));
            continue;
          }
          std::vector<std::string> files;
          for (const auto& file : checkpoint::FilesOf(*read.manifest)) files.push_back(file.path);
          self->retention_.Add(read.done.id, read.done.manifest.path, std::move(files));
          self->UseManifest(*read.manifest);
        }
        if (!reads.empty() && !reads.back().manifest.ok() && !self->proposed_.end) {
          return self->OnCorrupt(self->MakeFailure(reads.back().manifest.status(),
                                                   control::FailureDomain::kInternal, ""));
        }
        if (self->proposed_.end) {
          // Cancelled meanwhile, it is being resolved already.
          if (!self->run_ || !self->run_->resolver) self->BeginEnd();
          return;
        }
        self->Log("taken up");
        self->OnRetainedRead();
      });
}

void JobMaster::OnStagedResolved() {
  // Resolved: checkpoint 0 is the staged manifest without its handles.
  const Attempt attempt = run_->number;
  const std::string path =
      checkpoint::ManifestPath(durable_.id, CheckpointId(0), context_->epoch, attempt);
  struct Written {
    absl::StatusOr<checkpoint::FileRef> file;
    Manifest manifest;
  };
  runtime::RunThen<Written>(
      context_->parts.io, context_->parts.loop,
      [storage = storage_, staged = *durable_.staged, path, attempt,
       epoch = context_->epoch]() -> Written {
        auto manifest = ReadManifest(*storage, staged);
        if (!manifest.ok()) return {manifest.status(), {}};
        DropHandles(&*manifest);
        manifest->attempt = attempt;
        manifest->epoch = epoch;
        auto file = WriteManifest(*storage, path, *manifest);
        return {std::move(file), std::move(*manifest)};
      },
      [self = shared_from_this(), attempt](Written written) {
        if (!self->IsCurrent(attempt)) return;
        if (!written.file.ok()) {
          return self->FailAttempt(
              self->MakeFailure(written.file.status(), control::FailureDomain::kExternal, ""));
        }
        std::vector<std::string> files;
        for (const auto& file : checkpoint::FilesOf(written.manifest)) files.push_back(file.path);
        self->retention_.Add(CheckpointId(0), written.file->path, std::move(files));
        self->UseManifest(written.manifest);
        CompletedCheckpoint zero{CheckpointId(0), attempt, *written.file};
        zero.completed_at_ms = self->context_->wall_ms();
        self->Log("transactions of the checkpoint started from are resolved");
        self->BeginAttempt(Next::kRun, 0, [zero](JobRecord& r) {
          r.retained = {zero};
          r.last_id = CheckpointId(0);
          r.staged.reset();
          r.state = JobState::kRunning;
        });
      });
}

}  // namespace weir::jobmanager
