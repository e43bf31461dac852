#include "taskmanager/connector/kafka/rdkafka/producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

/// What librdkafka allocates for a record beside its bytes.
constexpr int64_t kRecordOverhead = 280;
constexpr int64_t kShortRecord = kRecordOverhead + 60;
/// How long the end of a producer waits for its partitions to be registered with the transaction.
constexpr int64_t kSettleMs = 3'000;
/// Retries of calls that say they may be retried.
constexpr int kCallMs = 5'000;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
int LeftMs(int64_t deadline) { return static_cast<int>(std::max<int64_t>(1, deadline - NowMs())); }

/// An rd_kafka_error_t as a status; frees it.
absl::Status TakeError(rd_kafka_error_t* error, std::string_view doing, bool* retriable) {
  if (error == nullptr) return absl::OkStatus();
  *retriable = rd_kafka_error_is_retriable(error) != 0;
  absl::Status status = KafkaError(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

/// Waiting for room as long without a confirmed record, the client is told not to linger.
constexpr int64_t kNoProgressMs = 10;

/// Null is NULL for librdkafka; what is empty points somewhere.
char* Pointer(std::string_view bytes, bool present) {
  static char nothing = 0;
  if (!present) return nullptr;
  return bytes.data() == nullptr ? &nothing : const_cast<char*>(bytes.data());
}

/// Calls until it succeeds, fails for good, or `deadline` (NowMs) has passed.
template <typename Call>
absl::Status Retry(int64_t deadline, std::string_view doing, const Call& call) {
  while (true) {
    bool retriable = false;
    absl::Status status = TakeError(call(std::min(LeftMs(deadline), kCallMs)), doing, &retriable);
    if (status.ok() || !retriable || NowMs() >= deadline) return status;
  }
}

absl::Status Configure(const ProducerOptions& options, ClientConf* conf) {
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  int64_t message_timeout = options.message_timeout_ms;
  if (!options.transactional_id.empty()) {
    RETURN_IF_ERROR(conf->Set("transactional.id", options.transactional_id));
    RETURN_IF_ERROR(conf->Set("transaction.timeout.ms", absl::StrCat(options.transaction_timeout_ms)));
    message_timeout = std::min(message_timeout, std::max<int64_t>(500, options.transaction_timeout_ms * 4 / 5));
  } else if (options.idempotent) {
    RETURN_IF_ERROR(conf->SetDefault("enable.idempotence", "true"));
  }
  RETURN_IF_ERROR(conf->Set("message.timeout.ms", absl::StrCat(message_timeout)));
  const double linger_ms =
      std::min(static_cast<double>(options.linger_micros) / 1000, static_cast<double>(message_timeout) / 4);
  RETURN_IF_ERROR(conf->SetDefault("linger.ms", absl::StrCat(linger_ms)));
  RETURN_IF_ERROR(conf->Set("compression.codec", options.compression));
  // A request is on its way and the next ones are being filled before the room is used up, also by short records: until
  // a request is full it lingers.
  const int64_t batch = std::clamp<int64_t>(options.memory_bytes / kShortRecord / 8, 100, 10'000);
  RETURN_IF_ERROR(conf->SetDefault("batch.num.messages", absl::StrCat(batch)));
  // We wait for room ourselves, by options.memory_bytes; librdkafka's own limits never refuse before.
  RETURN_IF_ERROR(conf->Set("queue.buffering.max.messages", "10000000"));
  RETURN_IF_ERROR(conf->Set("queue.buffering.max.kbytes", absl::StrCat(options.memory_bytes / 512 + (1 << 20))));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RdkafkaProducer>> RdkafkaProducer::Create(ProducerOptions options) {
  ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(options.connection, options.name));
  RETURN_IF_ERROR(Configure(options, &conf));
  ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Create(std::move(conf), Client::Kind::kProducer));
  std::unique_ptr<RdkafkaProducer> producer(new RdkafkaProducer(std::move(options), std::move(client)));
  if (producer->partitioner_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no partitioner `", producer->options_.partitioner, "`"));
  }
  producer->topic_ = Topic(rd_kafka_topic_new(producer->client_->get(), producer->options_.topic.c_str(), nullptr));
  if (producer->topic_ == nullptr) {
    return KafkaError(rd_kafka_last_error(), absl::StrCat("topic ", producer->options_.topic));
  }
  return producer;
}

RdkafkaProducer::RdkafkaProducer(ProducerOptions options, std::unique_ptr<Client> client)
    : options_(std::move(options)), client_(std::move(client)), queue_(rd_kafka_queue_get_main(client_->get())) {
  static constexpr struct {
    const char* name;
    PartitionerFunction function;
  } kPartitioners[] = {
      {"random", rd_kafka_msg_partitioner_random},
      {"consistent", rd_kafka_msg_partitioner_consistent},
      {"consistent_random", rd_kafka_msg_partitioner_consistent_random},
      {"murmur2", rd_kafka_msg_partitioner_murmur2},
      {"murmur2_random", rd_kafka_msg_partitioner_murmur2_random},
      {"fnv1a", rd_kafka_msg_partitioner_fnv1a},
      {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a_random},
  };
  for (const auto& known : kPartitioners) {
    if (options_.partitioner == known.name) partitioner_ = known.function;
  }
  keyless_anywhere_ = absl::EndsWith(options_.partitioner, "random");
}

void RdkafkaProducer::Settle() {
  const auto settled = [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    return !status_.ok() || std::all_of(state_.begin(), state_.end(), [](const PartitionState& state) {
      return state.produced == 0 || state.delivered > 0;
    });
  };
  const int64_t deadline = NowMs() + kSettleMs;
  while (!settled() && client_->Fatal().ok() && NowMs() < deadline) {
    rd_kafka_flush(client_->get(), 1);  // nothing lingers
    Poll(1);
  }
}

RdkafkaProducer::~RdkafkaProducer() {
  if (!options_.transactional_id.empty()) Settle();
  topic_ = nullptr;
  rd_kafka_queue_destroy(queue_);
}

absl::Status RdkafkaProducer::Explain(absl::Status status) {
  if (status.ok() || (!absl::IsDeadlineExceeded(status) && !absl::IsUnavailable(status))) return status;
  Poll(0);
  const absl::Status why = client_->events().last_error();
  if (why.ok()) return absl::UnavailableError(status.message());
  return absl::Status(absl::IsDeadlineExceeded(why) ? absl::StatusCode::kUnavailable : why.code(),
                      absl::StrCat(status.message(), "; ", why.message()));
}

absl::Status RdkafkaProducer::Warm(int64_t timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  if (!options_.transactional_id.empty() && !initialised_) RETURN_IF_ERROR(InitTransactions(deadline));
  initialised_ = true;
  return FetchMetadata(deadline);
}

absl::Status RdkafkaProducer::InitTransactions(int64_t deadline) {
  const std::string doing = absl::StrCat(options_.name, ": initialising transactional id ", options_.transactional_id);
  while (true) {
    // In short calls, so that a wrong password ends it.
    bool retriable = false;
    const absl::Status status =
        TakeError(rd_kafka_init_transactions(client_->get(), std::min(LeftMs(deadline), 1'000)), doing, &retriable);
    if (status.ok()) return status;
    const absl::Status explained = Explain(status);
    if (!retriable || !absl::IsUnavailable(explained) || NowMs() >= deadline) return explained;
  }
}

absl::Status RdkafkaProducer::FetchMetadata(int64_t deadline) {
  const std::string doing = absl::StrCat(options_.name, ": metadata of topic ", options_.topic);
  while (true) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(client_->get(), 0, topic_.get(), &metadata, std::min(LeftMs(deadline), 1'000));
    absl::Status status = KafkaError(error, doing);
    if (status.ok()) {
      const rd_kafka_metadata_topic_t* topic = metadata->topic_cnt == 1 ? &metadata->topics[0] : nullptr;
      if (topic == nullptr || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        status = absl::NotFoundError(
            absl::StrCat(options_.name, ": topic ", options_.topic, " does not exist; make it, then start the job"));
      } else {
        status = KafkaError(topic->err, doing);
        if (status.ok() && topic->partition_cnt > 0) {
          std::lock_guard<std::mutex> lock(mutex_);
          state_.resize(static_cast<size_t>(topic->partition_cnt));
        } else if (status.ok()) {
          status = absl::UnavailableError(absl::StrCat(doing, ": it has no partitions"));
        }
      }
      rd_kafka_metadata_destroy(metadata);
    }
    if (status.ok()) return status;
    status = Explain(status);
    if (!absl::IsUnavailable(status) || NowMs() >= deadline) return status;
    Poll(20);
  }
}

absl::Status RdkafkaProducer::Begin() {
  bool retriable = false;
  return TakeError(rd_kafka_begin_transaction(client_->get()),
                   absl::StrCat(options_.name, ": beginning transaction ", options_.transactional_id), &retriable);
}

int32_t RdkafkaProducer::PartitionOf(std::string_view key, bool has_key, int32_t sticky) const {
  const int32_t count = partition_count();
  if (count == 1) return 0;
  if (!has_key && keyless_anywhere_) return sticky % count;
  return partitioner_(topic_.get(), has_key ? key.data() : nullptr, key.size(), count, nullptr, nullptr);
}

void RdkafkaProducer::Route(OutgoingRecord* records, size_t count, int32_t sticky) const {
  for (size_t i = 0; i < count; ++i) records[i].partition = PartitionOf(records[i].key, records[i].has_key, sticky);
}

absl::Status RdkafkaProducer::WaitForRoom(size_t count, int64_t bytes, int64_t patience_ms) {
  int64_t progress_at = 0;  // 0: nothing was waited for
  int64_t seen = 0;
  while (true) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      RETURN_IF_ERROR(status_);
      if (waiting_records_ == 0 || waiting_bytes_ + bytes <= options_.memory_bytes) {
        waiting_records_ += static_cast<int64_t>(count);
        waiting_bytes_ += bytes;
        return absl::OkStatus();
      }
      if (progress_at == 0 || waiting_records_ != seen) {
        seen = waiting_records_;
        progress_at = NowMs();
      }
    }
    if (NowMs() - progress_at >= patience_ms) {
      return Explain(absl::UnavailableError(absl::StrCat(options_.name, ": topic ", options_.topic, ": ", seen,
                                                         " records wait, and none was confirmed for ", patience_ms,
                                                         " ms")));
    }
    Poll(5);
    // Many partitions may each lack too much for a full request: what lingers is sent.
    if (NowMs() - progress_at >= kNoProgressMs) rd_kafka_flush(client_->get(), 1);
  }
}

void RdkafkaProducer::Lost(int32_t partition, absl::Status why) {
  if (options_.count_losses) {
    ++losses_;
    last_loss_ = std::move(why);
    ++state_[static_cast<size_t>(partition)].delivered;
  } else if (status_.ok()) {
    status_ = std::move(why);
  }
}

int64_t RdkafkaProducer::losses() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return losses_;
}

absl::Status RdkafkaProducer::last_loss() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return last_loss_;
}

absl::Status RdkafkaProducer::Produce(const OutgoingRecord* records, size_t count, int64_t patience_ms) {
  int64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += kRecordOverhead + static_cast<int64_t>(records[i].key.size() + records[i].value.size());
  }
  RETURN_IF_ERROR(WaitForRoom(count, bytes, patience_ms));
  scratch_.resize(count);
  {
    // Counted first: a delivery report may come before the call returns.
    std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < count; ++i) ++state_[static_cast<size_t>(records[i].partition)].produced;
  }
  for (size_t i = 0; i < count; ++i) {
    rd_kafka_message_t& message = scratch_[i];
    message = {};
    message.payload = Pointer(records[i].value, records[i].has_value);
    message.len = records[i].value.size();
    message.key = Pointer(records[i].key, records[i].has_key);
    message.key_len = records[i].key.size();
    message.partition = records[i].partition;
  }
  const int taken = rd_kafka_produce_batch(topic_.get(), RD_KAFKA_PARTITION_UA,
                                           RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_PARTITION, scratch_.data(),
                                           static_cast<int>(count));
  if (taken == static_cast<int>(count)) return absl::OkStatus();
  const absl::Status fatal = client_->Fatal();
  std::lock_guard<std::mutex> lock(mutex_);
  for (const rd_kafka_message_t& message : scratch_) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const int64_t size = static_cast<int64_t>(message.len + message.key_len);
    --waiting_records_;
    waiting_bytes_ -= kRecordOverhead + size;
    Lost(message.partition, fatal.ok() ? DeliveryError(message.err, options_.topic, message.partition, size) : fatal);
  }
  return status_;
}

