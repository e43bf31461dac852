// Manifests of checkpoints, and the snapshot of a subtask in an acknowledgement.
#include "common/checkpoint/manifest_codec.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/sealing.h"

namespace {

void Decode(std::string_view bytes) {
  using namespace weir;
  const auto manifest = checkpoint::DecodeManifest(bytes, "input");
  if (manifest.ok()) {
    const auto again = checkpoint::DecodeManifest(checkpoint::EncodeManifest(*manifest), "again");
    fuzz::Expect(again.ok() && *again == *manifest, "a manifest is the same after writing");
    checkpoint::FilesOf(*manifest);
  }
  const auto snapshot = checkpoint::DecodeSubtaskSnapshot(bytes, "input");
  if (snapshot.ok()) {
    const auto again = checkpoint::DecodeSubtaskSnapshot(checkpoint::EncodeSubtaskSnapshot(*snapshot), "again");
    fuzz::Expect(again.ok() && *again == *snapshot, "a snapshot is the same after writing");
  }
}

}  // namespace

WEIR_FUZZ_TARGET(manifest, input) {
  Decode(input);
  Decode(weir::fuzz::Sealed(input, 20, 8));
}
