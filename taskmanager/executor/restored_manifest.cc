#include "taskmanager/executor/restored_manifest.h"

#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest_codec.h"

namespace weir::taskmanager {

absl::StatusOr<std::shared_ptr<const checkpoint::Manifest>> RestoredManifest::Get() {
  std::lock_guard lock(mutex_);
  if (read_) return result_;
  auto bytes = storage_->Read(file_);
  if (!bytes.ok()) {
    // A checkpoint whose manifest is not there is damaged.
    result_ = absl::IsNotFound(bytes.status())
                  ? absl::DataLossError(absl::StrCat(storage_->UserPath(file_.path), " is missing"))
                  : bytes.status();
  } else {
    auto manifest = checkpoint::DecodeManifest(*bytes, storage_->UserPath(file_.path));
    if (manifest.ok()) {
      result_ = std::make_shared<const checkpoint::Manifest>(*std::move(manifest));
    } else {
      result_ = manifest.status();
    }
  }
  read_ = true;
  return result_;
}

}  // namespace weir::taskmanager
