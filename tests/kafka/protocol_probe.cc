// Our own protocol client on the command line. Prints one JSON object per line; exit code 1 with the error on standard
// error.
//
//   weir_kafka_probe [OPTION]... VERB ARGUMENT...
//     describe TID                      state, producer id and epoch, timeout and start of a transaction
//     fence TID                         InitProducerId until success
//     commit TID PID EPOCH              EndTxn(commit): "committed" or "uncertain"
//     list PREFIX                       ongoing transactions
//     marker TID TOPIC PARTITION        what was committed with the transaction (--unstable: without waiting)
//     topic-id TOPIC | cluster-id | supported
//     read TOPIC PARTITION FIRST LAST PID EPOCH
//     time-commit TID PID EPOCH COUNT   microseconds of COUNT repeated commits
//   Options: --brokers A,B (127.0.0.1:9092), --tls, --ca FILE, --cert FILE, --key FILE, --no-hostname,
//     --key-password-from-environment (the password is that of the key),
//     --sasl PLAIN|SCRAM-SHA-256|SCRAM-SHA-512, --user NAME, --timeout-ms N (10000). Password: $WEIR_KAFKA_PASSWORD.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/protocol/client/log_reader.h"

namespace weir::taskmanager::kafka {
namespace {

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\u%04x", c);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* NameOf(TransactionDescription::State state) {
  static constexpr const char* kNames[] = {"Empty",          "Ongoing",       "PrepareCommit",     "PrepareAbort",
                                           "CompleteCommit", "CompleteAbort", "PrepareEpochFence", "Dead",
                                           "Unknown"};
  return kNames[static_cast<size_t>(state)];
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

void Print(const std::string& line) { std::printf("%s\n", line.c_str()); }

int64_t Number(const std::string& text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    std::fprintf(stderr, "%s is not a number\n", text.c_str());
    std::exit(2);
  }
  return value;
}

struct Arguments {
  ConnectionOptions connection;
  int64_t timeout_ms = 10'000;
  bool stable = true;
  std::vector<std::string> rest;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  ConnectionOptions& connection = arguments.connection;
  connection.brokers = {"127.0.0.1:9092"};
  if (const char* password = std::getenv("WEIR_KAFKA_PASSWORD")) connection.password = password;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (name == "--brokers") {
      connection.brokers = absl::StrSplit(value(), ',');
    } else if (name == "--tls") {
      connection.tls = true;
    } else if (name == "--ca") {
      connection.ca_file = value();
    } else if (name == "--cert") {
      connection.certificate_file = value();
    } else if (name == "--key") {
      connection.key_file = value();
    } else if (name == "--key-password-from-environment") {
      connection.key_password.swap(connection.password);
    } else if (name == "--no-hostname") {
      connection.verify_hostname = false;
    } else if (name == "--sasl") {
      connection.sasl_mechanism = value();
      using Sasl = ConnectionOptions::Sasl;
      connection.sasl = connection.sasl_mechanism == "PLAIN"           ? Sasl::kPlain
                        : connection.sasl_mechanism == "SCRAM-SHA-256" ? Sasl::kScramSha256
                        : connection.sasl_mechanism == "SCRAM-SHA-512" ? Sasl::kScramSha512
                                                                       : Sasl::kOther;
    } else if (name == "--user") {
      connection.username = value();
    } else if (name == "--timeout-ms") {
      arguments.timeout_ms = Number(value());
    } else if (name == "--unstable") {
      arguments.stable = false;
    } else {
      arguments.rest.push_back(name);
    }
  }
  return arguments;
}

