#include "taskmanager/connector/kafka/transaction/running_attempt.h"

#include "absl/strings/str_cat.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka {

absl::Status RunningAttempt::MayInitialise(const std::string& transactional_id) const {
  const absl::StatusOr<TransactionalId> id = ParseTransactionalId(transactional_id);
  if (!id.ok()) return absl::InternalError(absl::StrCat("refusing to fence: ", id.status().message()));
  if (id->job == job_ && id->attempt >= attempt_) {
    return absl::InternalError(absl::StrCat("refusing to fence ", transactional_id, ": attempt ", attempt_.value,
                                            " runs and may fence ids of lower attempts only"));
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka
