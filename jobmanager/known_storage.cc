#include "jobmanager/known_storage.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/storage_id.h"

namespace weir::jobmanager {
namespace {

absl::Status Open(const JobManagerParts& parts, const std::string& uri, const std::string& fresh_id,
                  KnownStorage* out) {
  ASSIGN_OR_RETURN(const std::string known, parts.store->StorageId(uri));
  // Only a storage that was never seen is made: an unmounted one must not be mistaken for a new
  // one.
  ASSIGN_OR_RETURN(out->storage, parts.open_storage(uri, known.empty()));
  if (known.empty()) {
    ASSIGN_OR_RETURN(out->id, checkpoint::ReadOrWriteStorageId(*out->storage, fresh_id));
    return parts.store->PutStorageId(uri, out->id);
  }
  auto id = checkpoint::ReadStorageId(*out->storage);
  if (!id.ok()) {
    return absl::Status(id.status().code(),
                        absl::StrCat(id.status().message(), " (this cluster has used ", uri,
                                     " before; if it was emptied on purpose, delete `storages` in "
                                     "the JobManager's state_dir)"));
  }
  out->id = *id;
  if (*id == known) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(uri, " is another storage than before (id ", *id,
                                             ", not ", known, "): is the right one mounted?"));
}

}  // namespace

KnownStorage OpenKnownStorage(const JobManagerParts& parts, const std::string& uri,
                              const std::string& fresh_id) {
  KnownStorage known;
  known.status = Open(parts, uri, fresh_id, &known);
  return known;
}

}  // namespace weir::jobmanager
