#include "jobmanager/record_writer.h"

#include <utility>

#include "common/base/failpoint.h"
#include "common/base/log/log.h"

namespace weir::jobmanager {
namespace {

constexpr SteadyMicros kRepeat = 200'000;

absl::Status PutOnWorker(MetadataStore* store, const JobRecord& record, bool checkpoint) {
  if (checkpoint) {
    if (absl::Status status = WEIR_FAILPOINT("before_metadata_record"); !status.ok()) return status;
  }
  absl::Status status = store->Put(record);
  if (status.ok() && checkpoint) status = WEIR_FAILPOINT("after_metadata_record");
  return status;
}

}  // namespace

void RecordWriter::Create(JobRecord record, std::string spec,
                          std::function<void(absl::Status)> then) {
  runtime::RunThen<absl::Status>(
      io_, loop_,
      [store = store_, record = std::move(record), spec = std::move(spec)] {
        return store->Create(record, spec);
      },
      std::move(then));
}

void RecordWriter::Put(JobRecord record, bool checkpoint, std::function<void()> then) {
  if (stopped_) return;
  queue_.push_back({std::move(record), checkpoint, std::move(then)});
  Next();
}

void RecordWriter::Next() {
  if (busy_ || stopped_ || queue_.empty()) return;
  busy_ = true;
  Write();
}

void RecordWriter::Write() {
  runtime::RunThen<absl::Status>(
      io_, loop_,
      [store = store_, record = queue_.front().record, checkpoint = queue_.front().checkpoint] {
        return PutOnWorker(store, record, checkpoint);
      },
      [self = shared_from_this()](const absl::Status& status) { self->OnAnswer(status); });
}

void RecordWriter::OnAnswer(const absl::Status& status) {
  if (stopped_) return;
  if (absl::IsAborted(status)) {
    stopped_ = true;
    queue_.clear();
    deposed_(status);
    return;
  }
  if (!status.ok()) {
    log::Error(
        std::string("job record not written, trying again: ") + std::string(status.message()),
        {{"job", queue_.front().record.name}});
    loop_->PostAt(loop_->clock().Steady() + kRepeat, [self = shared_from_this()] {
      if (!self->stopped_) self->Write();
    });
    return;
  }
  Item done = std::move(queue_.front());
  queue_.pop_front();
  busy_ = false;
  done.then();
  Next();
}

}  // namespace weir::jobmanager
