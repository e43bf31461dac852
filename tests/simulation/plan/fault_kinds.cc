#include "tests/simulation/plan/fault_kinds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace weir::sim {
namespace {

constexpr SteadyMicros kMs = 1'000, kSecond = 1'000'000;

using Link = std::pair<std::string, std::string>;

const std::string& Pick(const std::vector<std::string>& from, Rng* rng) { return from[rng->Below(from.size())]; }

/// Every pair of nodes that talk to each other, in both directions.
std::vector<Link> Links(const FaultScope& scope) {
  std::vector<Link> links;
  const auto both = [&](const std::string& a, const std::string& b) {
    links.emplace_back(a, b);
    links.emplace_back(b, a);
  };
  for (const std::string& jm : scope.jobmanagers) {
    for (const std::string& tm : scope.taskmanagers) both(jm, tm);
  }
  for (size_t a = 0; a < scope.taskmanagers.size(); ++a) {
    for (size_t b = a + 1; b < scope.taskmanagers.size(); ++b) both(scope.taskmanagers[a], scope.taskmanagers[b]);
  }
  for (const std::string& service : scope.services) {
    for (const std::string& jm : scope.jobmanagers) both(jm, service);
    for (const std::string& tm : scope.taskmanagers) both(tm, service);
  }
  return links;
}

bool HasTarget(const FaultKind& kind, const FaultScope& scope) {
  switch (kind.target) {
    case FaultTarget::kNone: return true;
    case FaultTarget::kJobManager: return !scope.jobmanagers.empty();
    case FaultTarget::kTaskManager:
    case FaultTarget::kEveryTaskManager: return !scope.taskmanagers.empty();
    case FaultTarget::kDataLink: return scope.taskmanagers.size() > 1;
    case FaultTarget::kAnyProcess: return !scope.jobmanagers.empty() || !scope.taskmanagers.empty();
    case FaultTarget::kLink:
    case FaultTarget::kNodeLinks: return !Links(scope).empty();
  }
  return false;
}

template <typename T>
void Shuffle(std::vector<T>* items, Rng* rng) {
  for (size_t i = items->size(); i > 1; --i) std::swap((*items)[i - 1], (*items)[rng->Below(i)]);
}

/// Puts `fault` (its time and kind are set) into the plan, with targets; some kinds make several of one.
void AddFault(const FaultKind& kind, Fault fault, const FaultScope& scope, Rng* rng, std::vector<Fault>* out) {
  switch (kind.target) {
    case FaultTarget::kNone: break;
    case FaultTarget::kJobManager: fault.targets = {Pick(scope.jobmanagers, rng)}; break;
    case FaultTarget::kTaskManager: fault.targets = {Pick(scope.taskmanagers, rng)}; break;
    case FaultTarget::kAnyProcess: {
      const bool jobmanager =
          scope.taskmanagers.empty() || (!scope.jobmanagers.empty() && rng->Below(5) < 2);
      fault.targets = {Pick(jobmanager ? scope.jobmanagers : scope.taskmanagers, rng)};
      break;
    }
    case FaultTarget::kLink: {
      const std::vector<Link> links = Links(scope);
      const Link& link = links[rng->Below(links.size())];
      fault.targets = {link.first, link.second};
      break;
    }
    case FaultTarget::kDataLink: {
      const size_t a = rng->Below(scope.taskmanagers.size());
      const size_t b = (a + 1 + rng->Below(scope.taskmanagers.size() - 1)) % scope.taskmanagers.size();
      fault.targets = {scope.taskmanagers[a], scope.taskmanagers[b]};
      break;
    }
    case FaultTarget::kEveryTaskManager:
      for (const std::string& tm : scope.taskmanagers) {
        fault.targets = {tm};
        out->push_back(fault);
        fault.at = std::min(fault.at + static_cast<SteadyMicros>(rng->Below(30 * kMs)), scope.until - fault.lasts);
      }
      return;
    case FaultTarget::kNodeLinks: {
      // Stopped one by one, released one by one in another order.
      std::vector<Link> links = Links(scope);
      Shuffle(&links, rng);
      links.resize(1 + rng->Below(std::min<size_t>(links.size(), 8)));
      std::vector<SteadyMicros> starts, ends;
      const SteadyMicros end = fault.at + fault.lasts, third = std::max<SteadyMicros>(1, fault.lasts / 3);
      for (size_t i = 0; i < links.size(); ++i) {
        starts.push_back(fault.at + static_cast<SteadyMicros>(rng->Below(static_cast<uint64_t>(third))));
        ends.push_back(end - static_cast<SteadyMicros>(rng->Below(static_cast<uint64_t>(third))));
      }
      for (size_t i = 0; i < links.size(); ++i) {
        fault.at = starts[i];
        fault.lasts = std::max<SteadyMicros>(1, ends[i] - starts[i]);
        fault.targets = {links[i].first, links[i].second};
        out->push_back(fault);
      }
      return;
    }
  }
  out->push_back(std::move(fault));
}

}  // namespace

