#include "common/base/crc32c.h"

#include <array>
#include <cstring>

namespace weir {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t Portable(const char* p, size_t n, uint32_t c) {
  for (; n > 0; --n, ++p) c = kTable[(c ^ static_cast<uint8_t>(*p)) & 0xff] ^ (c >> 8);
  return c;
}

#if defined(__x86_64__)
// The instruction takes one cycle, its result comes after three: three streams at a time.
constexpr size_t kStream = 1024;  // bytes of each

// What kStream zero bytes make of each byte of a register.
using Shift = std::array<std::array<uint32_t, 256>, 4>;
constexpr Shift MakeShift() {
  std::array<uint32_t, 32> of_bit{};
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t c = 1u << bit;
    for (size_t i = 0; i < kStream; ++i) c = kTable[c & 0xff] ^ (c >> 8);
    of_bit[static_cast<size_t>(bit)] = c;
  }
  Shift shift{};
  for (size_t byte = 0; byte < 4; ++byte) {
    for (size_t v = 0; v < 256; ++v) {
      for (size_t k = 0; k < 8; ++k) shift[byte][v] ^= (v >> k & 1) != 0 ? of_bit[byte * 8 + k] : 0;
    }
  }
  return shift;
}
constexpr Shift kShift = MakeShift();

uint32_t Shifted(uint64_t c) {
  return kShift[0][c & 0xff] ^ kShift[1][c >> 8 & 0xff] ^ kShift[2][c >> 16 & 0xff] ^ kShift[3][c >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) uint32_t Hardware(const char* p, size_t n, uint32_t c) {
  uint64_t wide = c;
  for (; n >= 3 * kStream; n -= 3 * kStream, p += 3 * kStream) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < kStream; i += 8) {
      uint64_t words[3];
      std::memcpy(&words[0], p + i, 8);
      std::memcpy(&words[1], p + kStream + i, 8);
      std::memcpy(&words[2], p + 2 * kStream + i, 8);
      wide = __builtin_ia32_crc32di(wide, words[0]);
      second = __builtin_ia32_crc32di(second, words[1]);
      third = __builtin_ia32_crc32di(third, words[2]);
    }
    wide = Shifted(Shifted(wide) ^ second) ^ third;
  }
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  c = static_cast<uint32_t>(wide);
  for (; n > 0; --n, ++p) c = __builtin_ia32_crc32qi(c, static_cast<uint8_t>(*p));
  return c;
}
#endif

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
  uint32_t c = ~seed;
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2");
  if (hardware) return ~Hardware(bytes.data(), bytes.size(), c);
#endif
  return ~Portable(bytes.data(), bytes.size(), c);
}

}  // namespace weir
