#include "tests/simulation/oracle/restore_check.h"

#include "absl/strings/str_cat.h"
#include "jobmanager/checkpoint_files.h"

namespace weir::sim {
namespace {

Violations CheckOne(checkpoint::Storage& storage, const jobmanager::JobRecord& job,
                    const jobmanager::CompletedCheckpoint& done) {
  auto wrong = [&](const absl::Status& status) -> Violations {
    return {{"O4", absl::StrCat("checkpoint ", done.id.value, " of job ", job.id.value,
                                " cannot be restored: ", status.message())}};
  };
  const auto manifest = jobmanager::ReadManifest(storage, done.manifest);
  if (!manifest.ok()) return wrong(manifest.status());
  for (const checkpoint::FileRef& file : checkpoint::FilesOf(*manifest)) {
    const auto bytes = storage.Read(file);
    if (!bytes.ok()) return wrong(bytes.status());
  }
  return {};
}

}  // namespace

Violations CheckRestorable(checkpoint::Storage& storage, const Journal& journal) {
  for (const auto& [id, record] : journal.last_records) {
    for (const auto* list : {&record.retained, &record.savepoints}) {
      for (const jobmanager::CompletedCheckpoint& done : *list) {
        Violations found = CheckOne(storage, record, done);
        if (!found.empty()) return found;
      }
    }
  }
  return {};
}

}  // namespace weir::sim
