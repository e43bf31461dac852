#include "client/await.h"
#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"

namespace weir::client {
namespace {

std::string Duration(int64_t millis) {
  return millis < 0 ? "-" + FormatDuration(-millis) : FormatDuration(millis);
}

}  // namespace

int Transactions(const Context& context, const Arguments& arguments) {
  using jobmanager::JobTransactions;
  absl::StatusOr<JobTransactions> answer = Await<JobTransactions>(
      [&](jobmanager::Done<JobTransactions> done) {
        context.api->Transactions(arguments.job, std::move(done));
      },
      kAnswerMs, context.interrupts);
  if (!answer.ok()) return Fail(context, answer.status());
  if (arguments.json) {
    *context.out << TransactionsJson(*answer) << "\n";
    return kExitDone;
  }
  if (answer->transactions.empty()) {
    *context.err << "no transaction is open\n";
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const jobmanager::JobTransaction& one : answer->transactions) {
    const bool open = one.state == jobmanager::JobTransaction::State::kOpen;
    rows.push_back({one.id.empty() ? "-" : one.id, one.sink, std::to_string(one.subtask),
                    ToString(one.state), open ? "-" : std::to_string(one.checkpoint.value),
                    one.opened_at_ms == 0 ? "-" : Duration(answer->at_ms - one.opened_at_ms),
                    one.deadline_ms == 0 ? "-" : Duration(one.deadline_ms - answer->at_ms),
                    one.records < 0 ? "-" : FormatCount(one.records)});
  }
  *context.out << FormatTable(
      {"ID", "SINK", "SUBTASK", "STATE", "CHECKPOINT", "AGE", "DEADLINE IN", "RECORDS"}, rows);
  return kExitDone;
}

}  // namespace weir::client
