#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/diagnostics.h"
#include "common/config/keys.h"
#include "common/job/connector_descriptor.h"
#include "common/job/job_spec.h"

namespace weir::job {

Text TextOf(const Value& value);

/// Reads one entry of `sources`, `operators` or `sinks`. What is wrong is reported and left at its
/// default. Thread: confined.
class NodeReader {
 public:
  NodeReader(NodeKind kind, const ConnectorCatalog& catalog, config::Diagnostics* diagnostics)
      : kind_(kind), catalog_(catalog), diagnostics_(diagnostics) {}

  Node Read(const config::MapEntry& entry);

 private:
  void ReadConnector(const config::Section& section, const Value& value, Node* node);
  void ReadOperator(const config::Section& section, Node* node);
  void ReadInputs(const config::Section& section, Node* node);
  void ReadInput(const Value& value, Node* node);
  void ReadFormat(const Value* value, Node* node);
  void ReadSchema(const Value* value, Node* node);
  void ReadEventTime(const Value* value, Node* node);
  void ReadWindow(const Value* value, Node* node);
  void ReadOrder(const Value* value, Node* node);
  void ReadJoin(const config::Section& section, Node* node);
  /// The key's expressions by their names: a map, or a list of names or one name, which stand for
  /// themselves. `holds`: that, for messages.
  std::vector<NamedText> ReadNamed(const config::Section& section, std::string_view key,
                                   std::string_view holds);
  /// A map of names to expressions, which may be any scalar.
  std::vector<NamedText> ReadExpressions(const Value* value, std::string_view key);

  NodeKind kind_;
  const ConnectorCatalog& catalog_;
  config::Diagnostics* diagnostics_;
};

}  // namespace weir::job
