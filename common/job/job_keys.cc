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

const Keys& OperatorKeys(std::optional<OperatorType> type) {
  static const auto* const common = new Keys(With(NodeKeys(), InputKeys()));
  static const auto* const filter =
      new Keys(With(*common, {{"where", KeyKind::kString, true, "", {}, "boolean expression"},
                              OnErrorKey("of a row")}));
  static const auto* const select = new Keys(
      With(*common, {{"fields", KeyKind::kExpressions, true, "", {}, "column to expression"},
                     OnErrorKey("of a row")}));
  static const auto* const window = new Keys(With(
      *common, {{"key_by",
                 KeyKind::kAny,
                 false,
                 "",
                 {},
                 "columns, or names to expressions; absent: one group"},
                {"window", KeyKind::kMap, true, "", {}, "{tumbling: D} or {sliding: D, slide: D}"},
                {"allowed_lateness", KeyKind::kDuration, false, "0s", {}, "", 0, kYear},
                {"aggregate", KeyKind::kExpressions, true, "", {}, "column to aggregate call"},
                OnErrorKey("of a row")}));
  if (!type) return *common;
  switch (*type) {
    case OperatorType::kFilter:
      return *filter;
    case OperatorType::kSelect:
      return *select;
    case OperatorType::kWindowAggregate:
      return *window;
    case OperatorType::kUnion:
      return *common;
  }
  return *common;
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
               {"session", KeyKind::kDuration, false, "", {}, "", kMillisecond, kYear}};
  return *keys;
}

std::vector<std::string> OperatorTypeNames() {
  return {"filter", "select", "union", "window_aggregate"};
}

}  // namespace weir::job