absl::Status RdkafkaProducer::Produce(const KafkaRecord& record, int64_t patience_ms) {
  int64_t bytes = kRecordOverhead + static_cast<int64_t>(record.key.size() + record.value.size());
  for (const auto& [name, value] : record.headers) bytes += static_cast<int64_t>(name.size() + value.size());
  if (record.partition < 0 || record.partition >= partition_count()) {
    return absl::NotFoundError(absl::StrCat(options_.name, ": topic ", options_.topic, " has ", partition_count(),
                                            " partitions, a record is for partition ", record.partition));
  }
  RETURN_IF_ERROR(WaitForRoom(1, bytes, patience_ms));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++state_[static_cast<size_t>(record.partition)].produced;
  }
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  // clang-format off
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_->get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(record.partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
      RD_KAFKA_V_KEY(Pointer(record.key, record.has_key), record.key.size()),
      RD_KAFKA_V_VALUE(Pointer(record.value, record.has_value), record.value.size()),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
  // clang-format on
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  const absl::Status fatal = client_->Fatal();
  std::lock_guard<std::mutex> lock(mutex_);
  --waiting_records_;
  waiting_bytes_ -= bytes;
  Lost(record.partition,
       fatal.ok() ? DeliveryError(error, options_.topic, record.partition, bytes - kRecordOverhead) : fatal);
  return status_;
}

