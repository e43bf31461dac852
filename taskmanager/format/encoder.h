#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/batch.h"
#include "common/job/job_spec.h"

namespace weir::taskmanager {

/// Rows to bytes. Thread: confined.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// What a file begins with.
  virtual void AppendHeader(std::string* out) const {}
  /// Appends rows [from, from + count) of `batch`, each with its line end.
  virtual void Append(const batch::Batch& batch, int64_t from, int64_t count, std::string* out) = 0;
  void Append(const batch::Batch& batch, std::string* out) { Append(batch, 0, batch.rows, out); }
  /// The same without line ends, for what takes rows one by one: `ends` gets where in `out` each of them ends.
  virtual void AppendRecords(const batch::Batch& batch, int64_t from, int64_t count, std::string* out,
                             std::vector<size_t>* ends) = 0;
};

/// No format stands for json. kInvalidArgument: the schema does not fit the format (raw takes one column).
absl::StatusOr<std::unique_ptr<Encoder>> MakeEncoder(const job::Format& format, batch::SchemaPtr schema);

/// `json`, `csv`, `raw`: what file names end with.
const char* FileExtension(job::FormatType format);

}  // namespace weir::taskmanager
