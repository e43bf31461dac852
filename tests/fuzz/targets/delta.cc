// Deltas of keyed state.
#include <span>
#include <string>

#include "common/checkpoint/delta.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/sealing.h"

namespace {

// Looks at every byte that it is given.
class Reader final : public weir::checkpoint::DeltaVisitor {
 public:
  absl::Status OnDrop(std::string_view table, int64_t) override {
    seen_ += std::string(table).size();
    return absl::OkStatus();
  }
  absl::Status OnBlock(const Block& block) override {
    width_ = block.value_width;
    seen_ += std::string(block.table).size();
    return absl::OkStatus();
  }
  absl::Status OnEntries(std::span<const Entry> entries) override {
    for (const Entry& entry : entries) {
      seen_ += std::string(entry.key).size() + std::string(entry.subkey).size() + std::string(entry.text).size() +
               (entry.value != nullptr ? std::string(entry.value, width_).size() : 0);
    }
    return absl::OkStatus();
  }

 private:
  size_t width_ = 0, seen_ = 0;
};

void Read(std::string_view bytes) {
  using namespace weir;
  Reader reader;
  const bool sound = checkpoint::VerifyDeltas(bytes, "input").ok();
  const bool read = checkpoint::ReadDeltas(bytes, "input", &reader).ok();
  fuzz::Expect(sound || !read, "only what is sound is read");
  // Whatever the checksums say, nothing is read that is not there.
  checkpoint::ReadVerifiedDeltas(bytes, "input", &reader).IgnoreError();
}

}  // namespace

WEIR_FUZZ_TARGET(delta, input) {
  Read(input);
  Read(weir::fuzz::Sealed(input, weir::checkpoint::DeltaBuilder::kHeaderSize, 16));
}
