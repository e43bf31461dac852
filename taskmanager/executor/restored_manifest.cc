#include "taskmanager/executor/restored_manifest.h"

#include "common/checkpoint/manifest_codec.h"

namespace weir::taskmanager {

absl::StatusOr<std::shared_ptr<const checkpoint::Manifest>> RestoredManifest::Get() {
  std::call_once(once_, [this] {
    auto bytes = storage_->Read(file_);
    if (!bytes.ok()) {
      result_ = bytes.status();
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
