#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/config/units.h"
#include "common/plan/plan.h"

namespace weir::plan {
namespace {

using config::DurationText;

/// An expression of several lines in one.
std::string OneLine(std::string_view text) {
  const absl::string_view all(text.data(), text.size());
  return absl::StrJoin(absl::StrSplit(all, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()), " ");
}

std::string PortText(const std::string& name, job::Port port) {
  return job::ToString(job::InputRef{name, port, {}});
}

std::string Expressions(const std::vector<NamedExpression>& entries) {
  return absl::StrJoin(entries, ", ", [](std::string* out, const NamedExpression& e) {
    *out += e.name;
    if (e.expression.text() != e.name && e.expression.ColumnIndex() < 0)
      absl::StrAppend(out, " = ", OneLine(e.expression.text()));
  });
}

std::string SizeAndSlide(job::Micros size, job::Micros slide) {
  return size == slide
             ? absl::StrCat("tumbling ", DurationText(size))
             : absl::StrCat("sliding ", DurationText(size), " every ", DurationText(slide));
}

std::string WindowText(const WindowSpec& window) {
  if (window.kind == job::Window::Kind::kSession) {
    return absl::StrCat("session gap ", DurationText(window.size));
  }
  return absl::StrCat(SizeAndSlide(window.size, window.slide),
                      window.processing_time ? " of processing time" : "");
}

std::string KeyText(const std::vector<NamedExpression>& keys) {
  return keys.empty() ? ", one group" : absl::StrCat(", key ", Expressions(keys));
}

std::string TopNText(const TopNSpec& spec) {
  std::string text = absl::StrCat("top_n ", spec.limit, spec.ties ? " with ties" : "", " by ");
  absl::StrAppend(&text,
                  absl::StrJoin(spec.order, ", ", [](std::string* out, const OrderKey& key) {
                    absl::StrAppend(out, OneLine(key.expression.text()),
                                    key.descending ? " desc" : "");
                  }));
  text += KeyText(spec.keys);
  switch (spec.window) {
    case TopNSpec::Window::kNone:
      return text + ", updating";
    case TopNSpec::Window::kTumbling:
      return absl::StrCat(text, ", tumbling ", DurationText(spec.size));
    case TopNSpec::Window::kInput:
      return text + ", per window of the input";
  }
  return text;
}

std::string JoinText(const JoinSpec& join, std::string_view what) {
  std::string text = absl::StrCat(std::string(what), " ", std::string(job::ToString(join.type)));
  if (join.size > 0) {
    absl::StrAppend(&text, ", ", SizeAndSlide(join.size, join.slide));
  } else {
    absl::StrAppend(&text, ", within ", DurationText(join.before), " before and ",
                    DurationText(join.after), " after");
  }
  return absl::StrCat(text, ", fields ", Expressions(join.fields));
}

/// By what the rows of an exchange find their subtask.
const std::vector<NamedExpression>& KeysOf(const PlanOperator& op, int side) {
  static const auto* const none = new std::vector<NamedExpression>;
  if (op.window) return op.window->keys;
  if (op.top_n) return op.top_n->keys;
  if (op.deduplicate) return op.deduplicate->keys;
  if (op.join) return side == 0 ? op.join->left_keys : op.join->right_keys;
  return *none;
}

class Explainer {
 public:
  Explainer(const ExecutionPlan& plan, const job::ConnectorCatalog& catalog)
      : plan_(plan), catalog_(catalog) {}

  std::string Run() {
    const job::JobSpec& spec = *plan_.spec;
    const job::CheckpointSettings& c = spec.checkpoint;
    Line(0, absl::StrCat("job ", spec.name,
                         plan_.bounded ? " (bounded: ends when its sources end)" : ""));
    Line(1, absl::StrCat("guarantee   ", std::string(job::ToString(spec.guarantee))));
    Line(1,
         absl::StrCat("checkpoint  every ", DurationText(c.interval), " to ",
                      c.storage.empty() ? "the cluster's storage" : c.storage, ", keeps ", c.keep));
    Line(1, absl::StrCat("state       ", std::string(job::ToString(spec.backend)),
                         ", max_parallelism ", plan_.max_parallelism));
    Line(1, absl::StrCat("restart     ", Restart(spec.restart)));
    Line(1, absl::StrCat("slots       ", plan_.slots));
    for (const Task& task : plan_.tasks) {
      Line(0, "");
      Line(0, absl::StrCat("task ", task.index, "  ", task.name, "  (parallelism ",
                           task.parallelism, ")"));
      for (const int edge : task.inputs) Line(1, Exchange(plan_.edges[edge]));
      Operators(task, -1, 1);
    }
    return std::move(out_);
  }

