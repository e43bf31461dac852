#include <cstdio>
#include <string_view>

#include "client/exit_code.h"
#include "client/job_file.h"
#include "client/terminal/json_writer.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"
#include "common/config/yaml/document.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::client {
namespace {

constexpr SteadyMicros kLiveMicros = 10'000'000;

std::string LintJson(const JobFile& file) {
  JsonWriter json;
  json.BeginObject().Key("file").String(file.path).Key("valid").Bool(file.diagnostics.ok());
  json.Key("errors").BeginArray();
  for (const config::Diagnostic& error : file.diagnostics.errors()) {
    const config::Location place = config::PlaceInScalar(file.text, error.location, error.offset);
    json.BeginObject().Key("line").Int(place.line).Key("column").Int(place.column);
    json.Key("message").String(error.message).EndObject();
  }
  json.EndArray().EndObject();
  return json.text();
}

}  // namespace

int ReportDiagnostics(const Context& context, const JobFile& file) {
  *context.err << RenderDiagnostics(file);
  const size_t count = file.diagnostics.errors().size();
  *context.err << count << (count == 1 ? " error\n" : " errors\n");
  return kExitInvalidConfig;
}

int FailSubmit(const Context& context, const JobFile& file, const absl::Status& status) {
  std::string_view rest(status.message().data(), status.message().size());
  if (!absl::IsFailedPrecondition(status) || !rest.starts_with(taskmanager::kPreflightRefusal)) {
    return Fail(context, status);
  }
  JobFile said;
  said.path = file.path;
  said.text = file.text;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    rest.remove_prefix(end + 1);
    const std::string line(rest.substr(0, rest.find('\n')));
    int row = 0, column = 0, length = 0;
    if (std::sscanf(line.c_str(), "%d:%d: %n", &row, &column, &length) < 2 || length == 0) {
      said.diagnostics.Error({}, line);
    } else {
      said.diagnostics.Error({row, column}, line.substr(static_cast<size_t>(length)));
    }
  }
  *context.err << RenderDiagnostics(said);
  PrintError(context, "refused: the systems outside do not allow this job");
  return kExitRefused;
}

int Lint(const Context& context, const Arguments& arguments, const job::ConnectorCatalog& catalog,
         const taskmanager::ConnectorRegistry& connectors) {
  absl::StatusOr<JobFile> file = LoadJobFile(arguments.job_file, 0, catalog);
  if (!file.ok()) return Fail(context, file.status());
  if (arguments.live && file->diagnostics.ok()) {
    auto report = taskmanager::RunPreflight(*file->spec, connectors, context.clock, kLiveMicros);
    file->diagnostics = std::move(report.errors);
    for (const std::string& hint : report.hints) *context.err << "hint: " << hint << "\n";
  }
  if (arguments.json) *context.out << LintJson(*file) << "\n";
  if (!file->diagnostics.ok()) return ReportDiagnostics(context, *file);
  if (!arguments.json) *context.out << arguments.job_file << ": no mistakes found\n";
  return kExitDone;
}

int Explain(const Context& context, const Arguments& arguments,
            const job::ConnectorCatalog& catalog) {
  absl::StatusOr<JobFile> file = LoadJobFile(arguments.job_file, arguments.parallelism, catalog);
  if (!file.ok()) return Fail(context, file.status());
  if (!file->diagnostics.ok()) return ReportDiagnostics(context, *file);
  const plan::ExecutionPlan& plan = *file->plan;
  const std::string text = plan::Explain(plan, catalog);
  if (!arguments.json) {
    *context.out << text;
    return kExitDone;
  }
  JsonWriter json;
  json.BeginObject()
      .Key("name")
      .String(plan.spec->name)
      .Key("guarantee")
      .String(ToString(plan.spec->guarantee));
  json.Key("slots").Int(plan.slots).Key("bounded").Bool(plan.bounded).Key("tasks").BeginArray();
  for (const plan::Task& task : plan.tasks) {
    json.BeginObject().Key("name").String(task.name).Key("parallelism").Int(task.parallelism);
    json.Key("operators").BeginArray();
    for (const plan::PlanOperator& op : task.operators) {
      json.BeginObject().Key("name").String(op.name).Key("kind").String(plan::ToString(op.kind));
      json.Key("stateful").Bool(op.stateful).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().Key("exchanges").BeginArray();
  for (const plan::Edge& edge : plan.edges) {
    json.BeginObject().Key("from").String(plan.tasks[edge.from_task].name).Key("to");
    json.String(plan.tasks[edge.to_task].name)
        .Key("kind")
        .String(plan::ToString(edge.kind))
        .EndObject();
  }
  json.EndArray().Key("text").String(text).EndObject();
  *context.out << json.text() << "\n";
  return kExitDone;
}

}  // namespace weir::client
