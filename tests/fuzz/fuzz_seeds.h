#pragma once

#include <string>

namespace weir::fuzz {

/// Writes an input of a target.
void Put(const std::string& target, const std::string& name, const std::string& bytes);
/// Those of everything about Kafka.
void PutKafkaSeeds();

}  // namespace weir::fuzz
