#include "taskmanager/connector/nexmark/event_random.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::taskmanager::nexmark {
namespace {

/// Powers of `base`, 256 of them, by multiplication only.
std::array<double, 256> Powers(double base) {
  std::array<double, 256> powers{};
  double power = 1;
  for (double& value : powers) {
    value = power;
    power *= base;
  }
  return powers;
}

}  // namespace

int64_t Price(uint64_t random) {
  // u = i/2^8 + j/2^16 + rest; 10^(6 rest) by the first terms of its series: the next one is below 1e-11.
  static const std::array<double, 256> coarse = Powers(1.055449600878603);
  static const std::array<double, 256> fine = Powers(1.0002108301829544);
  constexpr double kScale = 13.815510557964274 / 18446744073709551616.0;  // 6 ln 10 / 2^64
  const double x = static_cast<double>(static_cast<int64_t>(random & 0xffffffffffffu)) * kScale;
  const double factor = 1 + x * (1 + x * 0.5);
  return static_cast<int64_t>(100 * (coarse[random >> 56] * fine[(random >> 48) & 255] * factor) + 0.5);
}

size_t RandomText(uint64_t random, int limit, char special, char* out) {
  const auto size = static_cast<size_t>(3 + Below(random, limit - 3));
  for (size_t i = 0; i < size; i += 4) {
    random += kGolden;
    uint64_t word = Mix(random);
    for (size_t k = 0; k < 4; ++k, word >>= 16) {
      const auto thirteen = static_cast<uint32_t>(word & 0xffff) * 13;
      const char letter = static_cast<char>('a' + (((thirteen & 0xffff) * 26) >> 16));
      out[i + k] = (thirteen >> 16) == 0 ? special : letter;
    }
  }
  size_t begin = 0;
  size_t end = size;
  while (begin < end && out[begin] == ' ') ++begin;
  while (end > begin && out[end - 1] == ' ') --end;
  if (begin > 0) std::memmove(out, out + begin, end - begin);
  return end - begin;
}

size_t FillerSize(uint64_t random, int64_t used, int64_t average) {
  if (used >= average) return 0;
  const int64_t rest = average - used;
  const int64_t delta = (rest + 2) / 5;  // a fifth, rounded
  return static_cast<size_t>(rest - delta + Below(random, std::max<int64_t>(1, 2 * delta)));
}

void MakeLetters(char* bytes, size_t size) {
  auto* const at = reinterpret_cast<uint8_t*>(bytes);
  for (size_t i = 0; i < size; ++i) at[i] = static_cast<uint8_t>('a' + ((at[i] * 26) >> 8));
}

}  // namespace weir::taskmanager::nexmark