const std::vector<FaultKind>& FaultKinds() {
  using enum FaultTarget;
  static const std::vector<FaultKind> kinds = {
      // Processes.
      {"kill", kAnyProcess, 14, 20 * kMs, 4 * kSecond, 0, 0, "kill -9; a new process after the time"},
      {"kill_jobmanager", kJobManager, 8, 20 * kMs, 3 * kSecond, 0, 0, "kill -9 of a JobManager"},
      {"kill_taskmanagers", kEveryTaskManager, 2, 20 * kMs, 2 * kSecond, 0, 0, "kill -9 of all TaskManagers at once"},
      {"power", kAnyProcess, 4, 200 * kMs, 5 * kSecond, 0, 0,
       "the machine goes: what was not fsynced is lost, its peers hear nothing"},
      {"pause", kAnyProcess, 8, 50 * kMs, 6 * kSecond, 0, 0, "SIGSTOP, then SIGCONT: a zombie when it is long"},
      {"crash_at_failpoint", kAnyProcess, 6, 200 * kMs, 5 * kSecond, 0, 0,
       "kill -9 at a failpoint that it comes to in this time; it is started again"},
      // Whoever leads then.
      {"kill_leader", kNone, 12, 20 * kMs, 4 * kSecond, 0, 0, "kill -9 of the leader of several JobManagers"},
      {"pause_leader", kNone, 8, 500 * kMs, 7 * kSecond, 0, 0, "SIGSTOP of the leader, until another one leads perhaps"},
      {"cut_leader", kNone, 8, 500 * kMs, 7 * kSecond, 1, 4,
       "the leader does not reach: 1 etcd, 2 TaskManagers, 3 the answers of etcd, 4 anybody"},
      // The network between two nodes, from the first to the second.
      {"partition", kLink, 6, 100 * kMs, 7 * kSecond, 0, 0, "nothing passes in either direction"},
      {"oneway", kLink, 5, 100 * kMs, 7 * kSecond, 0, 0, "nothing passes in this direction"},
      {"isolate", kAnyProcess, 3, 100 * kMs, 5 * kSecond, 0, 0, "a node is cut off from all others"},
      {"reset", kLink, 6, 0, 0, 0, 0, "all connections between the two break at once (RST)"},
      {"half_open", kLink, 3, 0, 0, 0, 0, "the first has forgotten the connections, the second does not know"},
      {"refuse", kLink, 2, 100 * kMs, 3 * kSecond, 0, 0, "new connections between the two fail"},
      {"delay", kLink, 6, 200 * kMs, 5 * kSecond, 1 * kMs, 800 * kMs, "everything from the first takes up to so long more"},
      {"replay", kLink, 4, 500 * kMs, 6 * kSecond, 5, 60,
       "so many percent of the fenced control messages come once more, later, maybe on the next connection"},
      {"swizzle_clog", kNodeLinks, 2, 500 * kMs, 6 * kSecond, 0, 0, "links stop one by one and go on in another order"},
      {"data_reset", kDataLink, 4, 0, 0, 0, 0, "the streams of the exchange between two TaskManagers break"},
      // Clocks.
      {"clock_jump", kAnyProcess, 2, 500 * kMs, 8 * kSecond, -3600 * kSecond, 3600 * kSecond, "the wall clock is off by this"},
      {"clock_rate", kAnyProcess, 2, 500 * kMs, 8 * kSecond, -60'000, 60'000, "all clocks run faster by so many ppm"},
      // Disks: a process's own and those it shares.
      {"disk_slow", kAnyProcess, 3, 200 * kMs, 4 * kSecond, 1 * kMs, 500 * kMs, "every access takes up to so long more"},
      {"disk_stall", kAnyProcess, 2, 100 * kMs, 10 * kSecond, 0, 0, "no access comes back before the end"},
      {"disk_full", kAnyProcess, 2, 100 * kMs, 3 * kSecond, 0, 0, "ENOSPC"},
      {"disk_eio", kAnyProcess, 2, 20 * kMs, 1 * kSecond, 5, 100, "so many percent of the writes and fsyncs fail"},
      {"disk_unreachable", kAnyProcess, 2, 100 * kMs, 3 * kSecond, 0, 0, "the shared mount is gone for this node"},
      // Kafka.
      {"kafka_kill", kNone, 5, 100 * kMs, 4 * kSecond, 0, 0, "a broker is killed and comes back"},
      {"kafka_kill_all", kNone, 2, 100 * kMs, 3 * kSecond, 0, 0, "all brokers are killed and come back"},
      {"kafka_pause", kNone, 3, 50 * kMs, 4 * kSecond, 1, 3, "SIGSTOP of that broker: it does late what it was asked"},
      {"kafka_coordinator_move", kNone, 5, 0, 0, 0, 0, "coordinators change their broker, and load"},
      {"kafka_lost_reply", kNone, 5, 100 * kMs, 3 * kSecond, 5, 60, "so many percent of the requests are done and not answered"},
      {"kafka_lost_request", kNone, 4, 100 * kMs, 3 * kSecond, 5, 60, "so many percent of the requests never arrive"},
      {"kafka_late", kNone, 4, 100 * kMs, 3 * kSecond, 10 * kMs, 4 * kSecond,
       "requests wait up to so long on their way and may arrive after later ones"},
      {"kafka_time_out", kNone, 5, 0, 0, 20, 100, "so many percent of the open transactions time out: prepared ones are lost"},
      {"kafka_slow_end", kNone, 3, 100 * kMs, 4 * kSecond, 10 * kMs, 3 * kSecond,
       "ended transactions are unfinished for so long: CONCURRENT_TRANSACTIONS, and no stable offset"},
      {"kafka_last_epochs", kNone, 2, 0, 0, 1, 8, "ids have so many producer epochs left: the next producer id comes"},
      {"kafka_expire_ids", kNone, 2, 0, 0, 100 * kMs, 5 * kSecond, "ids without a transaction for so long are forgotten"},
      // The store of the leader.
      {"etcd_down", kNone, 3, 200 * kMs, 6 * kSecond, 0, 0, "no answer from etcd"},
      {"etcd_lost_reply", kNone, 3, 100 * kMs, 3 * kSecond, 5, 60, "so many percent of the requests are done and not answered"},
  };
  return kinds;
}

