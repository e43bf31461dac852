#include "taskmanager/connector/kafka/sink/sink_recovery.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/transaction/marker_groups.h"
#include "taskmanager/connector/kafka/transaction/repair_producer.h"
#include "taskmanager/connector/kafka/transaction/resolver.h"
#include "taskmanager/connector/kafka/transaction/sweeper.h"

namespace weir::taskmanager::kafka {
namespace {

std::function<void(const std::string&)> LogOf(const SinkServices& services) {
  return [job = services.context.job_name, name = services.name()](const std::string& line) {
    log::Info(absl::StrCat(name, ": ", line), {{"job", job}});
  };
}

}  // namespace

absl::Status SinkRecovery::ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) {
  if (handles.empty()) return absl::OkStatus();
  const SinkContext& context = services_->context;
  std::vector<std::string> all;
  std::map<std::pair<std::string, CheckpointId>, checkpoint::FileRef> files;
  for (const checkpoint::SinkHandle& handle : handles) {
    all.push_back(handle.bytes);
    if (handle.files.empty()) continue;
    ASSIGN_OR_RETURN(const KafkaHandle decoded, DecodeHandle(handle.bytes));
    files[{decoded.transactional_id, decoded.checkpoint}] = handle.files.front();
  }
  const std::unique_ptr<LogReader> log = services_->cluster.make_log_reader();
  RecoveryPorts ports;
  ports.coordinator = services_->cluster.coordinator.get();
  ports.log = log.get();
  ports.repair_producer = MakeRepairProducerFactory(services_->cluster.make_producer, services_->producer_options());
  ports.read_wal_file = [&files, &context](const KafkaHandle& handle) -> absl::StatusOr<std::string> {
    const auto file = files.find({handle.transactional_id, handle.checkpoint});
    if (file == files.end() || context.storage == nullptr) {
      return absl::DataLossError(absl::StrCat("the checkpoint has no file of the records of transaction ",
                                              handle.transactional_id));
    }
    return context.storage->Read(file->second);
  };
  ports.offset_retention_ms = services_->cluster.offset_retention_ms;
  ports.clock = context.clock;

  Resolver::Options options;
  options.job = context.job;
  options.attempt = context.attempt;
  options.unresolved = context.unresolved;
  options.log = LogOf(*services_);
  Resolver resolver(std::move(options), std::move(ports));
  const absl::Status status = resolver.ResolveAll(all);
  repairs_ += resolver.counts().repaired;
  return status;
}

absl::Status SinkRecovery::Sweep() {
  const SinkContext& context = services_->context;
  Sweeper::Options options;
  options.job = context.job;
  options.attempt = context.attempt;
  options.sink = context.node->name;
  options.former_job = context.former_job;
  options.former_sink = context.node->renamed_from.empty() ? context.node->name : context.node->renamed_from;
  options.log = LogOf(*services_);
  Sweeper sweeper(std::move(options), services_->cluster.coordinator.get(), context.clock);
  return sweeper.Sweep({}).status();
}

absl::Status SinkRecovery::Forget(Attempt below) {
  if (!services_->cluster.make_marker_groups) return absl::OkStatus();
  const SinkContext& context = services_->context;
  const std::unique_ptr<MarkerGroups> groups = services_->cluster.make_marker_groups();
  MarkerCleaner cleaner({context.job, context.attempt, context.node->name, below}, groups.get(), context.clock);
  ASSIGN_OR_RETURN(const int64_t deleted, cleaner.Clean());
  if (deleted > 0) LogOf(*services_)(absl::StrCat("deleted ", deleted, " marker groups of older attempts"));
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka
