#include "taskmanager/connector/kafka/kafka_connection.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/config/keys.h"

namespace weir::taskmanager::kafka {
namespace {

using config::KeyKind;
using config::KeySpec;
using config::Value;

/// Settings of librdkafka that decide about exactness or that have a key of their own: what to use instead.
const std::map<std::string, std::string>& OwnedProperties() {
  static const auto* const owned = new std::map<std::string, std::string>{
      {"bootstrap.servers", "use `brokers`"},
      {"metadata.broker.list", "use `brokers`"},
      {"group.id", "use `group_id`"},
      {"group.instance.id", "partitions are handed out by Weir, not by a consumer group"},
      {"partition.assignment.strategy", "partitions are handed out by Weir, not by a consumer group"},
      {"auto.offset.reset", "use `start` and `on_out_of_range`"},
      {"enable.auto.commit", "positions are in the checkpoint; the group's offsets follow each checkpoint"},
      {"auto.commit.enable", "positions are in the checkpoint; the group's offsets follow each checkpoint"},
      {"auto.commit.interval.ms", "positions are in the checkpoint; the group's offsets follow each checkpoint"},
      {"enable.auto.offset.store", "positions are in the checkpoint"},
      {"offset.store.method", "positions are in the checkpoint"},
      {"enable.partition.eof", "use `stop: latest` to read up to the end"},
      {"isolation.level", "use `isolation`"},
      {"transactional.id", "it is made of the job, the sink and the attempt"},
      {"transaction.timeout.ms", "use `transaction_timeout`"},
      {"enable.idempotence", "use `delivery`"},
      {"enable.gapless.guarantee", "use `delivery`"},
      {"acks", "use `delivery`"},
      {"request.required.acks", "use `delivery`"},
      {"retries", "use `delivery`"},
      {"message.send.max.retries", "use `delivery`"},
      {"message.timeout.ms", "use `transaction_timeout`"},
      {"delivery.timeout.ms", "use `transaction_timeout`"},
      {"linger.ms", "use `linger`"},
      {"queue.buffering.max.ms", "use `linger`"},
      {"compression.type", "use `compression`"},
      {"compression.codec", "use `compression`"},
      {"partitioner", "use `partitioner`"},
      {"plugin.library.paths", "nothing is loaded into a TaskManager by a job file"},
      {"ssl.engine.location", "nothing is loaded into a TaskManager by a job file"},
      {"ssl.engine.id", "nothing is loaded into a TaskManager by a job file"},
      {"ssl.providers", "nothing is loaded into a TaskManager by a job file"},
      {"sasl.kerberos.kinit.cmd", "no commands are run by a job file"},
      {"interceptors", "nothing is loaded into a TaskManager by a job file"},
      {"enable.ssl.certificate.verification", "name the CA with `security: {tls: {ca: FILE}}`"},
      {"ssl.ca.pem", "use `security: {tls: {ca: FILE}}`"},
      {"ssl.certificate.pem", "use `security: {tls: {cert: FILE}}`"},
      {"ssl.key.pem", "use `security: {tls: {key: FILE}}`"},
      {"ssl.keystore.location", "use `security: {tls: {cert: FILE, key: FILE}}` with PEM files"},
      {"ssl.keystore.password", "use `security: {tls: {cert: FILE, key: FILE}}` with PEM files"},
  };
  return *owned;
}

const std::vector<KeySpec>& SecurityKeys() {
  static const auto* const keys = new std::vector<KeySpec>{
      {"tls", KeyKind::kAny, false, "", {}, "true, or a map of ca, cert, key, key_password, verify_hostname"},
      {"sasl", KeyKind::kMap, false, "", {}, "mechanism, username, password"}};
  return *keys;
}
const std::vector<KeySpec>& TlsKeys() {
  static const auto* const keys = new std::vector<KeySpec>{
      {"ca", KeyKind::kString, false, "", {}, "PEM file; default: the system's"},
      {"cert", KeyKind::kString, false, "", {}, "PEM file: our own certificate"},
      {"key", KeyKind::kString, false, "", {}, "PEM file: the key to `cert`"},
      {"key_password", KeyKind::kString},
      {"verify_hostname", KeyKind::kBool, false, "true"}};
  return *keys;
}
const std::vector<KeySpec>& SaslKeys() {
  static const auto* const keys =
      new std::vector<KeySpec>{{"mechanism", KeyKind::kString, true, "", {}, "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, …"},
                               {"username", KeyKind::kString},
                               {"password", KeyKind::kString}};
  return *keys;
}

bool IsAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || text.find_first_of("/ \t") != std::string::npos) return false;
  // An IPv6 address stands in brackets.
  if (text.find(':') != colon && (text.front() != '[' || text[colon - 1] != ']')) return false;
  return absl::SimpleAtoi(text.substr(colon + 1), &port) && port > 0 && port < 65536;
}