 private:
  void Line(int depth, const std::string& text) {
    if (!text.empty()) out_.append(static_cast<size_t>(depth) * 2, ' ');
    absl::StrAppend(&out_, text, "\n");
  }

  static std::string Restart(const job::RestartSettings& r) {
    const std::string name(job::ToString(r.strategy));
    if (r.strategy == job::RestartStrategy::kNone) return name;
    const std::string delay = r.strategy == job::RestartStrategy::kFixed
                                  ? absl::StrCat(", after ", DurationText(r.initial_delay))
                                  : absl::StrCat(", after ", DurationText(r.initial_delay), " to ",
                                                 DurationText(r.max_delay));
    return absl::StrCat(name, delay, ", at most ", r.max_attempts, " times without a checkpoint");
  }

  std::string Exchange(const Edge& edge) const {
    const Task& from = plan_.tasks[edge.from_task];
    std::string how(ToString(edge.kind));
    if (edge.kind == EdgeKind::kHash) {
      const PlanOperator& to = plan_.tasks[edge.to_task].operators[0];
      const std::vector<NamedExpression>& keys = KeysOf(to, edge.to_side);
      how = keys.empty() ? "all to one subtask" : absl::StrCat("hash by ", KeyNames(edge, keys));
      if (to.window && to.window->partial) how += ", partial aggregates";
      if (to.join) how += edge.to_side == 0 ? ", left" : ", right";
    }
    return absl::StrCat("<- exchange ", edge.index, " from task ", edge.from_task, " ",
                        PortText(from.operators[edge.from_operator].name, edge.from_port), ": ",
                        how);
  }

  /// Of a join the keys are called after their expressions.
  static std::string KeyNames(const Edge& edge, const std::vector<NamedExpression>& keys) {
    return absl::StrJoin(keys, ", ", [&](std::string* out, const NamedExpression& key) {
      const int column = key.expression.ColumnIndex();
      *out += key.name.rfind("on", 0) == 0 && column >= 0 ? edge.schema->fields[column].name
                                                          : key.name;
    });
  }

  void Operators(const Task& task, int parent, int depth) {
    for (size_t i = 0; i < task.operators.size(); ++i) {
      const PlanOperator& op = task.operators[i];
      if (op.parent != parent) continue;
      const std::string from =
          op.parent_port == job::Port::kMain || parent < 0
              ? ""
              : absl::StrCat(" <- ", PortText(task.operators[parent].name, op.parent_port));
      Line(depth, absl::StrCat(op.name, from, ": ", Describe(op)));
      if (op.output != nullptr && op.kind != OperatorKind::kLocalAggregate) {
        Line(depth + 2, absl::StrCat("columns ", batch::ToString(*op.output)));
      }
      if (op.stateful) Line(depth + 2, StateText(op));
      if (op.kind == OperatorKind::kSink) Line(depth + 2, Visible(op));
      Operators(task, static_cast<int>(i), depth + 1);
    }
  }

  std::string Describe(const PlanOperator& op) const {
    const job::Node& node = plan_.node(op);
    switch (op.kind) {
      case OperatorKind::kSource:
        return Source(op, node);
      case OperatorKind::kFilter:
        return absl::StrCat("filter where ", OneLine(op.where.text()), OnError(op));
      case OperatorKind::kSelect:
        return absl::StrCat(op.append_fields ? "keys " : "select ", Expressions(op.fields),
                            OnError(op));
      case OperatorKind::kUnion:
        return "union";
      case OperatorKind::kLocalAggregate:
        return absl::StrCat("local aggregate, ", WindowText(*op.window), OnError(op));
      case OperatorKind::kWindowAggregate:
        return Window(op);
      case OperatorKind::kLocalTopN:
        return absl::StrCat("local ", TopNText(*op.top_n), OnError(op));
      case OperatorKind::kTopN:
        return absl::StrCat(TopNText(*op.top_n), OnError(op));
      case OperatorKind::kDeduplicate:
        return absl::StrCat("deduplicate, keeps the ", op.deduplicate->keep_last ? "last" : "first",
                            KeyText(op.deduplicate->keys), OnError(op));
      case OperatorKind::kWindowJoin:
      case OperatorKind::kIntervalJoin:
        return absl::StrCat(JoinText(*op.join, ToString(op.kind)), OnError(op));
      case OperatorKind::kLookupJoin:
        return absl::StrCat("lookup_join ", std::string(job::ToString(op.lookup->type)),
                            ", fields ", Expressions(op.lookup->fields), OnError(op));
      case OperatorKind::kSink: {
        const std::string format =
            node.format.type == job::FormatType::kNone
                ? ""
                : absl::StrCat(", ", std::string(job::ToString(node.format.type)));
        return absl::StrCat("sink ", node.type, format, Summary(node));
      }
    }
    return "";
  }

