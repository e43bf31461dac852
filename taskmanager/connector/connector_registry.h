#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "taskmanager/connector/bounded_table.h"
#include "taskmanager/connector/preflight.h"
#include "taskmanager/connector/source_reader.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager {

/// The code behind connector types: what the TaskManager runs. (What a job file may say of them is in
/// job::ConnectorCatalog, which needs no client library.) Filled once at start, then only read: thread-safe.
struct ConnectorRegistry {
  struct SourceFactory {
    std::function<absl::StatusOr<std::unique_ptr<SplitEnumerator>>(const SourceContext&)> enumerator;
    std::function<absl::StatusOr<std::unique_ptr<SourceReader>>(const SourceContext&)> reader;
    /// Tells the system outside how far a job that has ended got; null: nobody is told. Failing is a warning.
    std::function<absl::Status(const SourceContext&, const std::vector<SplitPosition>&)> tell_end = nullptr;
  };
  using SinkFactory = std::function<absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>>(const SinkContext&)>;

  /// Reads the bounded table of a node (lookup_join), whose rows have the context's schema. Blocks.
  using TableReader = std::function<absl::StatusOr<BoundedTable>(const SourceContext&)>;

  std::map<std::string, SourceFactory> sources;
  std::map<std::string, SinkFactory> sinks;
  TableReader table;  // null: there are no tables
  std::map<std::string, Preflight> preflights;  // of types whose system outside can be asked
};

}  // namespace weir::taskmanager
