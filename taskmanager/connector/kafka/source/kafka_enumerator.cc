#include "taskmanager/connector/kafka/source/kafka_enumerator.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"
#include "taskmanager/connector/kafka/source/rd_consumer.h"
#include "taskmanager/connector/kafka/source/topic_directory.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int kAskMillis = 10'000;
// ListOffsets takes these for times.
constexpr int64_t kBeginning = RD_KAFKA_OFFSET_BEGINNING;
constexpr int64_t kEnd = RD_KAFKA_OFFSET_END;
constexpr int64_t kQueueBytes = int64_t{1} << 20;  // this client reads nothing

PartitionList ListOf(const std::vector<KafkaSplit>& splits, int64_t offset) {
  PartitionList list = NewPartitionList(static_cast<int>(splits.size()));
  for (const KafkaSplit& split : splits) {
    rd_kafka_topic_partition_list_add(list.get(), split.topic.c_str(), split.partition)->offset = offset;
  }
  return list;
}

/// By what no restart heals, or outside trouble.
absl::Status Classified(const absl::Status& status) {
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
    return absl::FailedPreconditionError(absl::StrCat("SOURCE_NOT_ALLOWED: ", status.message()));
  }
  return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
}

}  // namespace

std::string NameOf(const SourceContext& context) { return absl::StrCat("source ", context.node->name); }

std::string GroupOf(const SourceContext& context, const KafkaSourceOptions& options) {
  if (!options.group_id.empty()) return options.group_id;
  return absl::StrCat("weir-", context.job_name, "-", context.node->name);
}

KafkaEnumerator::KafkaEnumerator(const SourceContext& context, KafkaSourceOptions options)
    : context_(context), options_(std::move(options)), name_(NameOf(context)) {}

absl::Status KafkaEnumerator::Connect() {
  if (client_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(client_, RdConsumer::MakeClient(options_, name_, GroupOf(context_, options_), kQueueBytes));
  return absl::OkStatus();
}

absl::StatusOr<TopicInfos> KafkaEnumerator::Find(const std::vector<std::string>& also) {
  TopicDirectory directory(client_, options_, context_.clock);
  auto found = directory.Find(also, kAskMillis);
  if (!found.ok()) return Annotate(found.status(), name_);
  return found;
}

absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> KafkaEnumerator::Enumerate(int32_t) {
  RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(const TopicInfos found, Find({}));
  std::vector<std::string> missing;
  for (const std::string& topic : options_.topics) {
    if (found.count(topic) == 0) missing.push_back(topic);
  }
  const std::string where = kafka::Describe(options_.connection);
  if (!missing.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("SOURCE_TOPIC_MISSING: ", name_, ": there is no topic ",
                                                      absl::StrJoin(missing, ", "), " at ", where,
                                                      "; make it, then start the job"));
  }
  if (found.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("SOURCE_TOPIC_MISSING: ", name_, ": no topic at ", where,
                                                      " matches ", options_.topic_pattern));
  }
  std::vector<KafkaSplit> splits = NewPartitions({}, found);
  RETURN_IF_ERROR(SetStarts(&splits));
  if (options_.stop_latest) {
    // With isolation read_committed the broker gives the last stable offset.
    ASSIGN_OR_RETURN(const std::vector<int64_t> ends, Offsets(splits, kEnd));
    for (size_t i = 0; i < splits.size(); ++i) splits[i].stop = ends[i];
  }
  std::vector<checkpoint::SourceSplits::Split> encoded;
  for (const KafkaSplit& split : splits) encoded.push_back(EncodeSplit(split));
  return encoded;
}

