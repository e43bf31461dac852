#include "jobmanager/job/restore_check.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::jobmanager {

void ApplyRenames(const plan::ExecutionPlan& plan, checkpoint::Manifest* manifest) {
  // Operators that were made for a node carry its name as a prefix (`node.local`).
  std::map<std::string, std::string> renames;
  for (const plan::Task& task : plan.tasks) {
    for (const plan::PlanOperator& op : task.operators) {
      const job::Node& node = plan.node(op);
      if (node.renamed_from.empty()) continue;
      renames[node.renamed_from] = node.name;
      renames[node.renamed_from + op.name.substr(node.name.size())] = op.name;
    }
  }
  auto rename = [&](std::string* name) {
    if (auto it = renames.find(*name); it != renames.end()) *name = it->second;
  };
  for (auto& [name, layout] : manifest->state_layouts) rename(&name);
  for (auto& source : manifest->sources) rename(&source.node);
  for (auto& subtask : manifest->subtasks) {
    for (auto& op : subtask.operators) rename(&op.node);
  }
}

absl::Status CheckRestore(const plan::ExecutionPlan& plan, const checkpoint::Manifest& manifest) {
  std::vector<std::string> wrong;
  if (manifest.max_parallelism != plan.max_parallelism) {
    wrong.push_back(absl::StrCat("max_parallelism is ", manifest.max_parallelism,
                                 " in the checkpoint and ", plan.max_parallelism,
                                 " in the job: it is fixed once state exists"));
  }
  for (const auto& [name, layout] : manifest.state_layouts) {
    const plan::PlanOperator* op = plan.Find(name);
    if (op == nullptr || !op->stateful) {
      wrong.push_back(absl::StrCat(
          "the checkpoint has state of `", name,
          "`, the job has no such stateful operator (renamed? say `renamed_from: ", name, "`)"));
    } else if (op->state_layout != layout) {
      wrong.push_back(absl::StrCat("the state of `", name, "` was [", layout, "] and would be [",
                                   op->state_layout,
                                   "]: undo the change, or give the operator a new name and let it "
                                   "start empty from another checkpoint"));
    }
  }
  std::set<std::string> sources;
  for (const auto& source : manifest.sources) {
    sources.insert(source.node);
    const plan::PlanOperator* op = plan.Find(source.node);
    if (op == nullptr || op->kind != plan::OperatorKind::kSource) {
      wrong.push_back(absl::StrCat(
          "the checkpoint has positions of source `", source.node,
          "`, the job has no such source (renamed? say `renamed_from: ", source.node, "`)"));
    }
  }
  for (const plan::Task& task : plan.tasks) {
    for (const plan::PlanOperator& op : task.operators) {
      if (op.kind == plan::OperatorKind::kSource && !sources.contains(op.name)) {
        wrong.push_back(absl::StrCat(
            "source `", op.name, "` is not in the checkpoint: a new source starts with a new job"));
      }
    }
  }
  std::set<std::string> refused;
  for (const auto& subtask : manifest.subtasks) {
    for (const auto& snapshot : subtask.operators) {
      for (const auto& handle : snapshot.handles) {
        const plan::PlanOperator* op = plan.Find(snapshot.node);
        const bool fits = op != nullptr && op->kind == plan::OperatorKind::kSink &&
                          plan.node(*op).type == handle.connector;
        if (!fits && refused.insert(snapshot.node).second) {
          wrong.push_back(absl::StrCat(
              "the checkpoint has unfinished transactions of ", handle.connector, " sink `",
              snapshot.node, "`, the job has no such sink: start from a savepoint instead"));
        }
      }
    }
  }
  if (wrong.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(wrong, "; "));
}

}  // namespace weir::jobmanager
