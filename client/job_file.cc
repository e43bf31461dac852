#include "client/job_file.h"

#include <filesystem>
#include <utility>

#include "common/base/status_macros.h"
#include "common/config/yaml/document.h"
#include "common/config/yaml/environment.h"
#include "common/job/proto/job_proto.h"
#include "common/job/yaml/job_reader.h"

namespace weir::client {
namespace {

void MakePathsAbsolute(job::JobSpec* spec) {
  for (job::Node& node : spec->nodes) {
    if (node.type != "file") continue;
    for (config::MapEntry& entry : node.options.entries) {
      if (entry.key != "path" || entry.value.kind != config::Value::Kind::kString ||
          entry.value.text.empty())
        continue;
      std::error_code error;
      std::filesystem::path absolute = std::filesystem::absolute(entry.value.text, error);
      if (!error) entry.value.text = absolute.lexically_normal().string();
    }
  }
}

}  // namespace

absl::StatusOr<JobFile> LoadJobFile(const std::string& path, int parallelism,
                                    const job::ConnectorCatalog& catalog) {
  JobFile file;
  file.path = path;
  ASSIGN_OR_RETURN(file.text, config::ReadTextFile(path));
  std::optional<job::JobSpec> spec =
      job::ReadJob(file.text, config::ProcessEnvironment(), catalog, &file.diagnostics);
  if (spec) {
    if (parallelism > 0) spec->parallelism = parallelism;
    MakePathsAbsolute(&*spec);
    auto shared = std::make_shared<const job::JobSpec>(std::move(*spec));
    file.plan = plan::MakePlan(shared, catalog, &file.diagnostics);
    file.spec = std::move(shared);
  }
  if (!file.diagnostics.ok()) {
    file.spec = nullptr;
    file.plan = nullptr;
    file.diagnostics.Sort();
  }
  return file;
}

std::string Serialize(const JobFile& file) { return job::Serialize(*file.spec); }

JobEnds EndsOf(const JobFile& file) {
  JobEnds ends;
  for (const job::Node& node : file.spec->nodes) {
    if (node.kind == job::NodeKind::kSource) ends.sources.insert(node.name);
    if (node.kind == job::NodeKind::kSink) ends.sinks.insert(node.name);
  }
  return ends;
}

std::string RenderDiagnostics(const JobFile& file) {
  return config::Render(file.path, file.text, file.diagnostics);
}

}  // namespace weir::client
