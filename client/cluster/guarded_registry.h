#pragma once

#include <memory>
#include <string>

#include "common/security/path_roots.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::client {

/// What a process lets the jobs in it do: where secrets come from, which files they may name.
struct Guard {
  std::string secrets_dir;                           // empty: there are none
  std::shared_ptr<const security::PathRoots> roots;  // null: every file
};

/// `registry` behind a guard: what its connectors are made of has its secrets put in, in memory and
/// for that one source or sink, and is told the roots. A preflight whose secrets are not here is
/// left out with a hint, and jobs that name files outside of the roots are refused by one.
taskmanager::ConnectorRegistry Guarded(const taskmanager::ConnectorRegistry& registry, const Guard& guard);

}  // namespace weir::client
