#include "common/job/job_spec.h"

#include "absl/strings/str_cat.h"

namespace weir::job {

std::optional<OperatorType> Node::operator_type() const {
  if (kind != NodeKind::kOperator) return std::nullopt;
  for (const OperatorType candidate :
       {OperatorType::kFilter, OperatorType::kSelect, OperatorType::kWindowAggregate,
        OperatorType::kUnion, OperatorType::kTopN, OperatorType::kDeduplicate,
        OperatorType::kWindowJoin, OperatorType::kIntervalJoin, OperatorType::kLookupJoin}) {
    if (type == ToString(candidate)) return candidate;
  }
  return std::nullopt;
}

bool operator==(const Node& a, const Node& b) {
  return a.name == b.name && a.kind == b.kind && a.type == b.type &&
         a.parallelism == b.parallelism && a.renamed_from == b.renamed_from &&
         a.inputs == b.inputs && a.options == b.options && a.format == b.format &&
         a.schema == b.schema && a.event_time == b.event_time && a.rate == b.rate &&
         a.on_error == b.on_error && a.where == b.where && a.fields == b.fields &&
         a.key_by == b.key_by && a.window == b.window && a.allowed_lateness == b.allowed_lateness &&
         a.aggregates == b.aggregates && a.order_by == b.order_by && a.limit == b.limit &&
         a.ties == b.ties && a.rank == b.rank && a.ttl == b.ttl && a.keep_last == b.keep_last &&
         a.join == b.join && a.on == b.on && a.before == b.before && a.after == b.after;
}

const Node* JobSpec::Find(std::string_view node_name) const {
  for (const Node& node : nodes) {
    if (node.name == node_name) return &node;
  }
  return nullptr;
}

bool operator==(const JobSpec& a, const JobSpec& b) {
  return a.version == b.version && a.name == b.name && a.parallelism == b.parallelism &&
         a.max_parallelism == b.max_parallelism && a.guarantee == b.guarantee &&
         a.checkpoint == b.checkpoint && a.restart == b.restart && a.backend == b.backend &&
         a.nodes == b.nodes;
}

std::string_view ToString(Guarantee value) {
  switch (value) {
    case Guarantee::kExactlyOnce:
      return "exactly_once";
    case Guarantee::kAtLeastOnce:
      return "at_least_once";
    case Guarantee::kAtMostOnce:
      return "at_most_once";
  }
  return "";
}

std::string_view ToString(StateBackend value) {
  return value == StateBackend::kRocksdb ? "rocksdb" : "memory";
}

std::string_view ToString(RestartStrategy value) {
  switch (value) {
    case RestartStrategy::kExponential:
      return "exponential";
    case RestartStrategy::kFixed:
      return "fixed";
    case RestartStrategy::kNone:
      return "none";
  }
  return "";
}

std::string_view ToString(NodeKind value) {
  switch (value) {
    case NodeKind::kSource:
      return "source";
    case NodeKind::kOperator:
      return "operator";
    case NodeKind::kSink:
      return "sink";
  }
  return "";
}

std::string_view ToString(OperatorType value) {
  switch (value) {
    case OperatorType::kFilter:
      return "filter";
    case OperatorType::kSelect:
      return "select";
    case OperatorType::kWindowAggregate:
      return "window_aggregate";
    case OperatorType::kUnion:
      return "union";
    case OperatorType::kTopN:
      return "top_n";
    case OperatorType::kDeduplicate:
      return "deduplicate";
    case OperatorType::kWindowJoin:
      return "window_join";
    case OperatorType::kIntervalJoin:
      return "interval_join";
    case OperatorType::kLookupJoin:
      return "lookup_join";
  }
  return "";
}

std::string_view ToString(JoinType value) {
  switch (value) {
    case JoinType::kInner:
      return "inner";
    case JoinType::kLeft:
      return "left";
    case JoinType::kRight:
      return "right";
    case JoinType::kFull:
      return "full";
    case JoinType::kSemi:
      return "semi";
    case JoinType::kAnti:
      return "anti";
  }
  return "";
}

std::string_view ToString(OnError value) {
  switch (value) {
    case OnError::kFail:
      return "fail";
    case OnError::kSkip:
      return "skip";
    case OnError::kRoute:
      return "route";
  }
  return "";
}

std::string_view ToString(FormatType value) {
  switch (value) {
    case FormatType::kNone:
      return "none";
    case FormatType::kJson:
      return "json";
    case FormatType::kCsv:
      return "csv";
    case FormatType::kRaw:
      return "raw";
  }
  return "";
}

std::string ToString(const InputRef& ref) {
  switch (ref.port) {
    case Port::kMain:
      return ref.node;
    case Port::kLate:
      return ref.node + ".late";
    case Port::kErrors:
      return ref.node + ".errors";
  }
  return ref.node;
}

}  // namespace weir::job
