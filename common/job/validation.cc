#include "common/job/validation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/units.h"
#include "common/job/job_keys.h"
#include "common/job/operator_checks.h"

namespace weir::job {
namespace {

using config::DidYouMean;

constexpr size_t kMaxNodes = 1000;
constexpr size_t kMaxName = 128;

bool IsNodeName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  if (!absl::ascii_isalpha(name[0]) && name[0] != '_') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

bool IsJobName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || !absl::ascii_isalnum(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

class Validator {
 public:
  Validator(const JobSpec& spec, const ConnectorCatalog& catalog, config::Diagnostics* diagnostics)
      : spec_(spec), catalog_(catalog), diagnostics_(diagnostics) {}

  void Run() {
    CheckJob();
    for (const Node& node : spec_.nodes) CheckNode(node);
    CheckUse();
    CheckCycles();
  }

 private:
  template <typename... Parts>
  void Error(Location location, const Parts&... parts) {
    diagnostics_->Error(location, absl::StrCat(parts...));
  }

  void CheckJob() {
    const Location at = spec_.name_location;
    if (spec_.version != JobSpec::kVersion)
      Error(at, "job file version ", spec_.version, " is not known: it must be 1");
    if (!spec_.name.empty() && !IsJobName(spec_.name)) {
      Error(at, "job name `", spec_.name.substr(0, kMaxName),
            "` must begin with a letter or digit and hold only letters, digits, `_`, `-`, `.`, at "
            "most ",
            kMaxName);
    }
    if (spec_.name.empty() && at.line == 0) Error(at, "the job has no name");
    if (spec_.max_parallelism < 1 || spec_.max_parallelism > JobSpec::kMaxParallelism) {
      Error(at, "max_parallelism ", spec_.max_parallelism, " must be between 1 and ",
            JobSpec::kMaxParallelism);
    }
    CheckParallelism(at, "parallelism", spec_.parallelism);
    if (spec_.guarantee == Guarantee::kAtMostOnce)
      Error(at, "guarantee at_most_once is not supported yet");
    const std::string& storage = spec_.checkpoint.storage;
    if (!storage.empty() && !absl::StartsWith(storage, "file:///")) {
      Error(at, "checkpoint storage `", storage,
            "` is not supported yet: it must be file:///FOLDER");
    }
    const CheckpointSettings& c = spec_.checkpoint;
    if (c.interval <= 0 || c.timeout <= 0 || c.min_pause < 0 || c.max_concurrent < 1 ||
        c.tolerable_failures < 0 || c.keep < 1) {
      Error(at, "the checkpoint settings are out of range");
    }
    const RestartSettings& r = spec_.restart;
    if (r.initial_delay < 0 || r.max_delay < r.initial_delay || r.max_attempts < 1) {
      Error(at, "the restart settings are out of range: max_delay must not be below initial_delay");
    }
    if (spec_.nodes.size() > kMaxNodes) Error(at, "more than ", kMaxNodes, " nodes");
    auto has = [&](NodeKind kind) {
      return std::any_of(spec_.nodes.begin(), spec_.nodes.end(),
                         [&](const Node& n) { return n.kind == kind; });
    };
    if (!has(NodeKind::kSource)) Error(at, "the job has no source");
    if (!has(NodeKind::kSink)) Error(at, "the job has no sink");
  }

  void CheckParallelism(Location at, std::string_view what, int32_t parallelism) {
    const std::string name(what);
    if (parallelism < 1) {
      Error(at, name, " ", parallelism, " must be at least 1");
    } else if (parallelism > spec_.max_parallelism && spec_.max_parallelism >= 1) {
      Error(at, name, " ", parallelism, " is above max_parallelism ", spec_.max_parallelism);
    }
  }

  void CheckNode(const Node& node) {
    if (!IsNodeName(node.name)) {
      Error(node.location, "`", node.name.substr(0, kMaxName),
            "` is no name for a node: a letter or `_`, then letters, "
            "digits, `_` or `-`, at most ",
            kMaxName);
    } else if (const auto [it, first] = seen_.emplace(node.name, node.location); !first) {
      std::string where =
          it->second.line > 0 ? absl::StrCat(" (first in line ", it->second.line, ")") : "";
      Error(node.location, "two nodes are called `", node.name, "`", where);
    }
    if (node.parallelism)
      CheckParallelism(node.location, absl::StrCat("`", node.name, "`: parallelism"),
                       *node.parallelism);
    if (!node.renamed_from.empty()) {
      if (!IsNodeName(node.renamed_from)) {
        Error(node.location, "`renamed_from` of `", node.name, "` is no name of a node");
      } else if (spec_.Find(node.renamed_from) != nullptr) {
        Error(node.location, "`renamed_from` of `", node.name,
              "` names a node that is still there: `", node.renamed_from, "`");
      }
    }
    CheckInputs(node);
    if (node.kind == NodeKind::kOperator) {
      CheckOperator(node, diagnostics_);
    } else {
      CheckConnector(node);
    }
  }

  void CheckInputs(const Node& node) {
    if (node.kind == NodeKind::kSource) {
      if (!node.inputs.empty()) Error(node.location, What(node), " cannot have inputs");
      return;
    }
    if (node.two_sided()) {
      if (node.inputs.size() != 2) {
        Error(node.location, What(node), " needs `left` and `right`");
      } else if (node.inputs[0] == node.inputs[1]) {
        Error(node.inputs[1].location, "`left` and `right` of `", node.name,
              "` are the same node: give one side a name of its own by a select");
        return;
      }
    } else if (node.inputs.empty() && !node.type.empty()) {
      Error(node.location, "key `input` is missing in ", What(node));
    }
    if (node.operator_type() == OperatorType::kUnion && node.inputs.size() == 1) {
      Error(node.location, What(node), " needs at least two `inputs`");
    }
    std::set<std::pair<std::string, Port>> seen;
    for (const InputRef& ref : node.inputs) {
      if (!seen.emplace(ref.node, ref.port).second) {
        Error(ref.location, "input `", ToString(ref), "` is given twice");
        continue;
      }
      CheckInput(ref);
    }
  }

  void CheckInput(const InputRef& ref) {
    const Node* from = spec_.Find(ref.node);
    if (from == nullptr) {
      std::vector<std::string> names;
      for (const Node& n : spec_.nodes) {
        if (n.kind != NodeKind::kSink) names.push_back(n.name);
      }
      Error(ref.location, "no source or operator is called `", ref.node, "`",
            DidYouMean(ref.node, names));
      return;
    }
    if (from->kind == NodeKind::kSink) {
      Error(ref.location, "`", ref.node, "` is a sink and gives no rows");
    } else if (ref.port == Port::kLate && !from->type.empty() &&
               from->operator_type() != OperatorType::kWindowAggregate &&
               !(from->operator_type() == OperatorType::kTopN && from->window)) {
      Error(ref.location, "only a window_aggregate or a top_n per window has late rows: `",
            ref.node, "` is a ", from->type);
    } else if (ref.port == Port::kErrors && !from->type.empty()) {
      const bool source = from->kind == NodeKind::kSource;
      const OnError on_error = source ? from->format.on_error : from->on_error;
      if (from->operator_type() == OperatorType::kUnion) {
        Error(ref.location, "a union has no errors: `", ref.node, "`");
      } else if (on_error != OnError::kRoute) {
        Error(ref.location, "`", ToString(ref), "` would never have rows: `", ref.node, "` needs ",
              source ? "`format: {on_error: route}`" : "`on_error: route`");
      }
    }
  }

  void CheckConnector(const Node& node) {
    if (node.type.empty()) return;
    const bool source = node.kind == NodeKind::kSource;
    const ConnectorDescriptor* descriptor = catalog_.Find(node.type);
    if (descriptor == nullptr) {
      const std::vector<std::string> names = catalog_.Names(node.kind);
      Error(node.type_location, "no ", std::string(ToString(node.kind)), " is of type `", node.type,
            "`", DidYouMean(node.type, names), "; there are ", absl::StrJoin(names, ", "));
      return;
    }
    const ConnectorTraits* traits = source ? descriptor->source() : descriptor->sink();
    if (traits == nullptr) {
      Error(node.type_location, "`", node.type, "` cannot be a ", std::string(ToString(node.kind)),
            ", only a ", source ? "sink" : "source");
      return;
    }
    const size_t before = diagnostics_->errors().size();
    config::Section section(&node.options, traits->options, What(node), node.location,
                            diagnostics_);
    section.Check(config::NamesOf(source ? SourceKeys() : SinkKeys()));
    CheckFormat(node, *traits);
    if (source) CheckSource(node, *traits);
    // The connector's own checks rely on options of the right kind.
    if (diagnostics_->errors().size() == before) descriptor->Validate(node, diagnostics_);
    if (diagnostics_->errors().size() == before)
      descriptor->ValidateInJob(spec_, node, diagnostics_);
  }

  void CheckFormat(const Node& node, const ConnectorTraits& traits) {
    const FormatType type = node.format.type;
    const Location at = node.format.location.line > 0 ? node.format.location : node.location;
    if (traits.formats.empty()) {
      if (type != FormatType::kNone)
        Error(at, "a ", node.type, " ", std::string(ToString(node.kind)), " has no `format`");
      return;
    }
    if (type == FormatType::kNone) {
      Error(node.location, "key `format` is missing in ", What(node));
    } else if (std::find(traits.formats.begin(), traits.formats.end(), type) ==
               traits.formats.end()) {
      Error(at, "a ", node.type, " ", std::string(ToString(node.kind)), " cannot have format ",
            std::string(ToString(type)));
    }
  }

  void CheckSource(const Node& node, const ConnectorTraits& traits) {
    const bool raw = node.format.type == FormatType::kRaw;
    if (!traits.takes_schema && !node.schema.empty()) {
      Error(node.schema[0].location, "a ", node.type,
            " source has no `schema`: its columns follow from its other keys");
    } else if (traits.takes_schema && raw && !node.schema.empty()) {
      Error(node.schema[0].location,
            "a raw source has no `schema`: it has one column, `value` (bytes)");
    } else if (traits.takes_schema && !raw && node.schema.empty()) {
      Error(node.location, "key `schema` is missing in ", What(node));
    }
    if (node.schema.size() > kMaxColumns)
      Error(node.location, "more than ", kMaxColumns, " columns in `schema`");
    std::set<std::string> names;
    for (const SchemaField& field : node.schema) {
      if (field.name.empty())
        Error(field.location, "an empty name in `schema` of `", node.name, "`");
      if (!names.insert(field.name).second)
        Error(field.location, "`", field.name, "` is there twice in `schema`");
    }
    if (node.rate && *node.rate < 1) Error(node.location, "rate must be at least 1/s");
    if (!node.event_time) return;
    if (!traits.takes_event_time)
      Error(node.event_time->field.location, "a ", node.type, " source has no `event_time`");
    if (node.event_time->max_delay < 0)
      Error(node.event_time->field.location, "max_delay must not be negative");
  }

  void CheckUse() {
    std::set<std::string_view> used;
    for (const Node& node : spec_.nodes) {
      for (const InputRef& ref : node.inputs) used.insert(ref.node);
    }
    for (const Node& node : spec_.nodes) {
      if (node.kind != NodeKind::kSink && used.count(node.name) == 0) {
        Error(node.location, What(node), " is not used: no node has it as `input`");
      }
    }
  }

  void CheckCycles() {
    std::map<std::string_view, int> index;
    for (size_t i = 0; i < spec_.nodes.size(); ++i)
      index.emplace(spec_.nodes[i].name, static_cast<int>(i));
    enum class Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(spec_.nodes.size(), Mark::kNew);
    // Depth-first with an explicit path: (node, next input). kMaxNodes bounds it.
    for (size_t start = 0; start < spec_.nodes.size(); ++start) {
      std::vector<std::pair<int, size_t>> path;
      if (marks[start] == Mark::kNew) path.push_back({static_cast<int>(start), 0});
      while (!path.empty()) {
        auto& [at, next] = path.back();
        marks[at] = Mark::kOpen;
        const Node& node = spec_.nodes[at];
        if (next == node.inputs.size()) {
          marks[at] = Mark::kDone;
          path.pop_back();
          continue;
        }
        const InputRef& ref = node.inputs[next++];
        const auto to = index.find(ref.node);
        if (to == index.end()) continue;
        if (marks[to->second] == Mark::kOpen) ReportCycle(path, to->second, ref.location);
        if (marks[to->second] == Mark::kNew) path.push_back({to->second, 0});
      }
    }
  }

  void ReportCycle(const std::vector<std::pair<int, size_t>>& path, int closing, Location at) {
    std::vector<std::string> names;
    for (auto it = path.rbegin(); it != path.rend(); ++it) {
      names.push_back(spec_.nodes[it->first].name);
      if (it->first == closing) break;
    }
    // The path follows inputs; rows flow the other way.
    std::rotate(names.begin(), names.end() - 1, names.end());
    names.push_back(names.front());
    Error(at, "the nodes feed themselves: ", absl::StrJoin(names, " -> "));
  }

  const JobSpec& spec_;
  const ConnectorCatalog& catalog_;
  config::Diagnostics* diagnostics_;
  std::map<std::string, Location> seen_;
};

}  // namespace

void Validate(const JobSpec& spec, const ConnectorCatalog& catalog,
              config::Diagnostics* diagnostics) {
  Validator(spec, catalog, diagnostics).Run();
}

std::vector<int> TopologicalOrder(const JobSpec& spec) {
  const int count = static_cast<int>(spec.nodes.size());
  std::vector<int> order;
  std::set<std::string_view> placed;
  std::vector<bool> done(count, false);
  for (bool progress = true; progress;) {
    progress = false;
    for (int i = 0; i < count; ++i) {
      const auto& inputs = spec.nodes[i].inputs;
      if (done[i] || !std::all_of(inputs.begin(), inputs.end(),
                                  [&](const InputRef& r) { return placed.count(r.node) > 0; })) {
        continue;
      }
      done[i] = progress = true;
      placed.insert(spec.nodes[i].name);
      order.push_back(i);
    }
  }
  for (int i = 0; i < count; ++i) {
    if (!done[i]) order.push_back(i);
  }
  return order;
}

}  // namespace weir::job