void RdkafkaProducer::Poll(int timeout_ms) {
  while (rd_kafka_event_t* const event = rd_kafka_queue_poll(queue_, timeout_ms)) {
    Handle(event);
    rd_kafka_event_destroy(event);
    timeout_ms = 0;
  }
}

void RdkafkaProducer::Handle(rd_kafka_op_s* event) {
  switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
      OnDelivered(event);
      break;
    case RD_KAFKA_EVENT_ERROR: {
      const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
      client_->events().OnError(code, rd_kafka_event_error_string(event));
      if (code == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event) != 0) {
        const absl::Status fatal = client_->Fatal();
        std::lock_guard<std::mutex> lock(mutex_);
        if (status_.ok()) status_ = fatal;
      }
      break;
    }
    default:
      break;
  }
}

void RdkafkaProducer::OnDelivered(rd_kafka_op_s* event) {
  std::lock_guard<std::mutex> lock(mutex_);
  while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(event)) {
    --waiting_records_;
    waiting_bytes_ -= kRecordOverhead + static_cast<int64_t>(message->len + message->key_len);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Lost(message->partition, DeliveryError(message->err, options_.topic, message->partition,
                                             static_cast<int64_t>(message->len + message->key_len)));
      continue;
    }
    PartitionState& state = state_[static_cast<size_t>(message->partition)];
    ++state.delivered;
    if (message->offset < 0) {
      state.offsets_unknown = true;
    } else {
      if (state.first < 0 || message->offset < state.first) state.first = message->offset;
      state.last = std::max(state.last, message->offset);
    }
  }
  if (waiting_records_ == 0) waiting_bytes_ = 0;  // headers are not in a report
}

