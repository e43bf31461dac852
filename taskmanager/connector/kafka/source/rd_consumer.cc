#include "taskmanager/connector/kafka/source/rd_consumer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

/// What librdkafka needs for a queued record beside its value.
constexpr int64_t kRecordOverhead = 400;
constexpr int kQueryMillis = 5000;
/// librdkafka 2.0 can wait for ever for its own thread of a broker after a topic that it read was deleted.
constexpr std::chrono::seconds kMostEnding{2};
/// The last commit of a source that ends may still be on its way.
constexpr int kLastCommitMillis = 200;

int64_t MostQueuedRecords(int64_t memory_bytes) {
  return std::clamp<int64_t>(memory_bytes / 2 / kRecordOverhead, 1000, 10'000'000);
}
int64_t MostQueuedBytes(int64_t memory_bytes) { return std::max<int64_t>(memory_bytes / 2, int64_t{1} << 20); }

}  // namespace

struct RdConsumer::Group {
  Client* client = nullptr;
  bool in_flight = false;
  bool warned = false;
  PartitionList waiting;

  void Send(PartitionList list) {
    in_flight = rd_kafka_commit(client->get(), list.get(), /*async=*/1) == RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static void OnCommitted(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void* opaque) {
    auto* events = static_cast<ClientEvents*>(opaque);
    auto* group = static_cast<Group*>(events->user());
    if (group == nullptr) return;
    group->in_flight = false;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__NO_OFFSET && !group->warned) {
      group->warned = true;
      log::Warning(absl::StrCat(events->name(), ": the group's offsets could not be committed (nothing depends on them): ",
                                rd_kafka_err2str(error)));
    } else if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      group->warned = false;
    }
    if (group->waiting != nullptr) group->Send(std::move(group->waiting));
  }
};

absl::StatusOr<std::shared_ptr<Client>> RdConsumer::MakeClient(const KafkaSourceOptions& source,
                                                               const std::string& name, const std::string& group_id,
                                                               int64_t memory_bytes) {
  auto group = std::make_unique<Group>();
  ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(source.connection, name, group.get()));
  RETURN_IF_ERROR(conf.Set("group.id", group_id));
  RETURN_IF_ERROR(conf.Set("enable.auto.commit", "false"));
  RETURN_IF_ERROR(conf.Set("enable.auto.offset.store", "false"));
  RETURN_IF_ERROR(conf.Set("auto.offset.reset", "error"));
  RETURN_IF_ERROR(conf.Set("enable.partition.eof", "true"));
  RETURN_IF_ERROR(conf.Set("isolation.level", source.read_committed ? "read_committed" : "read_uncommitted"));
  // The broker answers as soon as there is a record; this long it waits for one. Also how soon the end is known.
  RETURN_IF_ERROR(conf.SetDefault("fetch.wait.max.ms", source.stop_latest ? "20" : "100"));
  RETURN_IF_ERROR(conf.SetDefault("fetch.error.backoff.ms", "100"));
  RETURN_IF_ERROR(conf.SetDefault("queued.min.messages", absl::StrCat(MostQueuedRecords(memory_bytes))));
  RETURN_IF_ERROR(conf.SetDefault("queued.max.messages.kbytes", absl::StrCat(MostQueuedBytes(memory_bytes) >> 10)));
  rd_kafka_conf_set_offset_commit_cb(conf.get(), Group::OnCommitted);
  ASSIGN_OR_RETURN(std::unique_ptr<Client> made, Client::Create(std::move(conf), Client::Kind::kConsumer));
  group->client = made.get();
  // The group lives as long as the client, whose callbacks know it.
  return std::shared_ptr<Client>(made.release(), [owned = group.release(), name](Client* client) {
    auto gone = std::make_shared<std::promise<void>>();
    std::future<void> ended = gone->get_future();
    std::thread([client, owned, gone] {
      delete client;
      delete owned;
      gone->set_value();
    }).detach();
    if (ended.wait_for(kMostEnding) == std::future_status::ready) return;
    log::Warning(absl::StrCat(name, ": its Kafka client does not end (was a topic deleted?) and is left behind"));
  });
}

