#include "taskmanager/connector/kafka/transaction/resolver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/loss.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

/// Assumed of a broker that does not say how long it keeps offsets: the default of brokers before Kafka 2.0.
constexpr int64_t kLeastRetentionMs = int64_t{24} * 3'600'000;

bool IsOutcomeUnknown(const absl::Status& status) { return LossOf(status) == Loss::kOutcome; }

/// Such a handle ends its own subtask's share; those of other subtasks are settled all the same.
bool IsVerdict(const absl::Status& status) { return IsOutcomeUnknown(status) || absl::IsDataLoss(status); }

absl::Status OutcomeUnknown(const KafkaHandle& handle, absl::string_view why) {
  return WithLoss(
      absl::FailedPreconditionError(absl::StrCat(
          "OUTCOME_UNKNOWN: whether the transaction of checkpoint ", handle.checkpoint.value, " (",
          handle.transactional_id, ", ", handle.records, " records of topic ", handle.topic,
          ") was committed cannot be known: ", why,
          "; look whether its records are in the topic, then: weir submit --from CHECKPOINT --unresolved skip (they "
          "are) or --unresolved repeat (they are not)")),
      Loss::kOutcome);
}

}  // namespace

Resolver::Resolver(Options options, RecoveryPorts ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      running_(options_.job, options_.attempt),
      repairer_(running_, ports_, options_.timeouts) {}

int64_t Resolver::Deadline() const { return ports_.clock->Steady() + options_.timeouts.call_micros; }

void Resolver::Say(const std::string& line) const {
  if (options_.log) options_.log(line);
}

absl::Status Resolver::ResolveAll(const std::vector<std::string>& handles) {
  if (handles.empty()) return absl::OkStatus();
  std::vector<Entry> all;
  std::map<std::tuple<JobId, std::string, int32_t>, std::vector<Entry>> by_subtask;
  for (const std::string& bytes : handles) {
    Entry entry;
    ASSIGN_OR_RETURN(entry.handle, DecodeHandle(bytes));
    ASSIGN_OR_RETURN(entry.id, ParseTransactionalId(entry.handle.transactional_id));
    all.push_back(entry);
    by_subtask[{entry.id.job, entry.id.sink, entry.id.subtask}].push_back(std::move(entry));
  }
  RETURN_IF_ERROR(CheckCluster(all));
  absl::Status first;
  for (auto& [subtask, entries] : by_subtask) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.handle.checkpoint < b.handle.checkpoint; });
    const absl::Status status = ResolveSubtask(entries);
    if (!status.ok() && !IsVerdict(status)) return status;
    if (first.ok()) first = status;
  }
  return first;
}

absl::Status Resolver::CheckCluster(const std::vector<Entry>& entries) {
  ASSIGN_OR_RETURN(const std::string cluster, ports_.coordinator->ClusterId(Deadline()));
  for (const Entry& entry : entries) {
    if (entry.handle.cluster_id == cluster) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("SINK_CLUSTER_MISMATCH: the transaction of checkpoint ", entry.handle.checkpoint.value, " (",
                     entry.handle.transactional_id, ") was prepared in the Kafka cluster ", entry.handle.cluster_id,
                     ", but `brokers` leads to cluster ", cluster,
                     "; start the job with the brokers of the first, or from a savepoint"));
  }
  return absl::OkStatus();
}

