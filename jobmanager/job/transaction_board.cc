#include "jobmanager/job/transaction_board.h"

#include <algorithm>
#include <set>

namespace weir::jobmanager {

using control::TransactionInfo;

void TransactionBoard::OnReport(Attempt attempt, const control::SinkReport& report) {
  Known& known = known_[{report.sink, report.subtask.index}];
  if (known.attempt <= attempt) known = {attempt, report};
}

void TransactionBoard::OnRunning(Attempt attempt) {
  std::erase_if(known_, [&](const auto& entry) { return entry.second.attempt < attempt; });
}

std::vector<control::SinkReport> TransactionBoard::Reports() const {
  std::vector<control::SinkReport> reports;
  for (const auto& [key, known] : known_) reports.push_back(known.report);
  return reports;
}

std::vector<JobTransaction> TransactionBoard::List(const std::vector<PendingHandle>& committing,
                                                   CheckpointId last_complete) const {
  using State = JobTransaction::State;
  std::vector<JobTransaction> list;
  std::set<size_t> seen;  // of `committing`
  for (const auto& [key, known] : known_) {
    for (const TransactionInfo& open : known.report.transactions.open) {
      JobTransaction one;
      one.id = open.id;
      one.sink = key.first;
      one.subtask = key.second;
      one.checkpoint = open.checkpoint;
      one.opened_at_ms = open.opened_at_ms;
      one.deadline_ms = open.deadline_ms;
      one.records = open.records;
      switch (open.state) {
        case TransactionInfo::State::kOpen:
          one.state = State::kOpen;
          break;
        case TransactionInfo::State::kSealed:
          one.state = State::kSealed;
          break;
        case TransactionInfo::State::kPrepared:
          one.state = State::kPrepared;
      }
      if (open.state != TransactionInfo::State::kOpen) {
        const auto handle =
            std::find_if(committing.begin(), committing.end(), [&](const PendingHandle& h) {
              return h.sink == one.sink && h.owner_subtask == one.subtask &&
                     h.checkpoint == one.checkpoint;
            });
        if (handle != committing.end()) {
          one.state = State::kCommitting;
          seen.insert(static_cast<size_t>(handle - committing.begin()));
        } else if (one.state == State::kPrepared && one.checkpoint <= last_complete) {
          continue;  // its commit was confirmed after the report
        }
      }
      list.push_back(std::move(one));
    }
  }
  for (size_t i = 0; i < committing.size(); ++i) {
    if (seen.contains(i)) continue;
    JobTransaction one;
    one.sink = committing[i].sink;
    one.subtask = committing[i].owner_subtask;
    one.state = State::kCommitting;
    one.checkpoint = committing[i].checkpoint;
    one.deadline_ms = committing[i].deadline_ms;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace weir::jobmanager
