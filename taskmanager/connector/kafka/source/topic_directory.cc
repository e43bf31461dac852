#include "taskmanager/connector/kafka/source/topic_directory.h"

#include <librdkafka/rdkafka.h>
#include <re2/re2.h>

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter>;

/// Kafka's own topics match only a pattern that asks for them.
bool IsInternal(const std::string& topic) { return absl::StartsWith(topic, "__"); }

}  // namespace

TopicDirectory::TopicDirectory(std::shared_ptr<Client> client, const KafkaSourceOptions& source, const Clock* clock)
    : client_(std::move(client)), source_(source), clock_(clock) {
  if (source.connection.raw_client_possible()) coordinator_ = MakeCoordinator(source.connection, clock);
}

absl::Status TopicDirectory::Failed(int code, const std::string& doing) {
  const absl::Status status = client_->Explain(
      KafkaError(code, absl::StrCat(doing, " at ", kafka::Describe(source_.connection))));
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
    return absl::FailedPreconditionError(absl::StrCat("SOURCE_NOT_ALLOWED: ", status.message()));
  }
  return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
}

absl::StatusOr<TopicInfos> TopicDirectory::Find(const std::vector<std::string>& also, int64_t timeout_ms) {
  TopicInfos found;
  std::set<std::string> names(also.begin(), also.end());
  names.insert(source_.topics.begin(), source_.topics.end());
  if (!source_.topic_pattern.empty()) RETURN_IF_ERROR(FindMatching(timeout_ms, &found));
  for (const std::string& name : names) {
    if (found.count(name) == 0) RETURN_IF_ERROR(Describe(name, timeout_ms, &found));
  }
  std::vector<std::string> present;
  for (const auto& [name, topic] : found) present.push_back(name);
  for (const std::string& name : present) RETURN_IF_ERROR(AddId(name, timeout_ms, &found));
  return found;
}

absl::Status TopicDirectory::Describe(const std::string& topic, int64_t timeout_ms, TopicInfos* found) {
  const Topic handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* got = nullptr;
  const auto error = rd_kafka_metadata(client_->get(), 0, handle.get(), &got, static_cast<int>(timeout_ms));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(error, absl::StrCat("asking for topic ", topic));
  const Metadata metadata(got);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& t = metadata->topics[i];
    if (t.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || t.topic != topic) continue;
    if (t.err != RD_KAFKA_RESP_ERR_NO_ERROR && t.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
      return Failed(t.err, absl::StrCat("asking for topic ", topic));
    }
    if (t.partition_cnt > 0) (*found)[topic].partitions = t.partition_cnt;
  }
  return absl::OkStatus();
}

absl::Status TopicDirectory::FindMatching(int64_t timeout_ms, TopicInfos* found) {
  const RE2 pattern(source_.topic_pattern, RE2::Quiet);
  const bool internal = IsInternal(source_.topic_pattern);
  const rd_kafka_metadata_t* got = nullptr;
  const auto error = rd_kafka_metadata(client_->get(), 1, nullptr, &got, static_cast<int>(timeout_ms));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(error, "asking for the topics");
  const Metadata metadata(got);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& t = metadata->topics[i];
    if (t.partition_cnt == 0 || (IsInternal(t.topic) && !internal) || !RE2::FullMatch(t.topic, pattern)) continue;
    (*found)[t.topic].partitions = t.partition_cnt;
  }
  return absl::OkStatus();
}

absl::Status TopicDirectory::AddId(const std::string& topic, int64_t timeout_ms, TopicInfos* found) {
  if (coordinator_ == nullptr) return absl::OkStatus();
  const absl::StatusOr<std::string> id = coordinator_->TopicId(topic, clock_->Steady() + timeout_ms * 1000);
  if (id.ok()) {
    (*found)[topic].id = *id;
    return absl::OkStatus();
  }
  switch (id.status().code()) {
    case absl::StatusCode::kNotFound:
      found->erase(topic);
      return absl::OkStatus();
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return absl::UnavailableError(absl::StrCat("asking for the id of topic ", topic, ": ", id.status().message()));
    default:
      // The rest of this source works without ids: a topic that is made anew is then not noticed.
      log::Warning(absl::StrCat("topic ", topic, ": its id is not known: ",
                                absl::string_view(id.status().message().data(), id.status().message().size())));
      coordinator_ = nullptr;
      return absl::OkStatus();
  }
}

}  // namespace weir::taskmanager::kafka
