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

/// The lines of a file are shown beside what is wrong in them: the values of keys that end in `password` become stars, as
/// many as they have bytes, so that carets stay where they belong.
std::string WithoutPasswords(std::string text) {
  constexpr std::string_view kKey = "password";
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at)) {
    at += kKey.size();
    while (at < text.size() && (text[at] == '"' || text[at] == '\'' || text[at] == ' ')) ++at;
    if (at >= text.size() || text[at] != ':') continue;
    ++at;
    while (at < text.size() && text[at] == ' ') ++at;
    const char quote = at < text.size() && (text[at] == '"' || text[at] == '\'') ? text[at++] : '\0';
    const std::string_view ends = quote == '"' ? "\"\n" : quote == '\'' ? "'\n" : ",}\n";
    while (at < text.size() && ends.find(text[at]) == std::string_view::npos) text[at++] = '*';
  }
  return text;
}

void MakePathsAbsolute(job::JobSpec* spec) {
  for (job::Node& node : spec->nodes) {
    if (node.type != "file") continue;
    for (config::MapEntry& entry : node.options.entries) {
      if (entry.key != "path" || entry.value.kind != config::Value::Kind::kString ||
          entry.value.text.empty() || entry.value.text.starts_with("${secret:"))
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
  return config::Render(file.path, WithoutPasswords(file.text), file.diagnostics);
}

}  // namespace weir::client
