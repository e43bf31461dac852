#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

/// CRC-32C (Castagnoli) of `bytes`, continued from `seed` (0 to begin). Uses the SSE 4.2 instruction
/// where the machine has it.
uint32_t Crc32c(std::string_view bytes, uint32_t seed = 0);

}  // namespace weir
