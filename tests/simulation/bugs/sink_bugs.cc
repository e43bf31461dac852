#include "tests/simulation/bugs/sink_bugs.h"

#include <charconv>
#include <map>
#include <set>

#include "common/base/status_macros.h"
#include "common/fs/file_system.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "tests/simulation/bugs/wrapped_ports.h"
#include "tests/simulation/scheduler/simulation.h"
#include "tests/simulation/workload/source.h"

namespace weir::sim {
namespace {

using taskmanager::ConnectorRegistry;
using taskmanager::SinkContext;
using taskmanager::SourceContext;
using taskmanager::TwoPhaseCommitSink;

/// `Sink` around every sink of a TaskManager.
template <typename Sink>
Wrappers AroundSinks() {
  Wrappers wrappers;
  wrappers.connectors = [](ConnectorRegistry* registry) {
    for (auto& [type, factory] : registry->sinks) {
      factory = [inner = factory](const SinkContext& context) -> absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> {
        ASSIGN_OR_RETURN(std::unique_ptr<TwoPhaseCommitSink> made, inner(context));
        return std::make_unique<Sink>(std::move(made), context);
      };
    }
  };
  return wrappers;
}

template <typename Coordinator>
Wrappers AroundCoordinators() {
  Wrappers wrappers;
  wrappers.coordinator = [](auto inner) { return std::make_unique<Coordinator>(std::move(inner)); };
  return wrappers;
}

class SkippingSink final : public WrappedSink {
 public:
  using WrappedSink::WrappedSink;
  absl::Status Resolve(const std::string&) override { return absl::OkStatus(); }
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>&) override { return absl::OkStatus(); }
};

class SweeplessSink final : public WrappedSink {
 public:
  using WrappedSink::WrappedSink;
  absl::Status Sweep() override { return absl::OkStatus(); }
};

class HastySink final : public WrappedSink {
 public:
  using WrappedSink::WrappedSink;
  absl::Status Open() override {
    // Its own share is resolved when it is opened; nobody knows of the others'.
    if (context().subtask == 0) RETURN_IF_ERROR(Sweep());
    return WrappedSink::Open();
  }
};

class ZombieSink final : public WrappedSink {
 public:
  using WrappedSink::WrappedSink;
  absl::Status Write(const batch::Batch& batch) override {
    if (connector() == "file" && context().subtask == 0 && ++writes_ % kWritesPerSweep == 0) SweepOthers();
    return WrappedSink::Write(batch);
  }

 private:
  static constexpr int kWritesPerSweep = 8;
  void SweepOthers() {
    const std::string folder = taskmanager::file::PathOf(*context().node);
    const auto entries = fs::Default().List(folder);
    if (!entries.ok()) return;
    const std::string ours = ".part-" + context().job.value + "-";
    for (const fs::Entry& entry : entries.value) {
      if (entry.name.compare(0, ours.size(), ours) != 0) continue;
      const size_t at = entry.name.find('-', ours.size());
      int64_t attempt = 0;
      if (at == std::string::npos) continue;
      std::from_chars(entry.name.data() + at + 1, entry.name.data() + entry.name.size(), attempt);
      if (attempt != context().attempt.value) (void)fs::Default().Unlink(folder + "/" + entry.name);
    }
  }
  int writes_ = 0;
};

/// Looks again where the log ends, unless it was told a position.
class ForgetfulReader final : public taskmanager::SourceReader {
 public:
  ForgetfulReader(std::unique_ptr<SourceReader> inner, const SourceContext& context)
      : inner_(std::move(inner)), context_(context) {}
  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override {
    int64_t start = 0, end = 0;
    checkpoint::SourceSplits::Split anew = split;
    const job::Value* from = context_.node->options.Find("start");
    if (position.empty() && from != nullptr && from->text == "latest" &&
        DecodeSimulatedSplit(split.payload, &start, &end)) {
      const int64_t now =
          SourceLog::End(context_.node->options.Find("per_second")->integer, TheSimulation().Now());
      anew.payload = EncodeSimulatedSplit(now, end < 0 ? end : end + now - start);
    }
    return inner_->AddSplit(index, anew, position);
  }
  absl::StatusOr<taskmanager::ReadResult> Read(int64_t max_rows) override { return inner_->Read(max_rows); }
  std::string Position(int32_t index) const override { return inner_->Position(index); }
  void OnSnapshot(CheckpointId checkpoint) override { inner_->OnSnapshot(checkpoint); }

