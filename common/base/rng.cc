#include "common/base/rng.h"

#include <random>

namespace weir {

uint64_t RandomSeed() {
  if (random_seed_hook != nullptr) return random_seed_hook();
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace weir
