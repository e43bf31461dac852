#include "taskmanager/connector/kafka/rdkafka/client_config.h"

#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"
#include "taskmanager/connector/kafka/rdkafka/login_relay.h"

namespace weir::taskmanager::kafka {
namespace {

/// Whether a property's value must not be shown.
bool IsSecret(const std::string& key) {
  for (const char* part : {"password", "secret", "pem", "oauthbearer", "token", "jaas", "keystore"}) {
    if (absl::StrContains(key, part)) return true;
  }
  return false;
}

void OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
  static_cast<ClientEvents*>(opaque)->OnError(code, reason);
}

void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  if (auto* events = static_cast<ClientEvents*>(rd_kafka_opaque(handle)); events != nullptr) {
    events->OnLog(level, facility, text);
  }
}

int OnConnect(int fd, const sockaddr* address, int, const char* broker, void* opaque) {
  auto* events = static_cast<ClientEvents*>(opaque);
  absl::Status status = events->relay()->Connect(fd, address, broker);
  const bool refused = !status.ok() && !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status);
  const int code = status.ok() ? 0 : refused ? EACCES : ECONNREFUSED;
  events->OnLogin(refused ? std::move(status) : absl::OkStatus());
  return code;
}

const char* Protocol(const ConnectionOptions& connection) {
  const bool sasl = connection.sasl != ConnectionOptions::Sasl::kNone;
  if (connection.tls) return sasl ? "sasl_ssl" : "ssl";
  return sasl ? "sasl_plaintext" : "plaintext";
}

std::string Mechanism(const ConnectionOptions& connection) {
  if (!connection.sasl_mechanism.empty()) return connection.sasl_mechanism;
  switch (connection.sasl) {
    case ConnectionOptions::Sasl::kPlain:
      return "PLAIN";
    case ConnectionOptions::Sasl::kScramSha256:
      return "SCRAM-SHA-256";
    case ConnectionOptions::Sasl::kScramSha512:
      return "SCRAM-SHA-512";
    default:
      return "";
  }
}

/// librdkafka only says that something is wrong with a file.
absl::Status CheckFiles(const ConnectionOptions& connection) {
  const std::pair<const char*, const std::string&> files[] = {
      {"ca", connection.ca_file}, {"cert", connection.certificate_file}, {"key", connection.key_file}};
  for (const auto& [key, path] : files) {
    if (path.empty() || access(path.c_str(), R_OK) == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("TLS: ", key, ": ", path, " cannot be read: ", strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ClientEvents::last_error() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!login_.ok()) return Annotate(login_, name_);
  return KafkaError(code_, name_, reason_);
}

void ClientEvents::Clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  code_ = 0;
  reason_.clear();
}

void ClientEvents::OnLogin(absl::Status status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!status.ok() && login_ != status) log::Warning(absl::StrCat(name_, ": ", status.message()));
  login_ = std::move(status);
}

void ClientEvents::OnError(int code, std::string_view reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && code_ != 0) return;
  // librdkafka counts repeats at the end: `… (after 3ms in state CONNECT, 4 identical error(s) suppressed)`.
  const size_t kept = std::min(reason.find(" (after "), reason.size());
  if (code == code_ && reason.substr(0, kept) == std::string_view(reason_).substr(0, kept)) return;
  code_ = code;
  reason_ = std::string(reason.substr(0, kept));
  log::Warning(absl::StrCat(name_, ": ", reason_));
}

void ClientEvents::OnLog(int level, std::string_view facility, std::string_view text) {
  constexpr int kWarningLevel = 4;  // syslog's
  // CONFWARN: properties of a consumer given to a producer and the like; one set of properties serves both. GETPID: it
  // tries again. TERMINATE: an open transaction is left to the sweep on purpose.
  const bool shown =
      level <= kWarningLevel && facility != "CONFWARN" && facility != "GETPID" && facility != "TERMINATE";
  log::Write(shown ? log::Level::kWarning : log::Level::kDebug,
             absl::StrCat(name_, ": ", absl::string_view(facility.data(), facility.size()), ": ",
                          absl::string_view(text.data(), text.size())));
}

