#include "taskmanager/connector/kafka/transaction/repairer.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/loss.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr size_t kMostRunsNamed = 8;

/// By partition and offset; those that overlap are one, or their common records would come twice.
std::vector<OffsetRun> MergedRuns(const KafkaHandle& handle) {
  std::vector<OffsetRun> runs = handle.runs;
  std::sort(runs.begin(), runs.end(), [](const OffsetRun& a, const OffsetRun& b) {
    return std::pair(a.partition, a.first) < std::pair(b.partition, b.first);
  });
  std::vector<OffsetRun> merged;
  for (const OffsetRun& run : runs) {
    if (!merged.empty() && merged.back().partition == run.partition && run.first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, run.last);
      merged.back().records += run.records;
    } else {
      merged.push_back(run);
    }
  }
  return merged;
}

std::string RunsText(const KafkaHandle& handle) {
  const std::vector<OffsetRun> runs = MergedRuns(handle);
  std::string text;
  for (size_t i = 0; i < runs.size() && i < kMostRunsNamed; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", "partition ", runs[i].partition, " offsets ", runs[i].first, "-",
                    runs[i].last);
  }
  if (runs.size() > kMostRunsNamed) absl::StrAppend(&text, " and ", runs.size() - kMostRunsNamed, " more runs");
  return text.empty() ? "no offsets noted" : text;
}

absl::Status DataLoss(const KafkaHandle& handle, absl::string_view why) {
  return WithLoss(
      absl::DataLossError(absl::StrCat(
          "DATA_LOSS: the broker aborted the transaction of checkpoint ", handle.checkpoint.value, " (",
          handle.transactional_id, ") and its ", handle.records, " records cannot be written again: ", why, "; topic ",
          handle.topic, ", ", RunsText(handle),
          "; to go on without them: weir submit --from CHECKPOINT --unresolved skip, to write what is found of them: "
          "--unresolved repeat")),
      Loss::kRecords);
}

}  // namespace

bool ProvesCommit(const Marker& marker, const KafkaHandle& handle, const JobId& job_of_id) {
  return marker.checkpoint >= handle.checkpoint && JobOfMarker(marker) == job_of_id;
}

Repairer::Repairer(const RunningAttempt& running, RecoveryPorts ports, RecoveryTimeouts timeouts)
    : running_(running), ports_(std::move(ports)), timeouts_(timeouts) {}

absl::Status Repairer::VisitWal(const KafkaHandle& handle, const std::string& wal, const Visitor& count) {
  return VisitRecords(wal, [&count](KafkaRecord record) { return count(record); });
}

absl::Status Repairer::VisitLog(const KafkaHandle& handle, bool partial, const Visitor& count) {
  if (ports_.log == nullptr) return absl::DataLossError("no records were kept, and the log cannot be read");
  for (const OffsetRun& run : MergedRuns(handle)) {
    const absl::Status read = ports_.log->Read(
        handle.topic, run, handle.identity, [&count](KafkaRecord record) { return count(record); },
        ports_.clock->Steady() + timeouts_.read_micros);
    if (partial && (absl::IsDataLoss(read) || absl::IsNotFound(read))) continue;
    RETURN_IF_ERROR(read);
  }
  return absl::OkStatus();
}

absl::StatusOr<Repairer::Found> Repairer::Visit(const KafkaHandle& handle, bool partial, const Visitor& visitor) {
  Found found;
  const Visitor count = [&](const KafkaRecord& record) {
    ++found.records;
    found.checksum += RecordChecksum(record.partition, record.key.data(), record.key.size(), record.has_key,
                                     record.value.data(), record.value.size(), record.has_value);
    return visitor(record);
  };
  if (!handle.wal.empty()) {
    RETURN_IF_ERROR(VisitWal(handle, handle.wal, count));
    return found;
  }
  if (handle.wal_in_file) {
    if (!ports_.read_wal_file) return absl::InternalError("no way to read the file of kept records");
    const absl::StatusOr<std::string> wal = ports_.read_wal_file(handle);
    if (wal.ok()) {
      RETURN_IF_ERROR(VisitWal(handle, *wal, count));
      return found;
    }
    // The log may still have what the file has not.
    if (handle.runs.empty() || !(absl::IsNotFound(wal.status()) || absl::IsDataLoss(wal.status()))) {
      return absl::IsNotFound(wal.status()) ? absl::DataLossError(wal.status().message()) : wal.status();
    }
  }
  RETURN_IF_ERROR(VisitLog(handle, partial, count));
  return found;
}

absl::Status Repairer::Verify(const KafkaHandle& handle) {
  const absl::StatusOr<Found> found =
      Visit(handle, /*partial=*/false, [](const KafkaRecord&) { return absl::OkStatus(); });
  if (absl::IsDataLoss(found.status()) || absl::IsNotFound(found.status())) {
    return DataLoss(handle, found.status().message());
  }
  RETURN_IF_ERROR(Annotate(found.status(), absl::StrCat("reading the records of ", handle.transactional_id, " again")));
  if (found->records != handle.records) {
    return DataLoss(handle, absl::StrCat("only ", found->records, " of them are found"));
  }
  if (found->checksum != handle.checksum) return DataLoss(handle, "what is found has another checksum");
  return absl::OkStatus();
}

absl::StatusOr<Repairer::Outcome> Repairer::Repair(const KafkaHandle& handle, bool partial) {
  RETURN_IF_ERROR(running_.MayInitialise(handle.transactional_id));
  ASSIGN_OR_RETURN(const TransactionalId id, ParseTransactionalId(handle.transactional_id));
  const std::string context =
      absl::StrCat("repair of checkpoint ", handle.checkpoint.value, " (", handle.transactional_id, ")");
  ASSIGN_OR_RETURN(const std::unique_ptr<RepairProducer> producer, ports_.repair_producer(handle.transactional_id));
  RETURN_IF_ERROR(Annotate(producer->Init(), context));
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_repair_after_init"));
  // Only now: whoever else repairs it is either done, and the marker says so, or fenced.
  ASSIGN_OR_RETURN(const std::optional<Marker> marker,
                   ports_.coordinator->ReadMarker(handle.transactional_id, handle.topic, handle.marker_partition,
                                                  /*stable=*/true, ports_.clock->Steady() + timeouts_.call_micros));
  if (marker.has_value() && ProvesCommit(*marker, handle, id.job)) return Outcome::kWasCommitted;
  const absl::StatusOr<Found> found = Visit(handle, partial, [&](const KafkaRecord& record) -> absl::Status {
    RETURN_IF_ERROR(producer->Produce(handle.topic, record));
    return WEIR_FAILPOINT("in_repair_produce");
  });
  RETURN_IF_ERROR(Annotate(found.status(), context));
  if (!partial && (found->records != handle.records || found->checksum != handle.checksum)) {
    return absl::AbortedError(absl::StrCat(context, ": the records changed while they were written again (",
                                           found->records, " of ", handle.records, "); nothing of it is committed"));
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_repair_before_commit"));
  RETURN_IF_ERROR(Annotate(producer->Commit(handle.topic, handle.marker_partition,
                                            Marker{handle.checkpoint, MarkerMetadata(id.job, handle.checkpoint)}),
                           context));
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_repair_after_commit"));
  return Outcome::kRepaired;
}

}  // namespace weir::taskmanager::kafka
