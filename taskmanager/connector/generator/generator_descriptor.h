#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/expression/expression.h"
#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::generator {

/// What a job file may say of `type: generator`.
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

/// The options of a generator, read from its node.
struct Options {
  std::optional<int64_t> rows;  // none: endless
  uint64_t seed = 0;
  struct Field {
    std::string name;
    expression::BoundExpression expression;
  };
  std::vector<Field> fields;
};
/// kInvalidArgument: an expression is wrong. Places are not told: Descriptor()->OutputSchema does.
absl::StatusOr<Options> ReadOptions(const job::Node& node);

}  // namespace weir::taskmanager::generator
