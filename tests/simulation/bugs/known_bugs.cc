#include "tests/simulation/bugs/known_bugs.h"

#include "tests/simulation/bugs/sink_bugs.h"
#include "tests/simulation/bugs/state_bugs.h"

namespace weir::sim {
namespace {

using Kind = Workload::Kind;

const std::set<std::string> kDeaths = {"kill",    "kill_jobmanager", "kill_taskmanagers", "crash_at_failpoint",
                                       "power",   "pause",           "reset",             "partition"};
const std::set<std::string> kPowerLoss = {"power", "kill", "reset"};

std::set<std::string> And(std::set<std::string> some, const std::set<std::string>& more) {
  some.insert(more.begin(), more.end());
  return some;
}
const std::set<std::string> kKafkaTrouble = {"kafka_kill",         "kafka_kill_all",   "kafka_pause",
                                             "kafka_lost_request", "kafka_lost_reply", "kafka_late",
                                             "kafka_coordinator_move"};

void Wide(Workload* w) {
  w->parallelism = 3;
  w->splits = 4;
}
void Frequent(Workload* w) {
  w->interval_ms = 100;
  w->min_pause_ms = 0;
}
/// Transactions that end by themselves in an outage of some seconds.
void ShortTransactions(Workload* w) {
  w->interval_ms = 200;
  w->timeout_ms = 3'000;
  w->restart_budget_ms = 200;
  w->transaction_timeout_ms = 2 * (w->interval_ms + w->timeout_ms) + w->restart_budget_ms;
}

}  // namespace

const std::vector<KnownBug>& KnownBugs() {
  static const auto* const bugs = new std::vector<KnownBug>{
      {"FLINK-8132", "a slot is used again before its commit is settled, and commits go by what the id has now",
       Kind::kControl, true, false, Frequent, kDeaths, IdentityReadAgain()},
      {"FLINK-17568", "records behind the barrier are taken before the snapshot", Kind::kReal, true, true,
       [](Workload* w) {
         Wide(w);
         Frequent(w);
       },
       kDeaths, {}},
      {"FLINK-21132", "the end of a job commits nothing", Kind::kControl, true, true, {}, {}, {}},
      {"FLINK-40626", "transactions that older attempts left open are not aborted and hold readers back",
       Kind::kControl, true, false, [](Workload* w) { w->transaction_timeout_ms = 600'000; }, kDeaths,
       LeftoversNotSwept()},
      {"FLINK-40689", "a handle has the producer id of before the epochs were used up; its refusal counts as committed", Kind::kControl, true, false,
       Frequent, kDeaths,
       [] {
         Wrappers wrappers = ProducerIdRemembered();
         wrappers.kafka = [](SimulatedKafka* kafka) {
           kafka->cluster().transactions().options().first_epoch = 32'764;
         };
         return wrappers;
       }()},
      {"KAFKA-17754", "one producer identity for several transactions: a late EndTxn meets the next one",
       Kind::kControl, true, false, Frequent, And(kKafkaTrouble, {"kill"}), EpochReused()},
      {"torn-manifest", "a manifest is renamed before its contents are durable", Kind::kControl, true, true, {},
       kPowerLoss, FileSyncMissing("/checkpoints")},
      {"missing-folder-fsync", "names in the metadata folder are not made durable", Kind::kControl, true, true, {},
       kPowerLoss, FolderSyncMissing("")},
      {"acknowledged-before-fsync", "a sink's file is acknowledged before it is durable", Kind::kControl, false, true,
       {}, kPowerLoss, FileSyncMissing(Workload::kFolder)},
      {"notify-before-record", "commits are announced before the metadata store has the record", Kind::kControl, true,
       true, Frequent, kDeaths, {}},
      {"unfenced-zombie", "an old attempt that lives on sweeps what newer ones wrote", Kind::kControl, false, true,
       Wide, {"partition", "isolate", "oneway", "pause"}, UnfencedZombie()},
      {"commit-skipped-after-recovery", "restored handles are forgotten", Kind::kControl, true, true, {}, kDeaths,
       CommitSkippedAfterRecovery()},
      {"marker-not-checked", "a refused EndTxn counts as lost, whatever the marker says", Kind::kControl, true, false,
       ShortTransactions, And(kDeaths, kKafkaTrouble), MarkerNotChecked()},
      {"aborted-delta-dropped", "the delta of an aborted checkpoint is in no later one", Kind::kReal, false, true,
       [](Workload* w) {
         w->timeout_ms = 1'000;
         w->tolerable_failures = 5;
         Wide(w);
         Frequent(w);
       },
       {"disk_slow", "disk_stall", "disk_full", "pause", "delay", "kill", "crash_at_failpoint", "replay"},
       AbortedDeltaDropped()},
      {"swept-before-all-resolved", "a sweep begins while others still resolve", Kind::kControl, false, true,
       [](Workload* w) {
         Wide(w);
         Frequent(w);
       },
       kDeaths, SweptBeforeAllResolved()},
      {"repair-without-second-look", "the marker is not read again behind the fence", Kind::kControl, true, false,
       ShortTransactions,
       {"kill_jobmanager", "power", "crash_at_failpoint", "pause", "partition", "kafka_late", "kafka_lost_reply",
        "kafka_kill_all"},
       MarkerReadOnce()},
      {"window-fired-again", "a window that has fired fires again after a restore", Kind::kReal, true, true, {},
       kDeaths, {}},
      {"latest-resolved-twice", "every attempt asks anew where `latest` is", Kind::kControl, true, true,
       [](Workload* w) { w->latest = true; }, kDeaths, LatestResolvedTwice()},
      {"attempt-reused", "a new leader begins with the number of the attempt before it", Kind::kControl, true, true,
       {}, {"kill_jobmanager", "power"}, AttemptReused()},
      {"older-recorded-after-newer", "checkpoints are recorded in any order", Kind::kControl, true, true,
       [](Workload* w) {
         Frequent(w);
         w->max_concurrent = 4;
       },
       {}, OlderRecordAccepted()},
  };
  return *bugs;
}

const KnownBug* FindKnownBug(std::string_view name) {
  for (const KnownBug& bug : KnownBugs()) {
    if (bug.name == name) return &bug;
  }
  return nullptr;
}

}  // namespace weir::sim
