#include "tests/unit/taskmanager/operator/contract/window_job.h"

// Session windows keep the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

/// Rows of a key that are no further apart than the gap. A row is late when the session that it
/// would be in has ended, whoever else is in it.
Contract Sessions(Rng& rng) {
  const int64_t gap = (1 + static_cast<int64_t>(rng.Below(4))) * kSecond;
  const Keys& keys = RandomKeys(rng);
  const bool distinct = rng.Below(3) == 0;
  Contract contract;
  contract.nodes = Nodes(keys.yaml, absl::StrCat("{session: ", gap / kSecond, "s}"), "", distinct);
  contract.model = [=](const History& history) {
    struct Session {
      int64_t first, last;
      std::vector<const Row*> rows;
    };
    Expected expected;
    std::map<std::string, std::vector<Session>> sessions;
    for (const Fed& fed : history) {
      std::vector<Session>& mine = sessions[keys.text(fed.row())];
      Session merged{fed.row().ts, fed.row().ts, {&fed.row()}};
      std::vector<Session> others;
      for (Session& one : mine) {
        const bool open = fed.watermark == batch::kMinTimestamp || one.last + gap > fed.watermark;
        if (open && one.first - gap <= fed.row().ts && fed.row().ts <= one.last + gap) {
          merged.first = std::min(merged.first, one.first);
          merged.last = std::max(merged.last, one.last);
          merged.rows.insert(merged.rows.end(), one.rows.begin(), one.rows.end());
        } else {
          others.push_back(std::move(one));
        }
      }
      if (fed.watermark != batch::kMinTimestamp && merged.last + gap <= fed.watermark) {
        ++expected.late;  // nothing was merged: what is open ends later
      } else {
        others.push_back(std::move(merged));
      }
      mine = std::move(others);
    }
    for (const auto& [key, mine] : sessions) {
      for (const Session& one : mine) {
        expected.rows.push_back(absl::StrCat(key, TimeText(one.first), "|",
                                             TimeText(one.last + gap),
                                             Aggregates(one.rows, distinct)));
      }
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: session windows", "[contract][session]") { KeepAll(Sessions, 60); }

}  // namespace
}  // namespace weir::taskmanager::contract
