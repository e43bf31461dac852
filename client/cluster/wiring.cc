#include "client/cluster/wiring.h"

#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/log/log.h"
#include "common/checkpoint/file/file_storage.h"
#include "common/job/proto/job_proto.h"
#include "taskmanager/state/state_factory.h"

namespace weir::client {
namespace {
constexpr SteadyMicros kPreflightMicros = 10'000'000;
}  // namespace

std::function<absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>>(const std::string& spec)>
Compiler(const job::ConnectorCatalog* catalog) {
  return
      [catalog](
          const std::string& bytes) -> absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>> {
        ASSIGN_OR_RETURN(job::JobSpec spec, job::Deserialize(bytes));
        return plan::MakePlan(std::make_shared<const job::JobSpec>(std::move(spec)), *catalog);
      };
}

std::function<absl::Status(const job::JobSpec& spec)> PreflightBy(
    const taskmanager::ConnectorRegistry* registry, const Clock* clock) {
  return [registry, clock](const job::JobSpec& spec) {
    const auto report = taskmanager::RunPreflight(spec, *registry, clock, kPreflightMicros);
    for (const std::string& hint : report.hints) log::Warning(hint, {{"job", spec.name}});
    return taskmanager::RefusalOf(report);
  };
}

absl::StatusOr<std::shared_ptr<checkpoint::Storage>> OpenStorage(const std::string& uri,
                                                                 bool create) {
  ASSIGN_OR_RETURN(std::unique_ptr<checkpoint::Storage> storage,
                   checkpoint::OpenFileStorage(uri, create ? checkpoint::RootFolder::kCreate
                                                           : checkpoint::RootFolder::kMustExist));
  return std::shared_ptr<checkpoint::Storage>(std::move(storage));
}

std::function<absl::StatusOr<std::shared_ptr<checkpoint::Storage>>(const std::string& uri, bool create)>
StorageWithin(const std::shared_ptr<const security::PathRoots>& roots, const std::string& own) {
  if (roots == nullptr) return OpenStorage;
  auto path_of = [](const std::string& uri) {
    constexpr std::string_view kScheme = "file://";
    return uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : uri;
  };
  return [allowed = roots->With(path_of(own)), path_of](
             const std::string& uri, bool create) -> absl::StatusOr<std::shared_ptr<checkpoint::Storage>> {
    RETURN_IF_ERROR(Annotate(allowed.Check(path_of(uri)), "checkpoint storage"));
    return OpenStorage(uri, create);
  };
}

taskmanager::TaskManagerParts CommonParts(const Clock* clock, const job::ConnectorCatalog* catalog,
                                          const taskmanager::ConnectorRegistry* registry) {
  taskmanager::TaskManagerParts parts;
  parts.clock = clock;
  parts.connectors = registry;
  parts.compile = Compiler(catalog);
  parts.open_state = [](const taskmanager::KeyedStateOptions& options,
                        std::shared_ptr<checkpoint::Storage> storage,
                        const std::vector<checkpoint::KeyedSnapshot>& restored) {
    return taskmanager::OpenKeyedState(options, std::move(storage), restored);
  };
  parts.open_storage = [](const std::string& uri) { return OpenStorage(uri, false); };
  return parts;
}

}  // namespace weir::client
