#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "jobmanager/metadata/job_record.h"

namespace weir::jobmanager {

/// The form of a JobRecord on disk: `WJMR`, version, fields in order, CRC-32C of all that.
/// Errors: kDataLoss: damaged; kFailedPrecondition: written by a newer version.
std::string EncodeJobRecord(const JobRecord& record);
absl::StatusOr<JobRecord> DecodeJobRecord(std::string_view bytes);

/// Any bytes with a checksum behind them.
std::string Seal(std::string bytes);
absl::StatusOr<std::string> Unseal(std::string_view sealed);

}  // namespace weir::jobmanager