 private:
  const std::unique_ptr<SourceReader> inner_;
  const SourceContext context_;
};

class AskingCoordinator final : public WrappedCoordinator {
 public:
  using WrappedCoordinator::WrappedCoordinator;
  absl::StatusOr<EndOutcome> Commit(const std::string& id, const Identity& identity, int64_t deadline) override {
    const auto now = Describe(id, deadline);
    return WrappedCoordinator::Commit(id, now.ok() && *now ? (*now)->identity : identity, deadline);
  }
};

class RememberingCoordinator final : public WrappedCoordinator {
 public:
  using WrappedCoordinator::WrappedCoordinator;
  absl::StatusOr<EndOutcome> Commit(const std::string& id, const Identity& identity, int64_t deadline) override {
    const auto ended = WrappedCoordinator::Commit(id, identity, deadline);
    if (!ended.ok()) return ended;
    return EndOutcome::kCommitted;  // who is refused must have been here before
  }
  absl::StatusOr<std::optional<Description>> Describe(const std::string& id, int64_t deadline) override {
    auto described = WrappedCoordinator::Describe(id, deadline);
    if (!described.ok() || !*described) return described;
    (*described)->identity.producer_id =
        producer_ids_.emplace(id, (*described)->identity.producer_id).first->second;
    return described;
  }

 private:
  std::map<std::string, int64_t> producer_ids_;
};

class BlindCoordinator final : public WrappedCoordinator {
 public:
  using WrappedCoordinator::WrappedCoordinator;
  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string&, const std::string&, int32_t, bool,
                                                   int64_t) override {
    return std::optional<Marker>();
  }
};

class OnceCoordinator final : public WrappedCoordinator {
 public:
  using WrappedCoordinator::WrappedCoordinator;
  absl::StatusOr<Identity> Fence(const std::string& id, int64_t timeout_ms, int64_t deadline) override {
    // Time in which another one's commit may come, which is what the second look is for.
    TheSimulation().AwaitBetween(0, kSlowFence);
    return WrappedCoordinator::Fence(id, timeout_ms, deadline);
  }
  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& id, const std::string& topic, int32_t partition,
                                                   bool stable, int64_t deadline) override {
    const auto known = read_.find(id);
    if (known != read_.end()) return known->second;
    auto marker = WrappedCoordinator::ReadMarker(id, topic, partition, stable, deadline);
    if (marker.ok()) read_[id] = *marker;
    return marker;
  }

 private:
  static constexpr SteadyMicros kSlowFence = 3'000'000;
  std::map<std::string, std::optional<Marker>> read_;
};

}  // namespace

Wrappers CommitSkippedAfterRecovery() { return AroundSinks<SkippingSink>(); }
Wrappers LeftoversNotSwept() { return AroundSinks<SweeplessSink>(); }
Wrappers SweptBeforeAllResolved() { return AroundSinks<HastySink>(); }
Wrappers UnfencedZombie() { return AroundSinks<ZombieSink>(); }
Wrappers IdentityReadAgain() { return AroundCoordinators<AskingCoordinator>(); }
Wrappers ProducerIdRemembered() { return AroundCoordinators<RememberingCoordinator>(); }
Wrappers MarkerNotChecked() { return AroundCoordinators<BlindCoordinator>(); }
Wrappers MarkerReadOnce() { return AroundCoordinators<OnceCoordinator>(); }

Wrappers LatestResolvedTwice() {
  Wrappers wrappers;
  wrappers.connectors = [](ConnectorRegistry* registry) {
    auto& reader = registry->sources.at("simulated").reader;
    reader = [inner = reader](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<taskmanager::SourceReader>> {
      ASSIGN_OR_RETURN(std::unique_ptr<taskmanager::SourceReader> made, inner(context));
      return std::make_unique<ForgetfulReader>(std::move(made), context);
    };
  };
  return wrappers;
}

Wrappers EpochReused() {
  Wrappers wrappers;
  wrappers.kafka = [](SimulatedKafka* kafka) {
    kafka->cluster().transactions().options().raises_epochs = false;
  };
  return wrappers;
}

}  // namespace weir::sim
