#include "client/await.h"
#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"

namespace weir::client {

int Cluster(const Context& context, const Arguments& arguments) {
  using jobmanager::ClusterInfo;
  absl::StatusOr<ClusterInfo> cluster = Await<ClusterInfo>(
      [&](jobmanager::Done<ClusterInfo> done) { context.api->Cluster(std::move(done)); }, kAnswerMs,
      context.interrupts);
  if (!cluster.ok()) return Fail(context, cluster.status());
  if (arguments.json) {
    *context.out << ClusterJson(*cluster) << "\n";
    return kExitDone;
  }
  *context.out << "slots               " << cluster->slots << ", " << cluster->free_slots
               << " free\n"
               << "checkpoint storage  " << cluster->checkpoint_storage << "\n"
               << "build               " << cluster->build_id << "\n";
  if (cluster->taskmanagers.empty()) {
    *context.out << "no TaskManagers\n";
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& taskmanager : cluster->taskmanagers) {
    rows.push_back({taskmanager.name, taskmanager.address, taskmanager.state,
                    std::to_string(taskmanager.slots), std::to_string(taskmanager.free_slots),
                    FormatDuration(taskmanager.silent_ms) + " ago"});
  }
  *context.out << "\n"
               << FormatTable({"TASKMANAGER", "ADDRESS", "STATE", "SLOTS", "FREE", "LAST HEARD"},
                              rows);
  return kExitDone;
}

}  // namespace weir::client