class ConnectionReader {
 public:
  ConnectionReader(const job::Node& node, config::Diagnostics* diagnostics)
      : node_(node), diagnostics_(diagnostics != nullptr ? diagnostics : &unwanted_) {}

  ConnectionOptions Read() {
    if (const Value* brokers = node_.options.Find("brokers")) Brokers(*brokers);
    const Value* security = node_.options.Find("security");
    const Value* properties = node_.options.Find("client_properties");
    if (security != nullptr) Security(*security);
    if (properties != nullptr && properties->is_map()) {
      for (const config::MapEntry& entry : properties->entries) Property(entry, security);
    }
    Check(security != nullptr ? security->location : properties != nullptr ? properties->location : node_.location);
    return std::move(made_);
  }

 private:
  void Error(config::Location at, std::string message) { diagnostics_->Error(at, std::move(message)); }

  void Brokers(const Value& value) {
    std::vector<const Value*> texts;
    if (value.is_list()) {
      for (const Value& item : value.items) texts.push_back(&item);
    } else {
      texts.push_back(&value);
    }
    for (const Value* text : texts) {
      for (const absl::string_view part : absl::StrSplit(text->text, ',')) {
        std::string broker(absl::StripAsciiWhitespace(part));
        if (!IsAddress(broker)) {
          Error(text->location, absl::StrCat("`brokers` must be HOST:PORT, or several, not `", broker.substr(0, 100),
                                             "`"));
          continue;
        }
        made_.brokers.push_back(std::move(broker));
      }
    }
  }

  void Security(const Value& value) {
    config::Section security(&value, SecurityKeys(), "`security`", value.location, diagnostics_);
    security.Check();
    if (const Value* tls = security.Find("tls")) {
      if (tls->kind == Value::Kind::kBool) {
        made_.tls = tls->boolean;
      } else if (!tls->is_map()) {
        Error(tls->location, "`tls` must be true, false, or a map of ca, cert, key, key_password, verify_hostname");
      } else {
        config::Section section(tls, TlsKeys(), "`tls`", tls->location, diagnostics_);
        section.Check();
        made_.tls = true;
        made_.ca_file = section.String("ca");
        made_.certificate_file = section.String("cert");
        made_.key_file = section.String("key");
        made_.key_password = section.String("key_password");
        made_.verify_hostname = section.Bool("verify_hostname");
      }
    }
    if (const Value* sasl = security.Find("sasl"); sasl != nullptr && sasl->is_map()) {
      config::Section section(sasl, SaslKeys(), "`sasl`", sasl->location, diagnostics_);
      section.Check();
      made_.sasl_mechanism = section.String("mechanism");
      made_.username = section.String("username");
      made_.password = section.String("password");
      uses_sasl_ = true;
    }
  }

