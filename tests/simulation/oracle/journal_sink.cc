#include "tests/simulation/oracle/journal_sink.h"

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "tests/simulation/bugs/wrapped_ports.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {
namespace {

class NotingSink final : public WrappedSink {
 public:
  NotingSink(std::unique_ptr<TwoPhaseCommitSink> inner, const taskmanager::SinkContext& context, Journal* journal)
      : WrappedSink(std::move(inner), context), journal_(journal) {}
  absl::Status Commit(const std::string& handle) override {
    Note(handle);
    return WrappedSink::Commit(handle);
  }
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) override {
    for (const checkpoint::SinkHandle& handle : handles) Note(handle.bytes);
    return WrappedSink::ResolveAll(handles);
  }

 private:
  void Note(const std::string& bytes) {
    const auto handle = taskmanager::kafka::DecodeHandle(bytes);
    if (!handle.ok()) return;
    const auto id = taskmanager::kafka::ParseTransactionalId(handle->transactional_id);
    if (!id.ok()) return;
    journal_->commits.push_back({TheSimulation().Now(), id->job, handle->checkpoint, handle->transactional_id});
  }
  Journal* const journal_;
};

}  // namespace

void NoteCommits(taskmanager::ConnectorRegistry* registry, Journal* journal) {
  auto& factory = registry->sinks.at("kafka");
  factory = [inner = factory, journal](const taskmanager::SinkContext& context)
      -> absl::StatusOr<std::unique_ptr<taskmanager::TwoPhaseCommitSink>> {
    ASSIGN_OR_RETURN(std::unique_ptr<taskmanager::TwoPhaseCommitSink> made, inner(context));
    return std::make_unique<NotingSink>(std::move(made), context, journal);
  };
}

}  // namespace weir::sim
