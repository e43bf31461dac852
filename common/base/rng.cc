#include "common/base/rng.h"

#include <random>

namespace weir {

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace weir