absl::Status RdkafkaProducer::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

std::vector<int64_t> RdkafkaProducer::Produced() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<int64_t> produced;
  for (const PartitionState& state : state_) produced.push_back(state.produced);
  return produced;
}

absl::Status RdkafkaProducer::Drain(const std::vector<int64_t>& produced, int64_t timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  int wait_ms = 0;
  while (true) {
    int64_t missing = 0;
    Poll(wait_ms);
    wait_ms = 2;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      RETURN_IF_ERROR(status_);
      for (size_t i = 0; i < produced.size(); ++i) missing += std::max<int64_t>(0, produced[i] - state_[i].delivered);
    }
    if (missing == 0) return absl::OkStatus();
    RETURN_IF_ERROR(client_->Fatal());
    if (NowMs() >= deadline) {
      absl::Status status = Explain(absl::UnavailableError(absl::StrCat(
          options_.name, ": ", missing, " records for topic ", options_.topic, " were not confirmed in ", timeout_ms,
          " ms")));
      // The reason may be a login; that records are missing is still no fault of theirs.
      return status;
    }
    // While it waits (1 ms; reports are served by Poll), nothing lingers: the sending threads are woken and send what
    // they have, also what waited for its partition to become a part of the transaction.
    rd_kafka_flush(client_->get(), 1);
  }
}

