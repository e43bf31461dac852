#include "common/job/job_keys.h"

namespace weir::job {
namespace {

using config::KeyKind;
using config::KeySpec;
using Keys = std::vector<KeySpec>;

constexpr int64_t kMillisecond = 1000;
constexpr int64_t kYear = int64_t{366} * 86'400 * 1'000'000;

Keys With(Keys keys, const Keys& more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

KeySpec Parallelism() {
  return {"parallelism",
          KeyKind::kInt,
          false,
          "1",
          {},
          "subtasks; of a node: the job's unless set",
          1,
          JobSpec::kMaxParallelism};
}
KeySpec OnErrorKey(std::string doc) {
  return {"on_error", KeyKind::kEnum, false, "fail", {"fail", "skip", "route"}, std::move(doc)};
}
Keys NodeKeys() {
  return {{"type", KeyKind::kString, true},
          Parallelism(),
          {"renamed_from",
           KeyKind::kString,
           false,
           "",
           {},
           "name under which earlier checkpoints hold the state"}};
}
Keys InputKeys() {
  return {{"input", KeyKind::kString, false, "", {}, "a node, node.late or node.errors"},
          {"inputs", KeyKind::kStringList, false, "", {}, "several, of equal columns"}};
}

}  // namespace

const Keys& JobKeys() {
  static const auto* const keys = new Keys{{"version", KeyKind::kInt, true},
                                           {"name", KeyKind::kString, true},
                                           Parallelism(),
                                           {"max_parallelism",
                                            KeyKind::kInt,
                                            false,
                                            "128",
                                            {},
                                            "upper bound of rescaling; fixed once state exists",
                                            1,
                                            JobSpec::kMaxParallelism},
                                           {"guarantee",
                                            KeyKind::kEnum,
                                            false,
                                            "exactly_once",
                                            {"exactly_once", "at_least_once", "at_most_once"}},
                                           {"checkpoint", KeyKind::kMap},
                                           {"restart", KeyKind::kMap},
                                           {"state", KeyKind::kMap},
                                           {"sources", KeyKind::kMap, true},
                                           {"operators", KeyKind::kMap},
                                           {"sinks", KeyKind::kMap, true}};
  return *keys;
}

const Keys& CheckpointKeys() {
  static const auto* const keys = new Keys{
      {"interval",
       KeyKind::kDuration,
       false,
       "10s",
       {},
       "also how often results become visible",
       10 * kMillisecond,
       kYear},
      {"timeout", KeyKind::kDuration, false, "1m", {}, "", 10 * kMillisecond, kYear},
      {"min_pause", KeyKind::kDuration, false, "0s", {}, "", 0, kYear},
      {"max_concurrent", KeyKind::kInt, false, "1", {}, "", 1, 16},
      {"tolerable_failures", KeyKind::kInt, false, "3", {}, "in a row", 0, 1'000'000},
      {"storage", KeyKind::kString, false, "", {}, "file:///FOLDER; default: the cluster's"},
      {"keep", KeyKind::kInt, false, "3", {}, "completed checkpoints", 1, 1000}};
  return *keys;
}

const Keys& RestartKeys() {
  static const auto* const keys = new Keys{
      {"strategy", KeyKind::kEnum, false, "exponential", {"exponential", "fixed", "none"}},
      {"initial_delay", KeyKind::kDuration, false, "100ms", {}, "fixed: the delay", 0, kYear},
      {"max_delay", KeyKind::kDuration, false, "1m", {}, "", 0, kYear},
      {"max_attempts",
       KeyKind::kInt,
       false,
       "20",
       {},
       "in a row without a completed checkpoint",
       1,
       1'000'000'000}};
  return *keys;
}

const Keys& StateKeys() {
  static const auto* const keys =
      new Keys{{"backend", KeyKind::kEnum, false, "rocksdb", {"rocksdb", "memory"}}};
  return *keys;
}

const Keys& SourceKeys() {
  static const auto* const keys = new Keys(With(
      NodeKeys(), {{"format", KeyKind::kAny},
                   {"schema", KeyKind::kMap, false, "", {}, "column (JSON: path) to type"},
                   {"event_time", KeyKind::kMap},
                   {"rate", KeyKind::kRate, false, "", {}, "upper bound, of the whole source"}}));
  return *keys;
}

const Keys& SinkKeys() {
  static const auto* const keys =
      new Keys(With(With(NodeKeys(), InputKeys()), {{"format", KeyKind::kAny}}));
  return *keys;
}

namespace {

KeySpec KeyBy() {
  return {"key_by", KeyKind::kAny,
          false,    "",
          {},       "columns, or names to expressions; absent: one group"};
}
KeySpec Fields() { return {"fields", KeyKind::kExpressions, true, "", {}, "column to expression"}; }
KeySpec Ttl() {
  return {"ttl", KeyKind::kDuration,
          false, "0s",
          {},    "a key without rows for so long is forgotten; 0s: never",
          0,     kYear};
}
KeySpec On() {
  return {
      "on", KeyKind::kAny, true, "", {}, "left to right expression, or names equal on both sides"};
}
KeySpec Join(std::vector<std::string> types) {
  return {"join", KeyKind::kEnum, false, "inner", std::move(types)};
}
Keys SideKeys() {
  return {{"left", KeyKind::kString, false, "", {}, "a node"},
          {"right", KeyKind::kString, false, "", {}, "another node"}};
}

Keys MakeOperatorKeys(OperatorType type) {
  const Keys common = With(NodeKeys(), InputKeys());
  switch (type) {
    case OperatorType::kFilter:
      return With(common, {{"where", KeyKind::kString, true, "", {}, "boolean expression"},
                           OnErrorKey("of a row")});
    case OperatorType::kSelect:
      return With(common, {Fields(), OnErrorKey("of a row")});
    case OperatorType::kWindowAggregate:
      return With(common,
                  {KeyBy(),
                   {"window",
                    KeyKind::kMap,
                    true,
                    "",
                    {},
                    "{tumbling: D}, {sliding: D, slide: D} or {session: GAP}"},
                   {"allowed_lateness", KeyKind::kDuration, false, "0s", {}, "", 0, kYear},
                   {"aggregate", KeyKind::kExpressions, true, "", {}, "column to aggregate call"},
                   OnErrorKey("of a row")});
    case OperatorType::kTopN:
      return With(
          common,
          {KeyBy(),
           {"order_by",
            KeyKind::kStringList,
            true,
            "",
            {},
            "expressions, each with `desc` behind it or not"},
           {"limit", KeyKind::kInt, true, "", {}, "rows of a group", 1, 10'000},
           {"ties", KeyKind::kBool, false, "false", {}, "rows equal to the last one, too"},
           {"rank", KeyKind::kString, false, "", {}, "name of a column for the place, from 1"},
           {"window",
            KeyKind::kAny,
            false,
            "",
            {},
            "{tumbling: D}, or `input`; absent: updating results"},
           Ttl(),
           OnErrorKey("of a row")});
    case OperatorType::kDeduplicate:
      return With(common,
                  {KeyBy(),
                   {"keep", KeyKind::kEnum, false, "last", {"first", "last"}, "by event time"},
                   Ttl(),
                   OnErrorKey("of a row")});
    case OperatorType::kWindowJoin:
      return With(
          With(NodeKeys(), SideKeys()),
          {On(),
           {"window", KeyKind::kMap, true, "", {}, "{tumbling: D} or {sliding: D, slide: D}"},
           Join({"inner", "left", "right", "full", "semi", "anti"}),
           Fields(),
           OnErrorKey("of a row")});
    case OperatorType::kIntervalJoin:
      return With(With(NodeKeys(), SideKeys()),
                  {On(),
                   {"within",
                    KeyKind::kMap,
                    true,
                    "",
                    {},
                    "{before: D, after: D}: around the left row's time"},
                   Join({"inner", "left"}),
                   Fields(),
                   OnErrorKey("of a row")});
    case OperatorType::kLookupJoin:
      return With(common,
                  {{"table", KeyKind::kMap, true, "", {}, "a bounded file, read at the start"},
                   On(),
                   Join({"inner", "left"}),
                   Fields(),
                   OnErrorKey("of a row")});
    case OperatorType::kUnion:
      return common;
  }
  return common;
}

}  // namespace

const Keys& OperatorKeys(std::optional<OperatorType> type) {
  static const auto* const common = new Keys(With(NodeKeys(), InputKeys()));
  static const auto* const all = [] {
    auto* made = new std::vector<Keys>;
    for (int t = 0; t <= static_cast<int>(OperatorType::kLookupJoin); ++t) {
      made->push_back(MakeOperatorKeys(static_cast<OperatorType>(t)));
    }
    return made;
  }();
  return type ? (*all)[static_cast<size_t>(*type)] : *common;
}

const Keys& TableKeys() {
  static const auto* const keys =
      new Keys{{"path", KeyKind::kString, true, "", {}, "a file, or a glob"},
               {"format", KeyKind::kAny},
               {"schema", KeyKind::kMap, true, "", {}, "column (JSON: path) to type"},
               {"on_change",
                KeyKind::kEnum,
                false,
                "fail",
                {"fail", "reload"},
                "another content at a restore"}};
  return *keys;
}

const Keys& WithinKeys() {
  static const auto* const keys =
      new Keys{{"before", KeyKind::kDuration, false, "0s", {}, "", 0, kYear},
               {"after", KeyKind::kDuration, false, "0s", {}, "", 0, kYear}};
  return *keys;
}

const Keys& SourceFormatKeys() {
  static const auto* const keys =
      new Keys{{"type", KeyKind::kEnum, true, "json", {"json", "csv", "raw"}},
               OnErrorKey("of a row that cannot be read")};
  return *keys;
}

const Keys& SinkFormatKeys() {
  static const auto* const keys =
      new Keys{{"type", KeyKind::kEnum, true, "json", {"json", "csv", "raw"}},
               {"timestamps", KeyKind::kEnum, false, "millis", {"millis", "rfc3339"}}};
  return *keys;
}

const Keys& EventTimeKeys() {
  static const auto* const keys =
      new Keys{{"field", KeyKind::kString, true, "", {}, "a timestamp column"},
               {"max_delay",
                KeyKind::kDuration,
                false,
                "0s",
                {},
                "how late a row may be within its split",
                0,
                kYear},
               {"idle_after",
                KeyKind::kDuration,
                false,
                "",
                {},
                "a split without rows for so long holds nothing up",
                kMillisecond,
                kYear}};
  return *keys;
}

const Keys& WindowKeys() {
  static const auto* const keys =
      new Keys{{"tumbling", KeyKind::kDuration, false, "", {}, "", kMillisecond, kYear},
               {"sliding", KeyKind::kDuration, false, "", {}, "", kMillisecond, kYear},
               {"slide", KeyKind::kDuration, false, "", {}, "", kMillisecond, kYear},
               {"session", KeyKind::kDuration, false, "", {}, "the gap", kMillisecond, kYear},
               {"time", KeyKind::kEnum, false, "event", {"event", "processing"}}};
  return *keys;
}

std::vector<std::string> OperatorTypeNames() {
  return {"deduplicate", "filter", "interval_join",    "lookup_join", "select",
          "top_n",       "union",  "window_aggregate", "window_join"};
}

}  // namespace weir::job