int Run(const Arguments& arguments) {
  const SystemClock clock;
  const std::vector<std::string>& rest = arguments.rest;
  const auto coordinator = MakeCoordinator(arguments.connection, &clock);
  const SteadyMicros deadline = clock.Steady() + arguments.timeout_ms * 1000;
  const std::string verb = rest.empty() ? "" : rest[0];
  const auto has = [&](const char* name, size_t count) { return verb == name && rest.size() == count + 1; };
  const auto identity = [&](size_t at) {
    return ProducerIdentity{Number(rest[at]), static_cast<int16_t>(Number(rest[at + 1]))};
  };
  if (has("describe", 1)) {
    const auto found = coordinator->Describe(rest[1], deadline);
    if (!found.ok()) return Fail(found.status());
    if (!*found) {
      Print("null");
    } else {
      Print(absl::StrCat("{\"state\": \"", NameOf((*found)->state), "\", \"producer_id\": ",
                         (*found)->identity.producer_id, ", \"epoch\": ", (*found)->identity.epoch,
                         ", \"timeout_ms\": ", (*found)->timeout_ms, ", \"started_ms\": ", (*found)->started_ms, "}"));
    }
  } else if (has("fence", 1)) {
    const auto fenced = coordinator->Fence(rest[1], 60'000, deadline);
    if (!fenced.ok()) return Fail(fenced.status());
    Print(absl::StrCat("{\"producer_id\": ", fenced->producer_id, ", \"epoch\": ", fenced->epoch, "}"));
  } else if (has("commit", 3)) {
    const auto outcome = coordinator->Commit(rest[1], identity(2), deadline);
    if (!outcome.ok()) return Fail(outcome.status());
    Print(*outcome == EndOutcome::kCommitted ? "\"committed\"" : "\"uncertain\"");
  } else if (has("time-commit", 4)) {
    for (int64_t i = 0; i < Number(rest[4]); ++i) {
      const SteadyMicros begun = clock.Steady();
      const auto outcome = coordinator->Commit(rest[1], identity(2), deadline);
      if (!outcome.ok()) return Fail(outcome.status());
      Print(std::to_string(clock.Steady() - begun));
    }
  } else if (has("list", 1)) {
    const auto listed = coordinator->ListOngoing(rest[1], deadline);
    if (!listed.ok()) return Fail(listed.status());
    for (const ListedTransaction& transaction : *listed) {
      Print(absl::StrCat("{\"transactional_id\": ", Quoted(transaction.transactional_id),
                         ", \"producer_id\": ", transaction.producer_id, "}"));
    }
  } else if (has("marker", 3)) {
    const auto marker = coordinator->ReadMarker(rest[1], rest[2], static_cast<int32_t>(Number(rest[3])),
                                                arguments.stable, deadline);
    if (!marker.ok()) return Fail(marker.status());
    Print(*marker ? absl::StrCat("{\"checkpoint\": ", (*marker)->checkpoint.value,
                                 ", \"metadata\": ", Quoted((*marker)->metadata), "}")
                  : "null");
  } else if (has("topic-id", 1)) {
    const auto id = coordinator->TopicId(rest[1], deadline);
    if (!id.ok()) return Fail(id.status());
    Print(Quoted(absl::BytesToHexString(*id)));
  } else if (has("cluster-id", 0)) {
    const auto id = coordinator->ClusterId(deadline);
    if (!id.ok()) return Fail(id.status());
    Print(Quoted(*id));
  } else if (has("supported", 0)) {
    const auto supported = coordinator->Supported(deadline);
    if (!supported.ok()) return Fail(supported.status());
    Print(*supported ? "true" : "false");
  } else if (has("read", 6)) {
    const auto reader = MakeLogReader(arguments.connection, &clock);
    OffsetRun run;
    run.partition = static_cast<int32_t>(Number(rest[2]));
    run.first = Number(rest[3]);
    run.last = Number(rest[4]);
    const absl::Status status = reader->Read(
        rest[1], run, identity(5),
        [](KafkaRecord record) {
          Print(absl::StrCat("{\"offset\": ", record.offset, ", \"timestamp_ms\": ", record.timestamp_ms,
                             ", \"key\": ", record.has_key ? Quoted(record.key) : "null",
                             ", \"value\": ", record.has_value ? Quoted(record.value) : "null",
                             ", \"headers\": ", record.headers.size(), "}"));
          return absl::OkStatus();
        },
        deadline);
    if (!status.ok()) return Fail(status);
  } else {
    std::fprintf(stderr, "weir_kafka_probe: what to do? The verbs stand at the top of protocol_probe.cc\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace weir::taskmanager::kafka

int main(int argc, char** argv) {
  return weir::taskmanager::kafka::Run(weir::taskmanager::kafka::Parse(argc, argv));
}
