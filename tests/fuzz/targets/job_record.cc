// The JobManager's records of its jobs.
#include <string>

#include "jobmanager/metadata/file/record_codec.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

void Decode(std::string_view bytes) {
  using namespace weir;
  const auto record = jobmanager::DecodeJobRecord(bytes);
  if (!record.ok()) return;
  const std::string out = jobmanager::EncodeJobRecord(*record);
  const auto again = jobmanager::DecodeJobRecord(out);
  fuzz::Expect(again.ok() && jobmanager::EncodeJobRecord(*again) == out, "a record is the same after writing");
}

}  // namespace

WEIR_FUZZ_TARGET(job_record, input) {
  (void)weir::jobmanager::Unseal(input);
  Decode(input);
  Decode(weir::jobmanager::Seal(std::string(input.substr(0, input.size() < 4 ? 0 : input.size() - 4))));
}