RdConsumer::RdConsumer(std::shared_ptr<Client> client, Options options)
    : client_(std::move(client)), options_(std::move(options)) {}

RdConsumer::~RdConsumer() {
  Release();
  if (queue_ == nullptr) return;
  rd_kafka_queue_cb_event_enable(queue_, nullptr, nullptr);
  auto* group = static_cast<Group*>(client_->events().user());
  for (int waited = 0; group->in_flight && waited < kLastCommitMillis; waited += 10) {
    rd_kafka_message_t* message = nullptr;
    if (rd_kafka_consume_batch_queue(queue_, 10, &message, 1) == 1) rd_kafka_message_destroy(message);
  }
  group->waiting = nullptr;
  rd_kafka_queue_destroy(queue_);
}

absl::Status RdConsumer::Assign(const std::map<int32_t, Start>& starts) {
  const PartitionList list = NewPartitionList(static_cast<int>(starts.size()));
  for (const auto& [index, start] : starts) {
    splits_[index] = start.split;
    by_name_[{start.split.topic, start.split.partition}] = index;
    rd_kafka_topic_partition_list_add(list.get(), start.split.topic.c_str(), start.split.partition)->offset =
        start.offset;
  }
  client_->MainQueueIsConsumed();
  by_handle_.clear();
  last_handle_ = nullptr;
  if (queue_ == nullptr) {
    rd_kafka_poll_set_consumer(client_->get());
    queue_ = rd_kafka_queue_get_consumer(client_->get());
    rd_kafka_queue_cb_event_enable(
        queue_, [](rd_kafka_t*, void* wake) { (*static_cast<const std::function<void()>*>(wake))(); },
        const_cast<std::function<void()>*>(&options_.wake));
  }
  return KafkaError(rd_kafka_assign(client_->get(), list.get()), absl::StrCat(options_.name, ": assigning partitions"));
}

int32_t RdConsumer::SplitOf(const rd_kafka_message_t& message) {
  if (message.rkt == last_handle_ && message.partition == last_partition_) return last_split_;
  if (message.rkt == nullptr) return -1;
  const std::pair<const void*, int32_t> key(message.rkt, message.partition);
  auto it = by_handle_.find(key);
  if (it == by_handle_.end()) {
    const auto named = by_name_.find({rd_kafka_topic_name(message.rkt), message.partition});
    it = by_handle_.emplace(key, named == by_name_.end() ? -1 : named->second).first;
  }
  last_handle_ = message.rkt;
  last_partition_ = message.partition;
  return last_split_ = it->second;
}

bool RdConsumer::Convert(const rd_kafka_message_t& message, Consumed* out) {
  out->split = SplitOf(message);
  out->offset = message.offset;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    out->kind = Consumed::Kind::kRecord;
    out->data = static_cast<const char*>(message.payload);
    out->size = message.len;
    return out->split >= 0;
  }
  const std::string where = out->split < 0 ? options_.name
                                           : absl::StrCat(options_.name, ": topic ",
                                                          PartitionName(splits_[out->split].topic, message.partition));
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      out->kind = Consumed::Kind::kEnd;
      return out->split >= 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      out->kind = Consumed::Kind::kOutOfRange;
      return out->split >= 0;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      out->kind = Consumed::Kind::kMissing;
      return out->split >= 0;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      out->kind = Consumed::Kind::kError;
      out->error = absl::FailedPreconditionError(
          absl::StrCat("SOURCE_NOT_ALLOWED: ", where, ": no right to read it (Topic Read)"));
      return true;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      out->kind = Consumed::Kind::kError;
      out->error = KafkaError(message.err, absl::StrCat(where, " at offset ", message.offset),
                              rd_kafka_message_errstr(&message));
      return true;
    default:
      // The client tries again by itself: brokers that are away, elections, throttling.
      log::Warning(absl::StrCat(where, ": ", rd_kafka_message_errstr(&message)));
      return false;
  }
}