absl::Status KafkaEnumerator::SetStarts(std::vector<KafkaSplit>* splits) {
  using Kind = StartPosition::Kind;
  const Kind kind = options_.start.kind;
  const bool fallible = kind == Kind::kCommitted || kind == Kind::kTimestamp;
  std::vector<int64_t> starts;
  if (kind == Kind::kCommitted) {
    ASSIGN_OR_RETURN(starts, Committed(*splits));
  } else if (kind == Kind::kTimestamp) {
    ASSIGN_OR_RETURN(starts, Offsets(*splits, options_.start.timestamp_ms));
  }
  // Where nothing was committed: the beginning. Where there is no record so late: the end.
  const bool some_missing = std::any_of(starts.begin(), starts.end(), [](int64_t offset) { return offset < 0; });
  if (!fallible || some_missing) {
    const bool end = kind == Kind::kLatest || kind == Kind::kTimestamp;
    ASSIGN_OR_RETURN(const std::vector<int64_t> otherwise, Offsets(*splits, end ? kEnd : kBeginning));
    if (!fallible) starts = otherwise;
    for (size_t i = 0; i < starts.size(); ++i) {
      if (starts[i] < 0) starts[i] = otherwise[i];
    }
  }
  for (size_t i = 0; i < splits->size(); ++i) (*splits)[i].start = starts[i];
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> KafkaEnumerator::Offsets(const std::vector<KafkaSplit>& splits, int64_t time) {
  const PartitionList list = ListOf(splits, time);
  const auto error = rd_kafka_offsets_for_times(client_->get(), list.get(), kAskMillis);
  const std::string doing = absl::StrCat(name_, ": asking for offsets");
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Classified(client_->Explain(KafkaError(error, doing)));
  std::vector<int64_t> offsets;
  for (const KafkaSplit& split : splits) {
    const auto* found = rd_kafka_topic_partition_list_find(list.get(), split.topic.c_str(), split.partition);
    const std::string where = absl::StrCat(doing, " of topic ", PartitionName(split.topic, split.partition));
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) return Classified(KafkaError(found->err, where));
    if (found->offset < 0 && time < 0) return absl::UnavailableError(absl::StrCat(where, ": no answer"));
    offsets.push_back(found->offset < 0 ? -1 : found->offset);
  }
  return offsets;
}

absl::StatusOr<std::vector<int64_t>> KafkaEnumerator::Committed(const std::vector<KafkaSplit>& splits) {
  const PartitionList list = ListOf(splits, RD_KAFKA_OFFSET_INVALID);
  const auto error = rd_kafka_committed(client_->get(), list.get(), kAskMillis);
  const std::string doing = absl::StrCat(name_, ": asking for the offsets of group ", GroupOf(context_, options_));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Classified(client_->Explain(KafkaError(error, doing)));
  std::vector<int64_t> offsets;
  for (const KafkaSplit& split : splits) {
    const auto* found = rd_kafka_topic_partition_list_find(list.get(), split.topic.c_str(), split.partition);
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) return Classified(KafkaError(found->err, doing));
    offsets.push_back(found->offset < 0 ? -1 : found->offset);
  }
  return offsets;
}

absl::StatusOr<std::optional<std::vector<checkpoint::SourceSplits::Split>>> KafkaEnumerator::Refresh(
    const std::vector<checkpoint::SourceSplits::Split>& known) {
  if (options_.stop_latest || options_.discovery_interval_micros == 0) return std::nullopt;
  RETURN_IF_ERROR(Connect());
  std::vector<KafkaSplit> splits;
  std::set<std::string> names;
  for (const checkpoint::SourceSplits::Split& split : known) {
    ASSIGN_OR_RETURN(splits.emplace_back(), DecodeSplit(split.payload));
    names.insert(splits.back().topic);
  }
  ASSIGN_OR_RETURN(const TopicInfos found, Find({names.begin(), names.end()}));
  // Topics that are gone or replaced are the readers' to report.
  std::vector<KafkaSplit> added = NewPartitions(splits, found);
  if (added.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::vector<int64_t> starts, Offsets(added, kBeginning));
  std::vector<checkpoint::SourceSplits::Split> all = known;
  for (size_t i = 0; i < added.size(); ++i) {
    added[i].start = starts[i];
    all.push_back(EncodeSplit(added[i]));
  }
  return all;
}

}  // namespace weir::taskmanager::kafka
