#include "client/cluster/guarded_registry.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/security/secrets.h"

namespace weir::client {
namespace {

using taskmanager::PreflightReport;
using taskmanager::SinkContext;
using taskmanager::SourceContext;

/// `Context` is SourceContext or SinkContext.
template <typename Context>
absl::StatusOr<Context> Prepare(const Guard& guard, Context context) {
  context.roots = guard.roots;
  if (!security::RefersToSecrets(context.node->options)) return context;
  auto node = std::make_shared<job::Node>(*context.node);
  if (absl::Status status = security::ResolveSecrets(guard.secrets_dir, &node->options); !status.ok())
    return Annotate(status, node->name);
  context.node = node.get();
  context.resolved_node = std::move(node);
  return context;
}

/// Wraps a function of a context and, maybe, more.
template <typename Context, typename Result, typename... More>
std::function<Result(const Context&, More...)> Wrap(
    const Guard& guard, std::function<Result(const Context&, More...)> function) {
  if (function == nullptr) return nullptr;
  return [guard, function = std::move(function)](const Context& context, More... more) -> Result {
    ASSIGN_OR_RETURN(const Context prepared, Prepare(guard, context));
    return function(prepared, std::forward<More>(more)...);
  };
}

taskmanager::Preflight WrapPreflight(const Guard& guard, taskmanager::Preflight preflight) {
  return [guard, preflight = std::move(preflight)](const job::JobSpec& spec, const job::Node& node,
                                                   const Clock* clock, SteadyMicros deadline,
                                                   PreflightReport* report) {
    if (!security::RefersToSecrets(node.options)) return preflight(spec, node, clock, deadline, report);
    job::Node resolved = node;
    if (absl::Status status = security::ResolveSecrets(guard.secrets_dir, &resolved.options); !status.ok()) {
      report->hints.push_back(absl::StrCat(node.name, " was not tried out beforehand: ", status.message()));
      return;
    }
    preflight(spec, resolved, clock, deadline, report);
  };
}

void CheckFiles(const security::PathRoots& roots, const job::Node& node, PreflightReport* report) {
  const config::Value* path = node.options.Find("path");
  if (path == nullptr || !path->is_scalar()) return;
  if (absl::Status status = roots.CheckPattern(path->text); !status.ok())
    report->errors.Error(path->location, std::string(status.message()));
}

}  // namespace

taskmanager::ConnectorRegistry Guarded(const taskmanager::ConnectorRegistry& registry, const Guard& guard) {
  taskmanager::ConnectorRegistry guarded = registry;
  for (auto& [type, source] : guarded.sources) {
    source.enumerator = Wrap(guard, std::move(source.enumerator));
    source.reader = Wrap(guard, std::move(source.reader));
    source.tell_end = Wrap(guard, std::move(source.tell_end));
  }
  for (auto& [type, sink] : guarded.sinks) sink = Wrap(guard, std::move(sink));
  guarded.table = Wrap(guard, std::move(guarded.table));
  for (auto& [type, preflight] : guarded.preflights) preflight = WrapPreflight(guard, std::move(preflight));
  if (guard.roots != nullptr && !guarded.preflights.contains("file")) {
    guarded.preflights["file"] = WrapPreflight(
        guard, [roots = guard.roots](const job::JobSpec&, const job::Node& node, const Clock*, SteadyMicros,
                                     PreflightReport* report) { CheckFiles(*roots, node, report); });
  }
  return guarded;
}

}  // namespace weir::client
