#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/batch/types.h"
#include "common/config/value.h"

namespace weir::job {

using config::Location;
using config::Value;

/// Durations of a job file, in microseconds.
using Micros = int64_t;

enum class Guarantee : uint8_t { kExactlyOnce = 0, kAtLeastOnce = 1, kAtMostOnce = 2 };
enum class StateBackend : uint8_t { kRocksdb = 0, kMemory = 1 };
enum class RestartStrategy : uint8_t { kExponential = 0, kFixed = 1, kNone = 2 };
enum class NodeKind : uint8_t { kSource = 0, kOperator = 1, kSink = 2 };
enum class OperatorType : uint8_t { kFilter = 0, kSelect = 1, kWindowAggregate = 2, kUnion = 3 };
/// What becomes of a row that cannot be read or computed.
enum class OnError : uint8_t { kFail = 0, kSkip = 1, kRoute = 2 };
/// An output of a node: `node`, `node.late`, `node.errors`.
enum class Port : uint8_t { kMain = 0, kLate = 1, kErrors = 2 };

struct CheckpointSettings {
  Micros interval = 10'000'000;
  Micros timeout = 60'000'000;
  Micros min_pause = 0;
  int32_t max_concurrent = 1;
  int32_t tolerable_failures = 3;
  std::string storage;  // file:///…; empty: the cluster's
  int32_t keep = 3;
  friend bool operator==(const CheckpointSettings&, const CheckpointSettings&) = default;
};

struct RestartSettings {
  RestartStrategy strategy = RestartStrategy::kExponential;
  Micros initial_delay = 100'000;
  Micros max_delay = 60'000'000;
  int32_t max_attempts = 20;
  friend bool operator==(const RestartSettings&, const RestartSettings&) = default;
};

/// A text with its place: an expression, a name. Places never count in comparisons.
struct Text {
  std::string text;
  Location location;
  friend bool operator==(const Text& a, const Text& b) { return a.text == b.text; }
};
/// An entry of `fields`, `aggregate`, `key_by`.
struct NamedText {
  std::string name;
  Text value;
  Location name_location;
  friend bool operator==(const NamedText& a, const NamedText& b) {
    return a.name == b.name && a.value == b.value;
  }
};

struct InputRef {
  std::string node;
  Port port = Port::kMain;
  Location location;
  friend bool operator==(const InputRef& a, const InputRef& b) {
    return a.node == b.node && a.port == b.port;
  }
};

/// A column of a source: `name` is the key of `schema` and the column's name; for JSON it is a path
/// (`shop.name`).
struct SchemaField {
  std::string name;
  batch::DataType type;
  Location location;
  friend bool operator==(const SchemaField& a, const SchemaField& b) {
    return a.name == b.name && a.type == b.type;
  }
};

enum class FormatType : uint8_t { kNone = 0, kJson = 1, kCsv = 2, kRaw = 3 };
enum class TimestampFormat : uint8_t { kMillis = 0, kRfc3339 = 1 };
struct Format {
  FormatType type = FormatType::kNone;
  OnError on_error = OnError::kFail;                      // sources
  TimestampFormat timestamps = TimestampFormat::kMillis;  // sinks
  Location location;
  friend bool operator==(const Format& a, const Format& b) {
    return a.type == b.type && a.on_error == b.on_error && a.timestamps == b.timestamps;
  }
};

struct EventTime {
  Text field;
  Micros max_delay = 0;
  std::optional<Micros> idle_after;
  friend bool operator==(const EventTime&, const EventTime&) = default;
};

struct Window {
  enum class Kind : uint8_t { kTumbling = 0, kSliding = 1 };
  Kind kind = Kind::kTumbling;
  Micros size = 0;
  Micros slide = 0;  // tumbling: = size
  Location location;
  friend bool operator==(const Window& a, const Window& b) {
    return a.kind == b.kind && a.size == b.size && a.slide == b.slide;
  }
};

/// A source, an operator or a sink. Which parts mean something depends on `kind` and `type`; the
/// others are empty.
struct Node {
  std::string name;  // also the name of its state
  NodeKind kind = NodeKind::kSource;
  std::string type;   // of the connector; or filter, select, window_aggregate, union
  Location location;  // of the name
  Location type_location;
  std::optional<int32_t> parallelism;
  std::string renamed_from;      // empty: none
  std::vector<InputRef> inputs;  // operators and sinks

  /// The connector's own keys (`path`, `rows`, …), a map; sources and sinks.
  Value options;
  Format format;                        // sources and sinks
  std::vector<SchemaField> schema;      // sources; empty when the connector or the format decides
  std::optional<EventTime> event_time;  // sources
  std::optional<int64_t> rate;          // sources: rows per second, of the whole source

  OnError on_error = OnError::kFail;  // operators
  Text where;                         // filter
  std::vector<NamedText> fields;      // select
  std::vector<NamedText> key_by;      // window_aggregate; empty: one group
  std::optional<Window> window;
  Micros allowed_lateness = 0;
  std::vector<NamedText> aggregates;

  /// Nothing unless `kind` is kOperator and the type is one we have.
  std::optional<OperatorType> operator_type() const;
  friend bool operator==(const Node& a, const Node& b);
};

/// A job as it is submitted, stored and deployed: what a job file says, with the defaults filled
/// in.
///
/// Thread:  a value.
/// Shape:   names of nodes are unique; nodes in the order of the file: sources, operators, sinks.
/// Errors:  a JobSpec that was read from a file or the wire may be wrong: plan::MakePlan validates
/// it.
struct JobSpec {
  static constexpr int32_t kVersion = 1;
  static constexpr int32_t kMaxParallelism = 32768;

  int32_t version = kVersion;
  std::string name;
  Location name_location;
  int32_t parallelism = 1;
  int32_t max_parallelism = 128;
  Guarantee guarantee = Guarantee::kExactlyOnce;
  CheckpointSettings checkpoint;
  RestartSettings restart;
  StateBackend backend = StateBackend::kRocksdb;
  std::vector<Node> nodes;

  int ParallelismOf(const Node& node) const { return node.parallelism.value_or(parallelism); }
  /// Null when there is none of that name.
  const Node* Find(std::string_view node_name) const;
  /// Equal but for places.
  friend bool operator==(const JobSpec& a, const JobSpec& b);
};

/// The names as in a job file: `exactly_once`, `window_aggregate`, `route`, `json`, …
std::string_view ToString(Guarantee value);
std::string_view ToString(StateBackend value);
std::string_view ToString(RestartStrategy value);
std::string_view ToString(NodeKind value);
std::string_view ToString(OperatorType value);
std::string_view ToString(OnError value);
std::string_view ToString(FormatType value);
/// `node`, `node.late`, `node.errors`.
std::string ToString(const InputRef& ref);

}  // namespace weir::job