absl::Status Resolver::ResolveSubtask(const std::vector<Entry>& entries) {
  bool later_fenced = false;
  for (size_t i = 0; i < entries.size(); ++i) {
    const KafkaHandle& handle = entries[i].handle;
    const absl::StatusOr<Verdict> verdict = Settle(entries[i]);
    absl::Status trouble = verdict.status();
    if (!trouble.ok() && !IsOutcomeUnknown(trouble)) {
      return Annotate(trouble,
                      absl::StrCat("checkpoint ", handle.checkpoint.value, " (", handle.transactional_id, ")"));
    }
    if (trouble.ok()) {
      if (*verdict == Verdict::kCommitted) {
        ++counts_.committed;
        continue;
      }
      trouble = repairer_.Verify(handle);
      if (!trouble.ok() && !absl::IsDataLoss(trouble)) return trouble;
    }
    if (!trouble.ok() && options_.unresolved == UnresolvedPolicy::kFail) return trouble;
    if (!trouble.ok() && options_.unresolved == UnresolvedPolicy::kSkip) {
      Say(absl::StrCat("--unresolved skip: left as it is: ", trouble.message()));
      ++counts_.skipped;
      continue;
    }
    // What is written again now must not come after a later transaction of the same subtask: the newest value of a key
    // would be the old one. Every later one is aborted first; each is then found lost in its turn.
    for (size_t later = i + 1; later < entries.size() && !later_fenced; ++later) {
      RETURN_IF_ERROR(Fence(entries[later].handle));
    }
    later_fenced = true;
    if (!trouble.ok()) Say(absl::StrCat("--unresolved repeat: writing what is found: ", trouble.message()));
    RETURN_IF_ERROR(Repair(entries[i], /*partial=*/!trouble.ok()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Resolver::Verdict> Resolver::Settle(const Entry& entry) {
  const KafkaHandle& handle = entry.handle;
  if (handle.mode == KafkaHandle::Mode::kRaw) {
    ASSIGN_OR_RETURN(const EndOutcome end,
                     ports_.coordinator->Commit(handle.transactional_id, handle.identity, Deadline()));
    if (end == EndOutcome::kCommitted) return Verdict::kCommitted;
  }
  ASSIGN_OR_RETURN(std::optional<Marker> marker, ReadMarker(handle, /*stable=*/false));
  if (marker.has_value() && ProvesCommit(*marker, handle, entry.id.job)) return Verdict::kCommitted;
  // A refusal alone proves nothing (a coordinator may have raised the epoch in memory only). Success of the fence does:
  // what was open is decided, and its markers are written.
  RETURN_IF_ERROR(Fence(handle));
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_resolve_after_fence"));
  ASSIGN_OR_RETURN(marker, ReadMarker(handle, /*stable=*/true));
  return VerdictOf(entry, marker);
}

absl::StatusOr<Resolver::Verdict> Resolver::VerdictOf(const Entry& entry, const std::optional<Marker>& marker) {
  const KafkaHandle& handle = entry.handle;
  if (marker.has_value()) {
    if (ProvesCommit(*marker, handle, entry.id.job)) return Verdict::kCommitted;
    // The slot's earlier marker is still there: this transaction's would have replaced it.
    if (JobOfMarker(*marker) == entry.id.job) return Verdict::kLost;
    return OutcomeUnknown(handle, absl::StrCat("group ", handle.transactional_id, " holds an offset that is not ours (",
                                               marker->checkpoint.value, ", `", absl::CEscape(marker->metadata), "`)"));
  }
  const int64_t age_ms = ports_.clock->Wall() / 1000 - handle.started_ms;
  ASSIGN_OR_RETURN(const int64_t retention_ms, Retention());
  if (age_ms >= retention_ms) {
    return OutcomeUnknown(
        handle, absl::StrCat("it was begun ", age_ms / 3'600'000, " hours ago, and the broker may forget after ",
                             retention_ms / 3'600'000));
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> why, WhyMarkerMayBeGone(handle));
  if (why.has_value()) return OutcomeUnknown(handle, *why);
  return Verdict::kLost;
}

absl::StatusOr<int64_t> Resolver::Retention() {
  if (!ports_.offset_retention_ms) return options_.offset_retention_ms;
  const absl::StatusOr<int64_t> asked = ports_.offset_retention_ms();
  if (asked.ok() || absl::IsUnavailable(asked.status()) || absl::IsDeadlineExceeded(asked.status())) return asked;
  Say(absl::StrCat("the broker does not say how long it keeps offsets, a day is assumed: ", asked.status().message()));
  return kLeastRetentionMs;
}

absl::StatusOr<std::optional<std::string>> Resolver::WhyMarkerMayBeGone(const KafkaHandle& handle) {
  // Read after the marker: ids never come back, so that the topic was the noted one all the time.
  const absl::StatusOr<std::string> topic_id = ports_.coordinator->TopicId(handle.topic, Deadline());
  if (absl::IsNotFound(topic_id.status())) return absl::StrCat("the topic ", handle.topic, " is not there any more");
  if (absl::IsUnimplemented(topic_id.status()) && handle.topic_id.empty()) return std::nullopt;
  RETURN_IF_ERROR(topic_id.status());
  if (handle.topic_id == *topic_id) return std::nullopt;
  return absl::StrCat("the topic ", handle.topic, " was deleted and made again since (its id is ",
                      absl::BytesToHexString(*topic_id), ", was ", absl::BytesToHexString(handle.topic_id), ")");
}

absl::Status Resolver::Fence(const KafkaHandle& handle) {
  RETURN_IF_ERROR(running_.MayInitialise(handle.transactional_id));
  if (handle.mode == KafkaHandle::Mode::kRaw) {
    return Annotate(ports_.coordinator->Fence(handle.transactional_id, handle.timeout_ms, Deadline()).status(),
                    absl::StrCat("fencing ", handle.transactional_id));
  }
  // Mode B: the small client may not be able to log in.
  ASSIGN_OR_RETURN(const std::unique_ptr<RepairProducer> producer, ports_.repair_producer(handle.transactional_id));
  return Annotate(producer->Init(), absl::StrCat("fencing ", handle.transactional_id));
}

absl::Status Resolver::Repair(const Entry& entry, bool partial) {
  const KafkaHandle& handle = entry.handle;
  Say(absl::StrCat("the broker gave up on the transaction of checkpoint ", handle.checkpoint.value, " (",
                   handle.transactional_id, "): writing its ", handle.records, " records to ", handle.topic, " again"));
  ASSIGN_OR_RETURN(const Repairer::Outcome outcome, repairer_.Repair(handle, partial));
  if (outcome == Repairer::Outcome::kWasCommitted) {
    ++counts_.committed;
    return absl::OkStatus();
  }
  ++counts_.repaired;
  Say(absl::StrCat("repaired the transaction of checkpoint ", handle.checkpoint.value, " (", handle.transactional_id,
                   ")"));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Marker>> Resolver::ReadMarker(const KafkaHandle& handle, bool stable) {
  return ports_.coordinator->ReadMarker(handle.transactional_id, handle.topic, handle.marker_partition, stable,
                                        Deadline());
}

}  // namespace weir::taskmanager::kafka