  /// What the connector says of its options.
  std::string Summary(const job::Node& node) const {
    const job::ConnectorDescriptor* descriptor = catalog_.Find(node.type);
    const std::string text = descriptor == nullptr ? std::string() : descriptor->Summary(node);
    return text.empty() ? text : absl::StrCat(", ", text);
  }

  static std::string OnError(const PlanOperator& op) {
    if (op.on_error == job::OnError::kFail) return "";
    return absl::StrCat(", on_error ", std::string(job::ToString(op.on_error)),
                        op.on_error == job::OnError::kRoute && !op.errors_used
                            ? " (counted only: nobody reads .errors)"
                            : "");
  }

  std::string Source(const PlanOperator& op, const job::Node& node) const {
    std::string text = absl::StrCat("source ", node.type);
    if (node.format.type != job::FormatType::kNone)
      absl::StrAppend(&text, ", ", std::string(job::ToString(node.format.type)));
    text += op.bounded ? ", bounded" : ", endless";
    if (node.rate) absl::StrAppend(&text, ", at most ", *node.rate, "/s");
    if (node.event_time) {
      absl::StrAppend(&text, ", event time ", node.event_time->field.text, " (max_delay ",
                      DurationText(node.event_time->max_delay));
      if (node.event_time->idle_after)
        absl::StrAppend(&text, ", idle after ", DurationText(*node.event_time->idle_after));
      text += ")";
    }
    return absl::StrCat(text, Summary(node), OnError(op));
  }

  static std::string Window(const PlanOperator& op) {
    const WindowSpec& window = *op.window;
    std::string text = absl::StrCat("window_aggregate ", WindowText(window));
    text += KeyText(window.keys);
    absl::StrAppend(
        &text, ", ",
        absl::StrJoin(window.aggregates, ", ", [](std::string* out, const Aggregate& a) {
          absl::StrAppend(out, a.name, " = ", OneLine(a.text));
        }));
    if (window.allowed_lateness > 0)
      absl::StrAppend(&text, ", allowed_lateness ", DurationText(window.allowed_lateness));
    if (window.processing_time) return text + OnError(op);
    return absl::StrCat(text, op.late_used ? ", late rows to .late" : ", late rows are counted",
                        OnError(op));
  }

  static std::string Forgotten(job::Micros ttl) {
    return ttl == 0 ? ", kept for ever" : absl::StrCat(", kept for ", DurationText(ttl));
  }

  std::string StateText(const PlanOperator& op) const {
    const std::string name = absl::StrCat("state   `", op.name, "`: ");
    if (op.lookup) return name + "the digest of the table";
    if (op.join) return name + "the rows of both sides until nothing can join them";
    if (op.deduplicate) return absl::StrCat(name, "a row per key", Forgotten(op.deduplicate->ttl));
    if (op.top_n) {
      const bool windowed = op.top_n->window != TopNSpec::Window::kNone;
      return absl::StrCat(name, "at most ", op.top_n->limit, " rows per key",
                          op.top_n->ties ? " and their ties" : "",
                          windowed ? ", removed when its window has fired"
                                   : Forgotten(op.top_n->ttl));
    }
    const WindowSpec& window = *op.window;
    if (window.kind == job::Window::Kind::kSession) {
      return name + "one row per key and session, removed when it has fired";
    }
    return absl::StrCat(name, "one row per key and slice of ", DurationText(window.slice),
                        ", removed when its last window has fired");
  }

  std::string Visible(const PlanOperator& op) const {
    const job::Node& node = plan_.node(op);
    const job::ConnectorDescriptor* descriptor = catalog_.Find(node.type);
    const bool commits = descriptor != nullptr && descriptor->CommitsAtCheckpoint(node);
    if (commits && plan_.spec->guarantee == job::Guarantee::kExactlyOnce) {
      return absl::StrCat("visible exactly once, when a checkpoint completes (every ",
                          DurationText(plan_.spec->checkpoint.interval),
                          plan_.bounded ? ", and at the end)" : ")");
    }
    if (commits)
      return "visible at once or at the next checkpoint; may repeat after a failure";
    return "visible at once; may repeat after a failure";
  }

  const ExecutionPlan& plan_;
  const job::ConnectorCatalog& catalog_;
  std::string out_;
};

}  // namespace

std::string Explain(const ExecutionPlan& plan, const job::ConnectorCatalog& catalog) {
  return Explainer(plan, catalog).Run();
}

}  // namespace weir::plan
