#include "taskmanager/connector/kafka/transaction/sweeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka {

Sweeper::Sweeper(Options options, TransactionCoordinator* coordinator, const Clock* clock)
    : options_(std::move(options)),
      running_(options_.job, options_.attempt),
      coordinator_(coordinator),
      clock_(clock) {}

absl::StatusOr<int64_t> Sweeper::Sweep(const std::vector<std::string>& unresolved) {
  ASSIGN_OR_RETURN(int64_t ended, SweepPrefix(PrefixOf(options_.job, options_.sink), unresolved));
  if (options_.former_job.has_value() && *options_.former_job != options_.job) {
    const std::string& sink = options_.former_sink.empty() ? options_.sink : options_.former_sink;
    ASSIGN_OR_RETURN(const int64_t former, SweepPrefix(PrefixOf(*options_.former_job, sink), unresolved));
    ended += former;
  }
  return ended;
}

absl::StatusOr<int64_t> Sweeper::SweepPrefix(const std::string& prefix, const std::vector<std::string>& unresolved) {
  const absl::StatusOr<std::vector<ListedTransaction>> listed =
      coordinator_->ListOngoing(prefix, clock_->Steady() + options_.call_micros);
  if (absl::IsUnimplemented(listed.status())) {
    if (options_.log)
      options_.log(
          absl::StrCat("the broker cannot list transactions: open ones below ", prefix, " end by their timeout"));
    return 0;
  }
  RETURN_IF_ERROR(Annotate(listed.status(), absl::StrCat("listing the transactions below ", prefix)));
  int64_t ended = 0;
  absl::Status first;
  for (const ListedTransaction& transaction : *listed) {
    const absl::StatusOr<TransactionalId> id = ParseTransactionalId(transaction.transactional_id);
    // Of nobody's form, or of the attempt that runs: not ours to end.
    if (!id.ok() || (id->job == options_.job && id->attempt >= options_.attempt)) continue;
    if (std::find(unresolved.begin(), unresolved.end(), transaction.transactional_id) != unresolved.end()) continue;
    RETURN_IF_ERROR(running_.MayInitialise(transaction.transactional_id));
    const absl::Status fenced = coordinator_
                                    ->Fence(transaction.transactional_id, options_.transaction_timeout_ms,
                                            clock_->Steady() + options_.call_micros)
                                    .status();
    if (fenced.ok()) {
      ++ended;
      if (options_.log)
        options_.log(
            absl::StrCat("aborted the open transaction ", transaction.transactional_id, " of an older attempt"));
    } else if (first.ok()) {
      first = Annotate(fenced, absl::StrCat("aborting ", transaction.transactional_id));
    }
    RETURN_IF_ERROR(WEIR_FAILPOINT("in_sweep"));
  }
  RETURN_IF_ERROR(first);
  return ended;
}

}  // namespace weir::taskmanager::kafka