  /// What librdkafka's name means here; false: nothing, librdkafka gets it as it is.
  bool Translate(const std::string& name, const Value& value) {
    const std::string& text = value.text;
    if (name == "security.protocol") {
      const std::string protocol = absl::AsciiStrToLower(text);
      if (protocol != "plaintext" && protocol != "ssl" && protocol != "sasl_plaintext" && protocol != "sasl_ssl") {
        Error(value.location, "`security.protocol` must be one of plaintext, ssl, sasl_plaintext, sasl_ssl");
      }
      made_.tls = absl::EndsWith(protocol, "ssl");
      uses_sasl_ = absl::StartsWith(protocol, "sasl");
      return true;
    }
    if (name == "ssl.endpoint.identification.algorithm") {
      made_.verify_hostname = text != "none" && !text.empty();
      return true;
    }
    const std::map<std::string, std::string*> places = {
        {"sasl.mechanism", &made_.sasl_mechanism},   {"sasl.mechanisms", &made_.sasl_mechanism},
        {"sasl.username", &made_.username},          {"sasl.password", &made_.password},
        {"ssl.ca.location", &made_.ca_file},         {"ssl.certificate.location", &made_.certificate_file},
        {"ssl.key.location", &made_.key_file},       {"ssl.key.password", &made_.key_password},
        {"client.id", &made_.client_id}};
    const auto place = places.find(name);
    if (place == places.end()) return false;
    *place->second = text;
    return true;
  }

  void Property(const config::MapEntry& entry, const Value* security) {
    if (!entry.value.is_scalar() || entry.value.kind == Value::Kind::kNull) {
      Error(entry.value.location, absl::StrCat("`", entry.key, "` must have one value"));
      return;
    }
    if (const auto owned = OwnedProperties().find(entry.key); owned != OwnedProperties().end()) {
      Error(entry.key_location,
            absl::StrCat("`", entry.key, "` cannot be set in `client_properties`: ", owned->second));
      return;
    }
    if (!Translate(entry.key, entry.value)) {
      made_.properties[entry.key] = entry.value.text;
    } else if (security != nullptr && entry.key != "client.id") {
      Error(entry.key_location, absl::StrCat("`", entry.key, "` and `security` say the same: keep one of them"));
    }
  }

  void Check(config::Location at) {
    if (uses_sasl_) {
      const std::string mechanism = absl::AsciiStrToUpper(made_.sasl_mechanism);
      made_.sasl_mechanism = mechanism;
      using Sasl = ConnectionOptions::Sasl;
      made_.sasl = mechanism == "PLAIN"           ? Sasl::kPlain
                   : mechanism == "SCRAM-SHA-256" ? Sasl::kScramSha256
                   : mechanism == "SCRAM-SHA-512" ? Sasl::kScramSha512
                                                  : Sasl::kOther;
      if (mechanism.empty()) Error(at, "the SASL mechanism is missing (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, …)");
      if (made_.sasl != Sasl::kOther && (made_.username.empty() || made_.password.empty())) {
        Error(at, absl::StrCat("SASL ", mechanism, " needs a username and a password"));
      }
    } else if (!made_.sasl_mechanism.empty() || !made_.username.empty() || !made_.password.empty()) {
      Error(at, "SASL settings have no effect without `security.protocol: sasl_plaintext` or `sasl_ssl`");
    }
    if (made_.certificate_file.empty() != made_.key_file.empty()) {
      Error(at, "a certificate of our own needs its key, and a key its certificate");
    }
    if (!made_.tls && !(made_.ca_file.empty() && made_.certificate_file.empty())) {
      Error(at, "the files for TLS have no effect without `security.protocol: ssl` or `sasl_ssl`");
    }
  }

  const job::Node& node_;
  config::Diagnostics unwanted_;
  config::Diagnostics* diagnostics_;
  bool uses_sasl_ = false;
  ConnectionOptions made_;
};

}  // namespace

ConnectionOptions ReadConnection(const job::Node& node, config::Diagnostics* diagnostics) {
  return ConnectionReader(node, diagnostics).Read();
}

std::string Describe(const ConnectionOptions& connection) {
  std::string text = absl::StrJoin(connection.brokers, ",");
  if (connection.tls) text += ", TLS";
  if (connection.sasl != ConnectionOptions::Sasl::kNone) {
    absl::StrAppend(&text, ", SASL ", connection.sasl_mechanism);
    if (!connection.username.empty()) absl::StrAppend(&text, " as ", connection.username);
  }
  return text;
}

}  // namespace weir::taskmanager::kafka