absl::StatusOr<ClientConf> ClientConf::Make(const ConnectionOptions& connection, std::string name, void* user) {
  RETURN_IF_ERROR(Annotate(CheckFiles(connection), name));
  ClientConf conf;
  conf.conf_ = rd_kafka_conf_new();
  conf.given_ = connection.properties;
  conf.events_ = std::make_unique<ClientEvents>(std::move(name), user);
  rd_kafka_conf_set_opaque(conf.conf_, conf.events_.get());
  rd_kafka_conf_set_error_cb(conf.conf_, OnError);
  rd_kafka_conf_set_log_cb(conf.conf_, OnLog);
  RETURN_IF_ERROR(conf.SetDefault("log.connection.close", "false"));
  const bool relayed = LoginRelay::IsNeeded(connection);
  RETURN_IF_ERROR(conf.SetDefault("socket.nagle.disable", relayed ? "false" : "true"));
  // A broker that restarts is back within a second or two; the default waits up to 10 s.
  RETURN_IF_ERROR(conf.SetDefault("reconnect.backoff.max.ms", "1000"));
  // A client that is destroyed waits for connections that are being made; the default is half a minute.
  RETURN_IF_ERROR(conf.SetDefault("socket.connection.setup.timeout.ms", "10000"));
  for (const auto& [key, value] : connection.properties) RETURN_IF_ERROR(conf.Set(key, value));
  RETURN_IF_ERROR(conf.Set("bootstrap.servers", absl::StrJoin(connection.brokers, ",")));
  RETURN_IF_ERROR(conf.Set("client.id", connection.client_id));
  if (relayed) {
    conf.events_->set_relay(std::make_shared<LoginRelay>(connection));
    rd_kafka_conf_set_connect_cb(conf.conf_, OnConnect);
    RETURN_IF_ERROR(conf.Set("security.protocol", "plaintext"));
    return conf;
  }
  RETURN_IF_ERROR(conf.Set("security.protocol", Protocol(connection)));
  if (connection.tls) {
    if (!connection.ca_file.empty()) RETURN_IF_ERROR(conf.Set("ssl.ca.location", connection.ca_file));
    if (!connection.certificate_file.empty()) {
      RETURN_IF_ERROR(conf.Set("ssl.certificate.location", connection.certificate_file));
    }
    if (!connection.key_file.empty()) RETURN_IF_ERROR(conf.Set("ssl.key.location", connection.key_file));
    if (!connection.key_password.empty()) RETURN_IF_ERROR(conf.Set("ssl.key.password", connection.key_password));
    RETURN_IF_ERROR(
        conf.Set("ssl.endpoint.identification.algorithm", connection.verify_hostname ? "https" : "none"));
  }
  if (connection.sasl != ConnectionOptions::Sasl::kNone) {
    if (const std::string mechanism = Mechanism(connection); !mechanism.empty()) {
      RETURN_IF_ERROR(conf.Set("sasl.mechanism", mechanism));
    }
    if (!connection.username.empty()) RETURN_IF_ERROR(conf.Set("sasl.username", connection.username));
    if (!connection.password.empty()) RETURN_IF_ERROR(conf.Set("sasl.password", connection.password));
  }
  return conf;
}

ClientConf::ClientConf(ClientConf&& other) noexcept
    : conf_(std::exchange(other.conf_, nullptr)), given_(std::move(other.given_)), events_(std::move(other.events_)) {}

ClientConf::~ClientConf() {
  if (conf_ != nullptr) rd_kafka_conf_destroy(conf_);
}

absl::Status ClientConf::Set(const std::string& key, const std::string& value) {
  char reason[256] = "";
  if (rd_kafka_conf_set(conf_, key.c_str(), value.c_str(), reason, sizeof(reason)) == RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  // librdkafka's text repeats the value.
  return absl::InvalidArgumentError(absl::StrCat(events_->name(), ": property ", key, ": ",
                                                 IsSecret(key) ? "its value is refused" : reason));
}

absl::Status ClientConf::SetDefault(const std::string& key, const std::string& value) {
  return given_.count(key) != 0 ? absl::OkStatus() : Set(key, value);
}

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientConf conf, Kind kind) {
  char reason[512] = "";
  rd_kafka_t* const handle = rd_kafka_new(kind == Kind::kProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.conf_,
                                          reason, sizeof(reason));
  if (handle == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(conf.events_->name(), ": no Kafka client: ", reason));
  }
  conf.conf_ = nullptr;  // the handle's now
  return std::unique_ptr<Client>(new Client(handle, std::move(conf.events_)));
}

Client::Client(rd_kafka_s* handle, std::unique_ptr<ClientEvents> events)
    : handle_(handle), events_(std::move(events)) {}

Client::~Client() { rd_kafka_destroy(handle_); }

absl::Status Client::Why() {
  if (!main_queue_consumed_) rd_kafka_poll(handle_, 0);
  return events_->last_error();
}

absl::Status Client::Explain(const absl::Status& status) {
  if (!absl::IsDeadlineExceeded(status) && !absl::IsUnavailable(status)) return status;
  const absl::Status why = Why();
  if (why.ok()) return absl::UnavailableError(status.message());
  return absl::Status(absl::IsDeadlineExceeded(why) ? absl::StatusCode::kUnavailable : why.code(),
                      absl::StrCat(status.message(), "; ", why.message()));
}

absl::Status Client::Fatal() const {
  char reason[512] = "";
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(handle_, reason, sizeof(reason));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return KafkaError(code, events_->name(), reason);
}

void PartitionListDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

PartitionList NewPartitionList(int capacity) { return PartitionList(rd_kafka_topic_partition_list_new(capacity)); }

void TopicDeleter::operator()(rd_kafka_topic_s* topic) const { rd_kafka_topic_destroy(topic); }

}  // namespace weir::taskmanager::kafka
