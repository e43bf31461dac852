#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/job/connector_descriptor.h"

namespace weir::job {

std::optional<batch::Schema> ConnectorDescriptor::OutputSchema(const Node& node,
                                                               config::Diagnostics*) const {
  batch::Schema schema;
  if (node.format.type == FormatType::kRaw) {
    schema.fields.push_back({"value", {.kind = batch::TypeKind::kBytes, .nullable = false}});
    return schema;
  }
  for (const SchemaField& field : node.schema) schema.fields.push_back({field.name, field.type});
  return schema;
}

void ConnectorCatalog::Add(std::shared_ptr<const ConnectorDescriptor> descriptor) {
  const std::string type(descriptor->type());
  const bool added = descriptors_.emplace(type, std::move(descriptor)).second;
  WEIR_CHECK(added);
}

const ConnectorDescriptor* ConnectorCatalog::Find(std::string_view type) const {
  const auto it = descriptors_.find(type);
  return it == descriptors_.end() ? nullptr : it->second.get();
}

std::vector<std::string> ConnectorCatalog::Names(NodeKind kind) const {
  std::vector<std::string> names;
  for (const auto& [type, descriptor] : descriptors_) {
    const ConnectorTraits* traits =
        kind == NodeKind::kSource ? descriptor->source() : descriptor->sink();
    if (traits != nullptr) names.push_back(type);
  }
  return names;
}

}  // namespace weir::job
