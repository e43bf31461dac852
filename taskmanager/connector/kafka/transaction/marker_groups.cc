#include "taskmanager/connector/kafka/transaction/marker_groups.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka {

MarkerCleaner::MarkerCleaner(Options options, MarkerGroups* groups, const Clock* clock)
    : options_(std::move(options)), groups_(groups), clock_(clock) {}

bool MarkerCleaner::MayDelete(const std::string& group) const {
  const absl::StatusOr<TransactionalId> id = ParseTransactionalId(group);
  return id.ok() && id->job == options_.job && id->sink == options_.sink && id->attempt < options_.keep_from &&
         id->attempt < options_.attempt;
}

absl::StatusOr<int64_t> MarkerCleaner::Clean() {
  ASSIGN_OR_RETURN(const std::vector<std::string> listed,
                   groups_->List(PrefixOf(options_.job, options_.sink), clock_->Steady() + options_.call_micros));
  int64_t deleted = 0;
  absl::Status first;
  for (const std::string& group : listed) {
    if (!MayDelete(group)) continue;
    const absl::Status status = groups_->Delete(group, clock_->Steady() + options_.call_micros);
    if (status.ok()) {
      ++deleted;
    } else if (first.ok()) {
      first = Annotate(status, absl::StrCat("deleting group ", group));
    }
    // Nobody answers: so it would be for the others.
    if (absl::IsUnavailable(status)) break;
  }
  RETURN_IF_ERROR(first);
  return deleted;
}

}  // namespace weir::taskmanager::kafka