std::vector<OffsetRun> RdkafkaProducer::Runs() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<OffsetRun> runs;
  for (size_t i = 0; i < state_.size(); ++i) {
    const PartitionState& state = state_[i];
    if (state.delivered == 0) continue;
    runs.push_back({static_cast<int32_t>(i), state.offsets_unknown ? -1 : state.first, state.last, state.delivered});
  }
  return runs;
}

absl::Status RdkafkaProducer::QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end) {
  return Explain(KafkaError(rd_kafka_query_watermark_offsets(client_->get(), options_.topic.c_str(), partition, first,
                                                             end, static_cast<int>(timeout_ms)),
                            absl::StrCat(options_.name, ": offsets of ", PartitionName(options_.topic, partition))));
}

absl::Status RdkafkaProducer::SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms) {
  PartitionList list = NewPartitionList(1);
  rd_kafka_topic_partition_t* const entry =
      rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), partition);
  entry->offset = marker.checkpoint.value;
  entry->metadata = const_cast<char*>(marker.metadata.data());
  entry->metadata_size = marker.metadata.size();
  rd_kafka_consumer_group_metadata_t* const group =
      rd_kafka_consumer_group_metadata_new(options_.transactional_id.c_str());
  absl::Status status =
      Retry(NowMs() + timeout_ms, absl::StrCat(options_.name, ": marking transaction ", options_.transactional_id),
            [&](int left) { return rd_kafka_send_offsets_to_transaction(client_->get(), list.get(), group, left); });
  rd_kafka_consumer_group_metadata_destroy(group);
  entry->metadata = nullptr;  // not the list's to free
  entry->metadata_size = 0;
  return Explain(std::move(status));
}

absl::Status RdkafkaProducer::Commit(int64_t timeout_ms) {
  return Explain(Retry(NowMs() + timeout_ms,
                       absl::StrCat(options_.name, ": committing transaction ", options_.transactional_id),
                       [&](int left) { return rd_kafka_commit_transaction(client_->get(), left); }));
}

std::string RdkafkaProducer::cluster_id() const {
  char* const id = rd_kafka_clusterid(client_->get(), 0);
  if (id == nullptr) return {};
  std::string copy = id;
  rd_kafka_mem_free(client_->get(), id);
  return copy;
}

ProducerFactory MakeRdkafkaProducers() {
  return [](ProducerOptions options) -> absl::StatusOr<std::unique_ptr<Producer>> {
    ASSIGN_OR_RETURN(std::unique_ptr<RdkafkaProducer> made, RdkafkaProducer::Create(std::move(options)));
    return made;
  };
}

}  // namespace weir::taskmanager::kafka
