#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/diagnostics.h"
#include "common/config/keys.h"
#include "common/job/job_spec.h"

namespace weir::job {

/// A key of a connector beside those that all nodes have (type, input, inputs, parallelism,
/// renamed_from, format, schema, event_time, rate). Values are checked against it before Validate
/// is called; defaults are applied by the connector, not written into the options.
using OptionSpec = config::KeySpec;
using OptionKind = config::KeyKind;

/// What a source or a sink of one connector type takes and is.
struct ConnectorTraits {
  std::vector<OptionSpec> options;
  std::vector<FormatType> formats;  // that `format` may have; empty: the key is refused
  bool takes_schema = false;        // sources: `schema` is required, unless the format is raw
  bool takes_event_time = true;     // sources
  /// Sinks: results become visible when a checkpoint completes (else at once, and may repeat).
  bool commits_at_checkpoint = false;
};

/// Describes a connector to everything that validates and plans; links no client library.
///
/// Thread:  immutable.
/// Errors:  go into Diagnostics with the places that the node and its options carry.
class ConnectorDescriptor {
 public:
  virtual ~ConnectorDescriptor() = default;
  virtual std::string_view type() const = 0;
  /// Null: cannot be a source (sink).
  virtual const ConnectorTraits* source() const { return nullptr; }
  virtual const ConnectorTraits* sink() const { return nullptr; }
  /// Checks what OptionSpec cannot say (combinations, paths). Options of the right kind only.
  virtual void Validate(const Node& node, config::Diagnostics* diagnostics) const {}
  /// Checks what depends on the rest of the job (checkpoint settings, guarantee). Called after Validate found nothing.
  virtual void ValidateInJob(const JobSpec& spec, const Node& node,
                             config::Diagnostics* diagnostics) const {}
  /// A source's columns. The default: `value bytes not null` for the raw format, else the node's
  /// `schema`. Nothing: it could not be told, and the reason is in `diagnostics`.
  virtual std::optional<batch::Schema> OutputSchema(const Node& node,
                                                    config::Diagnostics* diagnostics) const;
  /// A sink's demands on its input (a key column that must be there). The default takes everything.
  virtual void ValidateInput(const Node& node, const batch::Schema& input,
                             config::Diagnostics* diagnostics) const {}
  /// Whether a source ends by itself.
  virtual bool Bounded(const Node& node) const { return true; }
  /// Whether this sink's results become visible when a checkpoint completes (if the job is exactly_once).
  virtual bool CommitsAtCheckpoint(const Node& node) const {
    return sink() != nullptr && sink()->commits_at_checkpoint;
  }
  /// What `explain` shows of the options; never a secret. Empty: nothing.
  virtual std::string Summary(const Node& node) const { return {}; }
};

/// The connectors that a process knows. Filled once at start, then only read.
class ConnectorCatalog {
 public:
  void Add(std::shared_ptr<const ConnectorDescriptor> descriptor);
  /// Null when there is none.
  const ConnectorDescriptor* Find(std::string_view type) const;
  /// Types that can be a source (a sink), sorted.
  std::vector<std::string> Names(NodeKind kind) const;

 private:
  std::map<std::string, std::shared_ptr<const ConnectorDescriptor>, std::less<>> descriptors_;
};

}  // namespace weir::job
