#pragma once

#include <vector>

#include "common/config/keys.h"

namespace weir::taskmanager::kafka {

/// Keys of `type: kafka` beside those that all nodes have; their defaults are the ones that SourceOptionsOf and
/// SinkOptionsOf apply.
const std::vector<config::KeySpec>& KafkaSourceKeys();
const std::vector<config::KeySpec>& KafkaSinkKeys();

}  // namespace weir::taskmanager::kafka
