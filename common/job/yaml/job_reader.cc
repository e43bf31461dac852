#include "common/job/yaml/job_reader.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/yaml/document.h"
#include "common/job/job_keys.h"
#include "common/job/yaml/node_reader.h"

namespace weir::job {
namespace {

using config::MapEntry;
using config::Section;

class JobReader {
 public:
  JobReader(const Value& root, const ConnectorCatalog& catalog, config::Diagnostics* diagnostics)
      : root_(root), catalog_(catalog), diagnostics_(diagnostics) {}

  JobSpec Read() {
    Section top(&root_, JobKeys(), "the job", root_.location, diagnostics_);
    top.Check();
    spec_.version = static_cast<int32_t>(top.Int("version"));
    if (const Value* version = top.Find("version"); spec_.version != JobSpec::kVersion) {
      if (version != nullptr && version->kind == Value::Kind::kInt) {
        diagnostics_->Error(version->location,
                            absl::StrCat("`version` must be 1, not ", version->integer));
      }
      spec_.version = JobSpec::kVersion;
    }
    spec_.name = top.String("name");
    const Value* name = top.Find("name");
    spec_.name_location = name != nullptr ? name->location : root_.location;
    spec_.max_parallelism = static_cast<int32_t>(top.Int("max_parallelism"));
    spec_.parallelism = BoundedParallelism(top);
    ReadGuarantee(top);
    ReadCheckpoint(top.Find("checkpoint"));
    ReadRestart(top.Find("restart"));
    Section state(top.Find("state"), StateKeys(), "`state`", PlaceOf(top.Find("state")),
                  diagnostics_);
    if (IsMapOrAbsent(top.Find("state"))) {
      state.Check();
      spec_.backend = static_cast<StateBackend>(state.Choice("backend"));
    }
    ReadNodes(top.Find("sources"), NodeKind::kSource);
    ReadNodes(top.Find("operators"), NodeKind::kOperator);
    ReadNodes(top.Find("sinks"), NodeKind::kSink);
    return std::move(spec_);
  }

 private:
  static Location PlaceOf(const Value* value) {
    return value == nullptr ? Location{} : value->location;
  }
  static bool IsMapOrAbsent(const Value* value) { return value == nullptr || value->is_map(); }

  /// Above the maximum: reported here, where the place is known, and cut so that it is not reported
  /// again.
  int32_t BoundedParallelism(const Section& section) {
    const auto parallelism = static_cast<int32_t>(section.Int("parallelism"));
    if (parallelism <= spec_.max_parallelism) return parallelism;
    diagnostics_->Error(PlaceOf(section.Find("parallelism")),
                        absl::StrCat("parallelism ", parallelism, " is above max_parallelism ",
                                     spec_.max_parallelism));
    return spec_.max_parallelism;
  }

  void ReadGuarantee(const Section& top) {
    spec_.guarantee = static_cast<Guarantee>(top.Choice("guarantee"));
    if (spec_.guarantee != Guarantee::kAtMostOnce) return;
    diagnostics_->Error(PlaceOf(top.Find("guarantee")),
                        "guarantee at_most_once is not supported yet");
    spec_.guarantee = Guarantee::kExactlyOnce;
  }

  void ReadCheckpoint(const Value* value) {
    if (!IsMapOrAbsent(value)) return;
    Section section(value, CheckpointKeys(), "`checkpoint`", PlaceOf(value), diagnostics_);
    section.Check();
    CheckpointSettings& c = spec_.checkpoint;
    c.interval = section.Duration("interval");
    c.timeout = section.Duration("timeout");
    c.min_pause = section.Duration("min_pause");
    c.max_concurrent = static_cast<int32_t>(section.Int("max_concurrent"));
    c.tolerable_failures = static_cast<int32_t>(section.Int("tolerable_failures"));
    c.keep = static_cast<int32_t>(section.Int("keep"));
    c.storage = section.String("storage");
    if (!c.storage.empty() && !absl::StartsWith(c.storage, "file:///")) {
      const bool other =
          c.storage.find("://") != std::string::npos && !absl::StartsWith(c.storage, "file:");
      diagnostics_->Error(
          PlaceOf(section.Find("storage")),
          other ? absl::StrCat("checkpoint storage `", c.storage,
                               "` is not supported yet: only file:///FOLDER")
                : absl::StrCat("`storage` must be file:///FOLDER, not `", c.storage, "`"));
      c.storage.clear();
    }
  }

  void ReadRestart(const Value* value) {
    if (!IsMapOrAbsent(value)) return;
    Section section(value, RestartKeys(), "`restart`", PlaceOf(value), diagnostics_);
    section.Check();
    RestartSettings& r = spec_.restart;
    r.strategy = static_cast<RestartStrategy>(section.Choice("strategy"));
    r.initial_delay = section.Duration("initial_delay");
    r.max_delay = section.Duration("max_delay");
    r.max_attempts = static_cast<int32_t>(section.Int("max_attempts"));
    if (r.initial_delay <= r.max_delay) return;
    // The default of one must not make the other wrong.
    if (section.Has("initial_delay") && section.Has("max_delay")) {
      diagnostics_->Error(PlaceOf(section.Find("max_delay")),
                          "`max_delay` must not be below `initial_delay`");
    }
    r.max_delay = r.initial_delay;
  }

  void ReadNodes(const Value* section, NodeKind kind) {
    if (section == nullptr || !section->is_map()) return;
    NodeReader reader(kind, catalog_, diagnostics_);
    for (const MapEntry& entry : section->entries) {
      if (const Node* other = spec_.Find(entry.key)) {
        diagnostics_->Error(entry.key_location,
                            absl::StrCat("two nodes are called `", entry.key,
                                         "` (the first is the ", std::string(ToString(other->kind)),
                                         " in line ", other->location.line, ")"));
        continue;
      }
      Node node = reader.Read(entry);
      if (node.parallelism && *node.parallelism > spec_.max_parallelism) {
        diagnostics_->Error(PlaceOf(entry.value.Find("parallelism")),
                            absl::StrCat("parallelism ", *node.parallelism,
                                         " is above max_parallelism ", spec_.max_parallelism));
        node.parallelism = spec_.max_parallelism;
      }
      spec_.nodes.push_back(std::move(node));
    }
  }

  const Value& root_;
  const ConnectorCatalog& catalog_;
  config::Diagnostics* diagnostics_;
  JobSpec spec_;
};

}  // namespace

std::optional<JobSpec> ReadJob(std::string_view yaml, const config::Environment& environment,
                               const ConnectorCatalog& catalog, config::Diagnostics* diagnostics) {
  std::optional<Value> root = config::ParseYaml(yaml, diagnostics);
  if (!root) return std::nullopt;
  if (!root->is_map()) {
    diagnostics->Error(root->location.line > 0 ? root->location : Location{1, 1},
                       absl::StrCat("a job file is a map of keys, not ",
                                    std::string(config::Describe(root->kind))));
    return std::nullopt;
  }
  config::ExpandEnvironment(environment, &*root, diagnostics);
  return JobReader(*root, catalog, diagnostics).Read();
}

}  // namespace weir::job
