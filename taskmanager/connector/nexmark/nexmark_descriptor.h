#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/batch/types.h"
#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::nexmark {

/// What a job file may say of `type: nexmark`: the events of an auction site, a benchmark of stream processors
/// (github.com/nexmark/nexmark; Tucker et al., NEXMark, 2002).
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

enum class Stream : uint8_t { kPerson = 0, kAuction = 1, kBid = 2, kAll = 3 };

struct Options {
  Stream stream = Stream::kAll;
  std::optional<int64_t> events;  // of all three kinds; none: endless
  int64_t event_rate = 10000;     // events a second of event time
  uint64_t seed = 1;
  int64_t base_time = 0;   // event time of the first event, microseconds
  int64_t generators = 1;  // consecutive ranges of ids on one timeline
};
/// Of a node that was validated.
Options ReadOptions(const job::Node& node);

/// Columns of one kind of event, in order; kAll has `event_type`, `date_time` and those of the three with a prefix.
const std::vector<batch::Field>& FieldsOf(Stream stream);

}  // namespace weir::taskmanager::nexmark
