#include "taskmanager/connector/kafka/kafka_descriptor.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/config/yaml/document.h"
#include "common/job/yaml/job_reader.h"
#include "common/plan/plan.h"
#include "taskmanager/connector/builtin/catalog.h"
#include "taskmanager/connector/kafka/kafka_options.h"

namespace weir::taskmanager::kafka {
namespace {

/// A job that copies a topic; further lines of the source, the sink and the job.
std::string Job(const std::string& source, const std::string& sink, const std::string& job = "") {
  return absl::StrCat("version: 1\nname: copy\n", job,
                      "sources:\n  in:\n    type: kafka\n    brokers: h:9092\n    format: json\n"
                      "    schema: {user: string not null, n: bigint}\n",
                      source, "sinks:\n  out:\n    type: kafka\n    input: in\n    brokers: h:9092\n    format: json\n",
                      sink);
}
const char* const kSource = "    topics: [a]\n";
const char* const kSink = "    topic: b\n";

struct Read {
  std::string errors;
  std::optional<job::JobSpec> spec;
  std::string explain;
};
Read Parse(const std::string& text) {
  Read read;
  config::Diagnostics diagnostics;
  read.spec = job::ReadJob(text, config::Environment{}, BuiltinCatalog(), &diagnostics);
  if (read.spec) {
    const auto plan = plan::MakePlan(std::make_shared<job::JobSpec>(*read.spec), BuiltinCatalog(), &diagnostics);
    if (plan) read.explain = plan::Explain(*plan, BuiltinCatalog());
  }
  read.errors = std::string(diagnostics.ToStatus().message());
  return read;
}
std::string Errors(const std::string& text) { return Parse(text).errors; }
std::string SourceErrors(const std::string& lines) { return Errors(Job(lines, kSink)); }

TEST_CASE("kafka descriptor: a small job is good, and what is not said has its default") {
  const Read read = Parse(Job(kSource, kSink));
  REQUIRE(read.errors.empty());
  const KafkaSourceOptions source = SourceOptionsOf(*read.spec->Find("in"));
  CHECK(source.topics == std::vector<std::string>{"a"});
  CHECK(source.connection.brokers == std::vector<std::string>{"h:9092"});
  CHECK(source.group_id.empty());
  CHECK(source.start.kind == StartPosition::Kind::kEarliest);
  CHECK_FALSE(source.stop_latest);
  CHECK(source.read_committed);
  CHECK_FALSE(source.out_of_range_earliest);
  CHECK(source.discovery_interval_micros == 30'000'000);
  const KafkaSinkOptions sink = SinkOptionsOf(*read.spec->Find("out"));
  CHECK(sink.topic == "b");
  CHECK(sink.partitioner == "murmur2_random");
  CHECK(sink.compression == "none");
  CHECK_FALSE(sink.delivery.has_value());
  CHECK(sink.transaction_timeout_ms == 600'000);
  CHECK(sink.restart_budget_ms == 10'000);
  CHECK(sink.linger_micros == 1000);
  CHECK_FALSE(sink.keep_records);
  CHECK_THAT(read.explain, Catch::Contains("source kafka, json, endless, topics a at h:9092, start earliest"));
  CHECK_THAT(read.explain, Catch::Contains("sink kafka, json, topic b at h:9092"));
  CHECK_THAT(read.explain, Catch::Contains("visible exactly once"));
}

TEST_CASE("kafka descriptor: everything that a source and a sink can say") {
  std::string text = Job(
      "    topic_pattern: 'a-[0-9]+'\n    group_id: g\n    start: {timestamp: 2024-05-01T00:00:00Z}\n    stop: latest\n"
      "    isolation: read_uncommitted\n    on_out_of_range: earliest\n    discovery_interval: 5s\n"
      "    client_properties: {fetch.min.bytes: 5, client.id: me}\n",
      "    topic: b\n    key: user\n    headers: {count: n}\n    partitioner: fnv1a\n    compression: lz4\n"
      "    delivery: at_least_once\n    transaction_timeout: 5m\n    restart_budget: 20s\n    linger: 5ms\n"
      "    keep_records: true\n");
  text = absl::StrReplaceAll(text, {{"brokers: h:9092", "brokers: ['h:9092,i:9093', '[::1]:9094']"}});
  const Read read = Parse(text);
  REQUIRE(read.errors.empty());
  const KafkaSourceOptions source = SourceOptionsOf(*read.spec->Find("in"));
  CHECK(source.connection.brokers == std::vector<std::string>{"h:9092", "i:9093", "[::1]:9094"});
  CHECK(source.topics.empty());
  CHECK(source.topic_pattern == "a-[0-9]+");
  CHECK(source.group_id == "g");
  CHECK(source.start.kind == StartPosition::Kind::kTimestamp);
  CHECK(source.start.timestamp_ms == 1714521600000);
  CHECK(source.stop_latest);
  CHECK_FALSE(source.read_committed);
  CHECK(source.out_of_range_earliest);
  CHECK(source.discovery_interval_micros == 5'000'000);
  CHECK(source.connection.properties == std::map<std::string, std::string>{{"fetch.min.bytes", "5"}});
  CHECK(source.connection.client_id == "me");
  const KafkaSinkOptions sink = SinkOptionsOf(*read.spec->Find("out"));
  CHECK(sink.key == "user");
  CHECK(sink.headers == std::vector<std::pair<std::string, std::string>>{{"count", "n"}});
  CHECK(sink.partitioner == "fnv1a");
  CHECK(sink.compression == "lz4");
  CHECK(sink.delivery == Delivery::kAtLeastOnce);
  CHECK(sink.transaction_timeout_ms == 300'000);
  CHECK(sink.restart_budget_ms == 20'000);
  CHECK(sink.linger_micros == 5000);
  CHECK(sink.keep_records);
  CHECK_THAT(read.explain, Catch::Contains("bounded, topics like a-[0-9]+"));
  CHECK_THAT(read.explain, Catch::Contains("visible at once; may repeat"));
  CHECK_THAT(read.explain, Catch::Contains(", delivery at_least_once"));
}

TEST_CASE("kafka descriptor: `stop` makes a source bounded") {
  const Read read = Parse(Job(absl::StrCat(kSource, "    stop: latest\n"), kSink));
  CHECK(Descriptor()->Bounded(*read.spec->Find("in")));
  CHECK_FALSE(Descriptor()->Bounded(*Parse(Job(kSource, kSink)).spec->Find("in")));
}

TEST_CASE("kafka descriptor: topics are named in exactly one way") {
  CHECK_THAT(SourceErrors(""), Catch::Contains("source `in` needs one of `topics` and `topic_pattern`"));
  CHECK_THAT(SourceErrors("    topics: a\n    topic_pattern: a\n"), Catch::Contains("`topic_pattern`, not both"));
  CHECK_THAT(SourceErrors("    topics: [a, 'b c', a]\n"), Catch::Contains("`b c` is no name of a topic") &&
                                                             Catch::Contains("topic `a` is given twice"));
  CHECK_THAT(SourceErrors("    topic_pattern: 'a('\n"), Catch::Contains("no regular expression: missing )"));
  CHECK_THAT(Errors(Job(kSource, "    topic: ''\n")), Catch::Contains("is no name of a topic"));
  CHECK_THAT(Errors(Job(kSource, "    topc: b\n")), Catch::Contains("unknown key `topc` in sink `out` (did you mean"));
}

TEST_CASE("kafka descriptor: where to start") {
  auto start = [](const std::string& text) { return SourceErrors(absl::StrCat(kSource, "    start: ", text, "\n")); };
  for (const char* good : {"earliest", "latest", "committed", "{timestamp: 0}", "{timestamp: '2024-05-01 12:00:00'}"}) {
    CAPTURE(good);
    CHECK(start(good).empty());
  }
  CHECK_THAT(start("begin"), Catch::Contains("`start` must be earliest, latest, committed, or {timestamp: WHEN}"));
  CHECK_THAT(start("{timestamp: 1, x: 2}"), Catch::Contains("`start` must be"));
  CHECK_THAT(start("{timestamp: yesterday}"), Catch::Contains("`timestamp` must be RFC 3339"));
  CHECK_THAT(start("{timestamp: -1}"), Catch::Contains("`timestamp` must be RFC 3339"));
}

TEST_CASE("kafka descriptor: brokers are HOST:PORT") {
  for (const char* bad : {"localhost", "h:0", "h:99999", "':9092'", "SASL_SSL://h:9092", "'::1:9092'"}) {
    CAPTURE(bad);
    const std::string text =
        absl::StrReplaceAll(Job(kSource, kSink), {{"brokers: h:9092", absl::StrCat("brokers: ", bad)}});
    CHECK_THAT(Errors(text), Catch::Contains("`brokers` must be HOST:PORT"));
  }
}

TEST_CASE("kafka descriptor: settings that Weir owns are refused with what to use instead") {
  auto property = [](const std::string& text) {
    return SourceErrors(absl::StrCat(kSource, "    client_properties: {", text, "}\n"));
  };
  CHECK_THAT(property("isolation.level: read_committed"),
             Catch::Contains("`isolation.level` cannot be set in `client_properties`: use `isolation`"));
  CHECK_THAT(property("group.id: x"), Catch::Contains("use `group_id`"));
  CHECK_THAT(property("enable.auto.commit: true"), Catch::Contains("positions are in the checkpoint"));
  CHECK_THAT(property("transactional.id: x"), Catch::Contains("it is made of the job"));
  CHECK_THAT(property("acks: 1"), Catch::Contains("use `delivery`"));
  CHECK_THAT(property("bootstrap.servers: h:1"), Catch::Contains("use `brokers`"));
  CHECK_THAT(property("debug: [a]"), Catch::Contains("`debug` must have one value"));
  CHECK(property("socket.keepalive.enable: true").empty());
}

TEST_CASE("kafka descriptor: security by its own keys and by librdkafka's names is the same") {
  auto connection = [](const std::string& lines) {
    const Read read = Parse(Job(absl::StrCat(kSource, lines), kSink));
    CHECK(read.errors.empty());
    CHECK_THAT(read.explain, !Catch::Contains("hunter2") && !Catch::Contains("swordfish"));
    return SourceOptionsOf(*read.spec->Find("in")).connection;
  };
  const ConnectionOptions ours = connection(
      "    security:\n      tls: {ca: /ca, cert: /c, key: /k, key_password: swordfish, verify_hostname: false}\n"
      "      sasl: {mechanism: scram-sha-512, username: u, password: hunter2}\n");
  const ConnectionOptions theirs = connection(
      "    client_properties: {security.protocol: SASL_SSL, ssl.ca.location: /ca, ssl.certificate.location: /c, "
      "ssl.key.location: /k, ssl.key.password: swordfish, ssl.endpoint.identification.algorithm: none, "
      "sasl.mechanism: SCRAM-SHA-512, sasl.username: u, sasl.password: hunter2}\n");
  for (const ConnectionOptions& c : {ours, theirs}) {
    CHECK(c.tls);
    CHECK(c.ca_file == "/ca");
    CHECK(c.certificate_file == "/c");
    CHECK(c.key_file == "/k");
    CHECK(c.key_password == "swordfish");
    CHECK_FALSE(c.verify_hostname);
    CHECK(c.sasl == ConnectionOptions::Sasl::kScramSha512);
    CHECK(c.sasl_mechanism == "SCRAM-SHA-512");
    CHECK(c.username == "u");
    CHECK(c.password == "hunter2");
    CHECK(c.properties.empty());
    CHECK(Describe(c) == "h:9092, TLS, SASL SCRAM-SHA-512 as u");
  }
  const ConnectionOptions kerberos = connection(
      "    client_properties: {security.protocol: sasl_plaintext, sasl.mechanism: GSSAPI, "
      "sasl.kerberos.service.name: k}\n");
  CHECK(kerberos.sasl == ConnectionOptions::Sasl::kOther);
  CHECK_FALSE(kerberos.raw_client_possible());
  CHECK(kerberos.properties.count("sasl.kerberos.service.name") == 1);
  CHECK(connection("    security: {tls: true}\n").tls);
}

TEST_CASE("kafka descriptor: half a login is an error, and errors never show a password") {
  auto errors = [](const std::string& lines) {
    const std::string text = SourceErrors(absl::StrCat(kSource, lines));
    CHECK_THAT(text, !Catch::Contains("hunter2"));
    return text;
  };
  CHECK_THAT(errors("    security: {sasl: {mechanism: PLAIN, password: hunter2}}\n"),
             Catch::Contains("SASL PLAIN needs a username and a password"));
  CHECK_THAT(errors("    security: {sasl: {username: u, password: hunter2}}\n"),
             Catch::Contains("key `mechanism` is missing in `sasl`"));
  CHECK_THAT(errors("    security: {sasl: {mechanism: PLAIN, username: u, password: [hunter2]}}\n"),
             Catch::Contains("`password` must be a string, not a list"));
  CHECK_THAT(errors("    security: {tls: hunter2}\n"), Catch::Contains("`tls` must be true, false, or a map"));
  CHECK_THAT(errors("    security: {tls: {cert: /c}}\n"), Catch::Contains("a certificate of our own needs its key"));
  CHECK_THAT(errors("    client_properties: {sasl.password: hunter2}\n"), Catch::Contains("have no effect without"));
  CHECK_THAT(errors("    client_properties: {ssl.ca.location: /ca}\n"), Catch::Contains("have no effect without"));
  CHECK_THAT(errors("    client_properties: {security.protocol: hunter2}\n"), Catch::Contains("must be one of plaintext"));
  CHECK_THAT(errors("    security: {tls: true}\n    client_properties: {ssl.ca.location: /c}\n"),
             Catch::Contains("`ssl.ca.location` and `security` say the same"));
  CHECK_THAT(errors("    client_properties: {ssl.ca.pem: x}\n"), Catch::Contains("use `security: {tls: {ca: FILE}}`"));
}

TEST_CASE("kafka descriptor: key and headers are columns of the input") {
  CHECK_THAT(Errors(Job(kSource, "    topic: b\n    key: usr\n")),
             Catch::Contains("key: the input has no column `usr` (did you mean `user`?); it has user, n"));
  CHECK_THAT(Errors(Job(kSource, "    topic: b\n    headers: {h: x}\n")),
             Catch::Contains("header `h`: the input has no column `x`"));
  CHECK_THAT(Errors(Job(kSource, "    topic: b\n    headers: {h: [x]}\n")),
             Catch::Contains("header `h` must be given the name of a column"));
  const std::string raw =
      absl::StrReplaceAll(Job(kSource, kSink), {{"brokers: h:9092\n    format: json\n    topic", "brokers: h:9092\n    format: raw\n    topic"}});
  CHECK_THAT(Errors(raw), Catch::Contains("format raw writes one column of type bytes or string"));
}

TEST_CASE("kafka descriptor: a transaction outlives two checkpoints and a restart, or the job is refused") {
  const std::string settings = "checkpoint: {interval: 10s, timeout: 1m}\n";
  const std::string text = Job(kSource, "    topic: b\n    transaction_timeout: 1m\n", settings);
  CHECK_THAT(Errors(text),
             Catch::Contains("transaction_timeout 1m must be at least 150s = 2 × (checkpoint interval 10s + checkpoint "
                             "timeout 1m) + restart_budget 10s; write `transaction_timeout: 150s`"));
  CHECK_THAT(Errors(text), Catch::StartsWith("18:26: "));  // where it is written
  CHECK(Errors(Job(kSource, "    topic: b\n    transaction_timeout: 150s\n", settings)).empty());
  // Without transactions there is nothing to outlive.
  CHECK(Errors(Job(kSource, "    topic: b\n    transaction_timeout: 1m\n    delivery: at_least_once\n", settings)).empty());
  CHECK(Errors(Job(kSource, "    topic: b\n    transaction_timeout: 1m\n", settings + "guarantee: at_least_once\n")).empty());
  // The default of ten minutes is not enough for an interval of an hour.
  CHECK_THAT(Errors(Job(kSource, kSink, "checkpoint: {interval: 1h}\n")), Catch::Contains("must be at least 7330s"));
}

TEST_CASE("kafka descriptor: a sink cannot be exactly once in a job that is not") {
  CHECK_THAT(Errors(Job(kSource, "    topic: b\n    delivery: exactly_once\n", "guarantee: at_least_once\n")),
             Catch::Contains("`delivery: exactly_once` needs `guarantee: exactly_once`: this job's is at_least_once"));
}

}  // namespace
}  // namespace weir::taskmanager::kafka
