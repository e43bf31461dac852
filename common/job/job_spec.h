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
enum class OperatorType : uint8_t {
  kFilter,
  kSelect,
  kWindowAggregate,
  kUnion,
  kTopN,
  kDeduplicate,
  kWindowJoin,
  kIntervalJoin,
  kLookupJoin
};
/// Which rows of a join without a partner come out, and whose columns.
enum class JoinType : uint8_t {
  kInner = 0,
  kLeft = 1,
  kRight = 2,
  kFull = 3,
  kSemi = 4,
  kAnti = 5
};
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
  /// kInput: the window of the input's rows, which come from a window operator; no size.
  enum class Kind : uint8_t { kTumbling = 0, kSliding = 1, kSession = 2, kInput = 3 };
  Kind kind = Kind::kTumbling;
  Micros size = 0;   // kSession: the gap
  Micros slide = 0;  // else = size
  bool processing_time = false;
  Location location;
  friend bool operator==(const Window& a, const Window& b) {
    return a.kind == b.kind && a.size == b.size && a.slide == b.slide &&
           a.processing_time == b.processing_time;
  }
};

/// A source, an operator or a sink. Which parts mean something depends on `kind` and `type`; the
/// others are empty.
struct Node {
  std::string name;  // also the name of its state
  NodeKind kind = NodeKind::kSource;
  std::string type;   // of the connector; or filter, select, window_aggregate, …
  Location location;  // of the name
  Location type_location;
  std::optional<int32_t> parallelism;
  std::string renamed_from;      // empty: none
  std::vector<InputRef> inputs;  // operators and sinks; of a join of two streams: left, right

  /// The connector's own keys (`path`, `rows`, …), a map; sources, sinks, and a lookup_join's
  /// table.
  Value options;
  Format format;                        // sources, sinks, and a lookup_join's table
  std::vector<SchemaField> schema;      // sources and tables; empty: connector or format decides
  std::optional<EventTime> event_time;  // sources
  std::optional<int64_t> rate;          // sources: rows per second, of the whole source

  OnError on_error = OnError::kFail;  // operators
  Text where;                         // filter
  std::vector<NamedText> fields;      // select, joins
  std::vector<NamedText> key_by;      // window_aggregate, top_n, deduplicate; empty: one group
  std::optional<Window> window;
  Micros allowed_lateness = 0;
  std::vector<NamedText> aggregates;
  std::vector<Text> order_by;  // top_n: `price desc`
  int64_t limit = 0;           // top_n
  bool ties = false;           // top_n: rows equal to the last one, too
  std::string rank;            // top_n: name of the column; empty: none
  Micros ttl = 0;              // top_n, deduplicate; 0: never
  bool keep_last = true;       // deduplicate
  JoinType join = JoinType::kInner;
  std::vector<NamedText> on;  // joins: `name` is the left expression, `value` the right one
  Micros before = 0;          // interval_join: right's time is in [left's - before, left's + after]
  Micros after = 0;

  /// Joins of two streams: `inputs` are sides, not one stream.
  bool two_sided() const {
    return operator_type() == OperatorType::kWindowJoin ||
           operator_type() == OperatorType::kIntervalJoin;
  }
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
std::string_view ToString(JoinType value);
std::string_view ToString(OnError value);
std::string_view ToString(FormatType value);
/// `node`, `node.late`, `node.errors`.
std::string ToString(const InputRef& ref);

}  // namespace weir::job
