#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/kafka_options.h"

struct rd_kafka_conf_s;
struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_partition_list_s;

namespace weir::taskmanager::kafka {

class LoginRelay;

/// What a client says between answers: why it cannot reach or log in to a broker. It is librdkafka's `opaque`.
/// Thread: thread-safe.
class ClientEvents {
 public:
  /// `name` stands in log lines and messages: `source transactions`, `sink alerts`.
  explicit ClientEvents(std::string name, void* user) : name_(std::move(name)), user_(user) {}

  const std::string& name() const { return name_; }
  /// What the maker of the client passed, for its own callbacks.
  void* user() const { return user_; }
  /// The last trouble with a broker, `sasl_ssl://kafka:9093/1: SASL authentication error: …`; OK: none since Clear.
  /// "All brokers are down" never hides why.
  absl::Status last_error() const;
  void Clear();

  // From librdkafka's callbacks.
  void OnError(int code, std::string_view reason);
  void OnLog(int level, std::string_view facility, std::string_view text);

  /// Set when librdkafka must be logged in by us.
  void set_relay(std::shared_ptr<LoginRelay> relay) { relay_ = std::move(relay); }
  LoginRelay* relay() const { return relay_.get(); }
  /// How the last login by the relay went; a failed one goes before what librdkafka makes of it.
  void OnLogin(absl::Status status);

 private:
  std::shared_ptr<LoginRelay> relay_;
  absl::Status login_;
  const std::string name_;
  void* const user_;
  mutable std::mutex mutex_;
  int code_ = 0;
  std::string reason_;
};

/// librdkafka's configuration for one client; made from ConnectionOptions, completed by Set.
class ClientConf {
 public:
  /// kInvalidArgument: a property that librdkafka refuses. The callbacks get a ClientEvents as `opaque`.
  static absl::StatusOr<ClientConf> Make(const ConnectionOptions& connection, std::string name, void* user = nullptr);
  ~ClientConf();
  ClientConf(ClientConf&& other) noexcept;
  ClientConf& operator=(ClientConf&&) = delete;

  /// Over whatever the user gave. The value is not in the error when the key may be a secret.
  absl::Status Set(const std::string& key, const std::string& value);
  /// Only where the user did not give the property.
  absl::Status SetDefault(const std::string& key, const std::string& value);
  rd_kafka_conf_s* get() const { return conf_; }

 private:
  friend class Client;
  ClientConf() = default;
  rd_kafka_conf_s* conf_ = nullptr;
  std::map<std::string, std::string> given_;
  std::unique_ptr<ClientEvents> events_;
};

/// A librdkafka client: its handle and what it said.
/// Thread: as librdkafka's; the destructor blocks until its threads have ended and must not run on them.
class Client {
 public:
  enum class Kind { kProducer, kConsumer };
  /// No I/O; starts librdkafka's threads.
  static absl::StatusOr<std::unique_ptr<Client>> Create(ClientConf conf, Kind kind);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_s* get() const { return handle_; }
  ClientEvents& events() const { return *events_; }
  /// Serves callbacks without waiting, then gives last_error. What a call that timed out was waiting for.
  absl::Status Why();
  /// From now on records come by the client's main queue, and who reads it gets the errors too: librdkafka aborts the
  /// process when rd_kafka_poll meets a record there, so Why leaves it alone. Before rd_kafka_poll_set_consumer.
  void MainQueueIsConsumed() { main_queue_consumed_ = true; }
  /// `status`, which came of a call of this client, with what is behind it when it says only that time ran out.
  absl::Status Explain(const absl::Status& status);
  /// A fatal error (fenced, authorization, sequence lost): this instance is of no use any more. Else OK.
  absl::Status Fatal() const;

 private:
  Client(rd_kafka_s* handle, std::unique_ptr<ClientEvents> events);
  rd_kafka_s* handle_;
  std::unique_ptr<ClientEvents> events_;
  std::atomic<bool> main_queue_consumed_{false};
};

/// librdkafka's partition lists, freed.
struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_s, PartitionListDeleter>;
PartitionList NewPartitionList(int capacity);

struct TopicDeleter {
  void operator()(rd_kafka_topic_s* topic) const;
};
using Topic = std::unique_ptr<rd_kafka_topic_s, TopicDeleter>;

}  // namespace weir::taskmanager::kafka
