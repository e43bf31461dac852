#pragma once

#include <cstddef>
#include <string>

#include "common/config/diagnostics.h"
#include "common/job/job_spec.h"

namespace weir::job {

inline constexpr size_t kMaxColumns = 1000;

/// `operator `per_user``: for messages.
std::string What(const Node& node);
/// `` `table` of `names` `` of a lookup_join: for messages.
std::string WhatTable(const Node& node);

/// What an operator's keys say, as far as columns need not be known. Its inputs are checked by
/// Validate. Thread: any.
void CheckOperator(const Node& node, config::Diagnostics* diagnostics);

}  // namespace weir::job
