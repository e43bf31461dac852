#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/checkpoint/storage.h"
#include "jobmanager/job_manager.h"

namespace weir::jobmanager {

struct KnownStorage {
  std::shared_ptr<checkpoint::Storage> storage;
  std::string id;
  absl::Status status;
};

/// Opens the storage at `uri` and sees to it that it is the one that this cluster knows by that
/// URI; one that was never seen is made, with `fresh_id`. Blocks. kUnavailable: not there, or
/// another one is mounted there: try again.
KnownStorage OpenKnownStorage(const JobManagerParts& parts, const std::string& uri,
                              const std::string& fresh_id);

}  // namespace weir::jobmanager