const std::vector<Consumed>& RdConsumer::Consume(size_t most) {
  consumed_.clear();
  if (messages_.size() < most) messages_.resize(most);
  const ssize_t got = rd_kafka_consume_batch_queue(queue_, 0, messages_.data(), most);
  held_ = got > 0 ? static_cast<size_t>(got) : 0;
  if (held_ == 0) return consumed_;
  consumed_.reserve(held_);
  size_t bytes = 0;
  for (size_t i = 0; i < held_; ++i) {
    Consumed one;
    if (!Convert(*messages_[i], &one)) continue;
    bytes += one.size;
    consumed_.push_back(std::move(one));
  }
  mean_bytes_ += (static_cast<double>(bytes) / static_cast<double>(held_) - mean_bytes_) * 0.1;
  WatchQueue(held_, last_split_);
  // What was nothing but events of the client is not worth a call of Release.
  if (consumed_.empty()) Release();
  return consumed_;
}

void RdConsumer::WatchQueue(size_t taken, int32_t split) {
  const size_t left = rd_kafka_queue_length(queue_);
  peak_ = std::max(peak_, left + taken);
  const double limit = std::min(static_cast<double>(MostQueuedRecords(options_.memory_bytes)),
                                static_cast<double>(MostQueuedBytes(options_.memory_bytes)) / (mean_bytes_ + 1));
  if (static_cast<double>(peak_) < limit * 0.8 || left > peak_ / 2) return;
  peak_ = left;
  const auto it = splits_.find(split);
  if (it != splits_.end() && options_.nudge) options_.nudge(it->second.topic, it->second.partition);
}

void RdConsumer::Release() {
  for (size_t i = 0; i < held_; ++i) rd_kafka_message_destroy(messages_[i]);
  held_ = 0;
}

void RdConsumer::Stop(int32_t split) {
  const PartitionList list = NewPartitionList(1);
  const KafkaSplit& s = splits_.at(split);
  rd_kafka_topic_partition_list_add(list.get(), s.topic.c_str(), s.partition);
  rd_kafka_pause_partitions(client_->get(), list.get());
}

absl::StatusOr<RecordConsumer::Range> RdConsumer::QueryRange(int32_t split) {
  const KafkaSplit& s = splits_.at(split);
  Range range;
  const auto error = rd_kafka_query_watermark_offsets(client_->get(), s.topic.c_str(), s.partition, &range.low,
                                                      &range.high, kQueryMillis);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const absl::Status status =
        KafkaError(error, absl::StrCat(options_.name, ": offsets of topic ", PartitionName(s.topic, s.partition)));
    return absl::IsDeadlineExceeded(status) ? absl::UnavailableError(status.message()) : status;
  }
  return range;
}

int64_t RdConsumer::HighWatermark(int32_t split) const {
  const auto it = high_.find(split);
  return it == high_.end() ? -1 : it->second;
}

void RdConsumer::RefreshWatermarks() {
  for (const auto& [index, split] : splits_) {
    int64_t low = -1, high = -1;
    const auto error =
        rd_kafka_get_watermark_offsets(client_->get(), split.topic.c_str(), split.partition, &low, &high);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0) high_[index] = high;
  }
}

void RdConsumer::CommitOffsets(const std::map<int32_t, int64_t>& offsets) {
  PartitionList list = NewPartitionList(static_cast<int>(offsets.size()));
  for (const auto& [index, offset] : offsets) {
    const auto it = splits_.find(index);
    if (it == splits_.end()) continue;
    rd_kafka_topic_partition_list_add(list.get(), it->second.topic.c_str(), it->second.partition)->offset = offset;
  }
  if (list->cnt == 0) return;
  auto* group = static_cast<Group*>(client_->events().user());
  if (group->in_flight) {
    group->waiting = std::move(list);
  } else {
    group->Send(std::move(list));
  }
}

}  // namespace weir::taskmanager::kafka
