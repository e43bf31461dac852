#include "taskmanager/executor/restored_manifest.h"

#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest_codec.h"

namespace weir::taskmanager {

absl::StatusOr<std::shared_ptr<const checkpoint::Manifest>> RestoredManifest::Get() {
  std::call_once(once_, [this] {
    auto bytes = storage_->Read(file_);
    if (!bytes.ok()) {
      // A checkpoint whose manifest is not there is damaged.
      result_ = absl::IsNotFound(bytes.status())
                    ? absl::DataLossError(absl::StrCat(storage_->UserPath(file_.path), " is missing"))
                    : bytes.status();
      return;
    }
    auto manifest = checkpoint::DecodeManifest(*bytes, storage_->UserPath(file_.path));
    if (manifest.ok()) {
      result_ = std::make_shared<const checkpoint::Manifest>(*std::move(manifest));
    } else {
      result_ = manifest.status();
    }
  });
  return result_;
}

}  // namespace weir::taskmanager
