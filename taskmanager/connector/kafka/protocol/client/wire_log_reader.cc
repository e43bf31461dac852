#include "taskmanager/connector/kafka/protocol/client/wire_log_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr int32_t kFetchBytes = 4 << 20;
constexpr int32_t kMostFetchBytes = 256 << 20;
constexpr size_t kMostUnfoldedBytes = size_t{512} << 20;
constexpr int32_t kWaitMs = 200;
/// How long a partition may be missing, or end before the run does, until that is taken for the truth: right after a
/// change of leaders both may be so for a moment.
constexpr SteadyMicros kGrace = 5'000'000;

/// What `found` returned, as opposed to what is wrong with the log.
struct Given {
  absl::Status status = absl::OkStatus();
};

}  // namespace

absl::Status WireLogReader::Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                                 const std::function<absl::Status(KafkaRecord)>& found, SteadyMicros deadline) {
  const std::string where =
      absl::StrCat("topic ", topic, " partition ", run.partition, " offsets ", run.first, " to ", run.last);
  FetchRequest request;
  request.topic = topic;
  request.partition = run.partition;
  request.max_wait_ms = kWaitMs;
  request.max_bytes = kFetchBytes;
  std::optional<Endpoint> leader;
  int64_t next = run.first;
  absl::Status missing;  // of the run's beginning; the rest is given out all the same
  const SteadyMicros grace_ends = std::min(deadline, clock_->Steady() + kGrace);
  while (next <= run.last) {
    request.offset = next;
    bool is_gone = false;  // without a leader or a log: the topic was deleted, if that stays so
    const auto answer = cluster_->Retry(where, deadline, [&]() -> absl::StatusOr<FetchResponse> {
      auto response = Fetch(&leader, request, deadline);
      is_gone = response.status().code() == absl::StatusCode::kNotFound;
      if (is_gone && clock_->Steady() < grace_ends) return absl::UnavailableError(response.status().message());
      return response;
    });
    if (is_gone) return absl::DataLossError(absl::StrCat(where, " are gone: there is no such partition any more"));
    RETURN_IF_ERROR(answer.status());
    if (answer->error == kOffsetOutOfRange) {
      const std::optional<Range> range = RangeOf(topic, run.partition, deadline);
      missing = absl::DataLossError(absl::StrCat(
          where, " are not all there: no offset ", next,
          range ? absl::StrCat("; the log holds ", range->first, " to ", range->last) : "; the broker does not say what"));
      if (!range || range->first <= next || range->first > run.last) return missing;
      next = range->first;
      continue;
    }
    if (answer->error == kCorruptMessage) {
      return absl::DataLossError(absl::StrCat(where, ": the broker finds its log damaged at offset ", next));
    }
    if (answer->log_start > next) {
      missing = absl::DataLossError(absl::StrCat(where, " are not all there: the log begins at ", answer->log_start));
      if (answer->log_start > run.last) return missing;
      next = answer->log_start;
      continue;
    }
    std::string_view log = answer->records;
    bool advanced = false;
    while (next <= run.last) {
      auto batch = NextBatch(&log);
      if (!batch.ok()) return Annotate(batch.status(), where);
      if (!*batch) break;
      if ((*batch)->last_offset < next) continue;
      if ((*batch)->producer == identity && !(*batch)->control && (*batch)->base_offset <= run.last) {
        Given given;
        const absl::Status status =
            ForEachRecord(**batch, run.partition, kMostUnfoldedBytes, [&](KafkaRecord record) -> absl::Status {
              if (record.offset < next || record.offset > run.last) return absl::OkStatus();
              given.status = found(std::move(record));
              return given.status;
            });
        RETURN_IF_ERROR(given.status);
        if (!status.ok()) return Annotate(status, where);
      }
      next = (*batch)->last_offset + 1;
      advanced = true;
    }
    if (advanced || next > run.last) continue;
    if (!answer->records.empty()) {  // one batch that is larger than what was asked for
      if (request.max_bytes >= kMostFetchBytes) {
        return absl::ResourceExhaustedError(absl::StrCat(where, ": the batch at ", next, " is too large"));
      }
      request.max_bytes *= 4;
      continue;
    }
    if (clock_->Steady() >= deadline) {
      return absl::UnavailableError(absl::StrCat(where, ": the broker gives no records from ", next, " on"));
    }
    if (answer->high_watermark <= next && clock_->Steady() >= grace_ends) {
      return absl::DataLossError(
          absl::StrCat(where, " are not all there: the log ends at ", answer->high_watermark));
    }
  }
  return missing;
}

absl::StatusOr<Endpoint> WireLogReader::LeaderOf(const std::string& topic, int32_t partition, SteadyMicros deadline) {
  ASSIGN_OR_RETURN(const MetadataResponse metadata, cluster_->Metadata({topic}, deadline));
  const std::string right = "DESCRIBE on topic " + topic;
  for (const MetadataResponse::Topic& found : metadata.topics) {
    RETURN_IF_ERROR(StatusOf(found.error, "Metadata", right));
    for (const MetadataResponse::Partition& candidate : found.partitions) {
      if (candidate.index != partition) continue;
      for (const MetadataResponse::Broker& broker : metadata.brokers) {
        if (broker.node == candidate.leader) return Endpoint{broker.host, broker.port};
      }
      return absl::UnavailableError(absl::StrCat("partition ", partition, " has no leader"));
    }
  }
  return absl::NotFoundError("Metadata: no such partition");
}

absl::StatusOr<FetchResponse> WireLogReader::Fetch(std::optional<Endpoint>* leader, const FetchRequest& request,
                                                   SteadyMicros deadline) {
  const std::optional<Endpoint> kept = std::exchange(*leader, std::nullopt);
  Endpoint at;
  if (kept) {
    at = *kept;
  } else {
    ASSIGN_OR_RETURN(at, LeaderOf(request.topic, request.partition, deadline));
  }
  ASSIGN_OR_RETURN(FetchResponse response, cluster_->CallAt(at, request, deadline));
  if (response.error == kOffsetOutOfRange || response.error == kCorruptMessage) return response;
  RETURN_IF_ERROR(StatusOf(response.error, "Fetch", "READ on topic " + request.topic));
  if (!response.found) return absl::UnavailableError("Fetch: an answer without the partition");
  *leader = std::move(at);
  return response;
}

std::optional<WireLogReader::Range> WireLogReader::RangeOf(const std::string& topic, int32_t partition,
                                                           SteadyMicros deadline) {
  int64_t ends[2];
  int i = 0;
  for (const int64_t timestamp : {ListOffsetsRequest::kEarliest, ListOffsetsRequest::kLatest}) {
    const auto leader = LeaderOf(topic, partition, deadline);
    if (!leader.ok()) return std::nullopt;
    ListOffsetsRequest request;
    request.topic = topic;
    request.partition = partition;
    request.timestamp = timestamp;
    const auto response = cluster_->CallAt(*leader, request, deadline);
    if (!response.ok() || response->error != kNone) return std::nullopt;
    ends[i++] = response->offset;
  }
  return Range{ends[0], ends[1] - 1};
}

}  // namespace weir::taskmanager::kafka::protocol
