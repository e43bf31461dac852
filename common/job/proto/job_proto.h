#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"

namespace weir::v1 {
class JobSpec;
}

namespace weir::job {

/// JobSpec to its canonical form and back (weir.v1.JobSpec).
///
/// Errors:  kInvalidArgument: an enum value, a type's text or a size that this build does not know.
/// What the job means is
///          for plan::MakePlan to judge.
void ToProto(const JobSpec& spec, v1::JobSpec* proto);
absl::StatusOr<JobSpec> FromProto(const v1::JobSpec& proto);

/// The bytes of weir.v1.JobSpec, equal for equal specs.
std::string Serialize(const JobSpec& spec);
absl::StatusOr<JobSpec> Deserialize(std::string_view bytes);

}  // namespace weir::job
