#include "client/cluster/sink_metrics.h"

#include <algorithm>

namespace weir::client {

SinkFigures FiguresOf(const control::SinkTransactions& transactions, int64_t now_ms) {
  SinkFigures figures;
  for (const control::TransactionInfo& open : transactions.open) {
    const double age = std::max(0.0, static_cast<double>(now_ms - open.opened_at_ms) / 1000);
    double& oldest = open.state == control::TransactionInfo::State::kOpen ? figures.open_age : figures.prepared_age;
    if (open.opened_at_ms != 0) oldest = std::max(oldest, age);
    if (open.deadline_ms == 0) continue;
    const double left = static_cast<double>(open.deadline_ms - now_ms) / 1000;
    figures.to_deadline = figures.has_deadline ? std::min(figures.to_deadline, left) : left;
    figures.has_deadline = true;
  }
  return figures;
}

}  // namespace weir::client