int64_t DrawScaled(Rng* rng, int64_t least, int64_t most) {
  if (least >= most) return least;
  // Both signs: a scale of its own for each.
  if (least < 0) return rng->Below(2) == 0 ? -DrawScaled(rng, 1, -least) : DrawScaled(rng, 1, std::max<int64_t>(1, most));
  const int64_t base = std::max<int64_t>(1, least);
  // Powers of two instead of exp(): the same on every machine.
  int doublings = 0;
  while ((base << (doublings + 1)) <= most && doublings < 40) ++doublings;
  const int64_t low = base << rng->Below(static_cast<uint64_t>(doublings) + 1);
  const int64_t high = std::min(most, low * 2);
  return std::max(least, low + static_cast<int64_t>(rng->Below(static_cast<uint64_t>(high - low) + 1)));
}

FaultPlan DrawFaults(const FaultScope& scope, Rng* rng) {
  std::vector<const FaultKind*> possible, enabled;
  for (const FaultKind& kind : FaultKinds()) {
    if (scope.kinds.contains(kind.name) && HasTarget(kind, scope)) possible.push_back(&kind);
  }
  FaultPlan plan;
  if (possible.empty()) return plan;
  // A run with few kinds goes deep, one with all of them goes wide.
  const uint64_t percent = std::array<uint64_t, 4>{15, 35, 60, 100}[rng->Below(4)];
  for (const FaultKind* kind : possible) {
    if (rng->Below(100) < percent) enabled.push_back(kind);
  }
  while (enabled.size() < std::min<size_t>(2, possible.size())) {
    const FaultKind* more = possible[rng->Below(possible.size())];
    if (std::find(enabled.begin(), enabled.end(), more) == enabled.end()) enabled.push_back(more);
  }
  int total = 0;
  for (const FaultKind* kind : enabled) total += kind->weight;

  const int64_t count = DrawScaled(rng, scope.least, scope.most);
  const SteadyMicros room = std::max<SteadyMicros>(1, scope.until - scope.from);
  std::vector<SteadyMicros> times;
  for (int64_t i = 0; i < count; ++i) {
    SteadyMicros at = scope.from + static_cast<SteadyMicros>(rng->Below(static_cast<uint64_t>(room)));
    if (!times.empty() && rng->Below(3) == 0) {
      at = std::min(scope.until - 1, times[rng->Below(times.size())] + DrawScaled(rng, 1 * kMs, 1500 * kMs));
    }
    times.push_back(at);
  }
  for (const SteadyMicros at : times) {
    uint64_t drawn = rng->Below(static_cast<uint64_t>(total));
    const FaultKind* kind = enabled.front();
    for (const FaultKind* candidate : enabled) {
      kind = candidate;
      if (drawn < static_cast<uint64_t>(candidate->weight)) break;
      drawn -= static_cast<uint64_t>(candidate->weight);
    }
    Fault fault;
    fault.at = at;
    fault.kind = kind->name;
    fault.lasts = DrawScaled(rng, kind->least_time, kind->most_time);
    if (fault.lasts > 0) fault.lasts = std::clamp<SteadyMicros>(fault.lasts, 1, std::max<SteadyMicros>(1, scope.until - at));
    fault.amount = DrawScaled(rng, kind->least_amount, kind->most_amount);
    AddFault(*kind, std::move(fault), scope, rng, &plan.faults);
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return plan;
}

}  // namespace weir::sim
