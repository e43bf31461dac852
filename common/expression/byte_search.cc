#include "common/expression/byte_search.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::expression {

namespace {

constexpr size_t kNone = std::string_view::npos;

#ifdef __SSE2__

constexpr size_t kStep = 16;

__m128i Load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

template <typename T>
T Read(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

// The `size` < 16 bytes at `p`, then zeros.
__m128i LoadPart(const char* p, size_t size) {
  uint64_t low = 0, high = 0;
  if (size >= 8) {
    low = Read<uint64_t>(p);
    if (size > 8) high = Read<uint64_t>(p + size - 8) >> (8 * (16 - size));
  } else if (size >= 4) {
    low = Read<uint32_t>(p);
    if (size > 4) low |= (uint64_t{Read<uint32_t>(p + size - 4)} >> (8 * (8 - size))) << 32;
  } else {
    for (size_t i = 0; i < size; ++i) low |= uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
  }
  return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
}

uint32_t Bits(__m128i equal) { return static_cast<uint32_t>(_mm_movemask_epi8(equal)); }

// Calls f(offset, bits) for each step of the text; `bits` says where `test` holds. f returns whether to go on.
template <typename Test, typename F>
void EachStep(std::string_view text, Test test, F f) {
  size_t at = 0;
  for (; at + kStep <= text.size(); at += kStep) {
    if (!f(at, Bits(test(Load(text.data() + at))))) return;
  }
  if (const size_t rest = text.size() - at; rest > 0) {
    f(at, Bits(test(LoadPart(text.data() + at, rest))) & ((1U << rest) - 1));
  }
}

template <typename Test>
int64_t Count(std::string_view text, Test test) {
  int64_t count = 0;
  EachStep(text, test, [&count](size_t, uint32_t bits) {
    count += std::popcount(bits);
    return true;
  });
  return count;
}

auto Equals(char byte) {
  return [wanted = _mm_set1_epi8(byte)](__m128i bytes) { return _mm_cmpeq_epi8(bytes, wanted); };
}

#endif

}  // namespace

#ifdef __SSE2__

size_t FindBytes(std::string_view text, std::string_view part) {
  const size_t size = part.size();
  if (size == 0) return 0;
  if (size > text.size()) return kNone;
  if (size == 1) return FindNthByte(text, part[0], 0);
  const __m128i first = _mm_set1_epi8(part[0]), last = _mm_set1_epi8(part[size - 1]);
  const char* begin = text.data();
  const size_t places = text.size() - size + 1;
  auto found = [&](size_t at, uint32_t bits) {
    for (; bits != 0; bits &= bits - 1) {
      const size_t place = at + static_cast<size_t>(std::countr_zero(bits));
      if (std::memcmp(begin + place + 1, part.data() + 1, size - 2) == 0) return place;
    }
    return kNone;
  };
  size_t at = 0;
  for (; at + kStep <= places; at += kStep) {
    const uint32_t bits = Bits(_mm_and_si128(_mm_cmpeq_epi8(Load(begin + at), first),
                                             _mm_cmpeq_epi8(Load(begin + at + size - 1), last)));
    if (bits == 0) continue;
    if (const size_t place = found(at, bits); place != kNone) return place;
  }
  const size_t rest = places - at;
  if (rest == 0) return kNone;
  return found(at, Bits(_mm_and_si128(_mm_cmpeq_epi8(LoadPart(begin + at, rest), first),
                                      _mm_cmpeq_epi8(LoadPart(begin + at + size - 1, rest), last))) &
                       ((1U << rest) - 1));
}

size_t FindNthByte(std::string_view text, char byte, int64_t n) {
  size_t place = kNone;
  EachStep(text, Equals(byte), [&](size_t at, uint32_t bits) {
    const int count = std::popcount(bits);
    if (n >= count) {
      n -= count;
      return true;
    }
    for (; n > 0; --n) bits &= bits - 1;
    place = at + static_cast<size_t>(std::countr_zero(bits));
    return false;
  });
  return place;
}

int64_t CountByte(std::string_view text, char byte) { return Count(text, Equals(byte)); }

int64_t CountNonContinuation(std::string_view text) {
  // As signed bytes, 0x80 to 0xbf are the lowest 64.
  return Count(text, [](__m128i bytes) { return _mm_cmpgt_epi8(bytes, _mm_set1_epi8(-65)); });
}

bool ChangeAsciiCase(std::string_view text, bool upper, char* out) {
  const __m128i before = _mm_set1_epi8(static_cast<char>((upper ? 'a' : 'A') - 1));
  const __m128i behind = _mm_set1_epi8(static_cast<char>((upper ? 'z' : 'Z') + 1));
  const __m128i flip = _mm_set1_epi8(0x20);
  uint32_t high = 0;
  auto change = [&](__m128i bytes) {
    high |= Bits(bytes);
    const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(bytes, before), _mm_cmplt_epi8(bytes, behind));
    return _mm_xor_si128(bytes, _mm_and_si128(letters, flip));
  };
  size_t at = 0;
  for (; at + kStep <= text.size(); at += kStep) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), change(Load(text.data() + at)));
  }
  if (const size_t rest = text.size() - at; rest > 0) {
    alignas(16) char changed[kStep];
    _mm_store_si128(reinterpret_cast<__m128i*>(changed), change(LoadPart(text.data() + at, rest)));
    std::memcpy(out + at, changed, rest);
  }
  return high == 0;
}

#else

size_t FindBytes(std::string_view text, std::string_view part) { return text.find(part); }

size_t FindNthByte(std::string_view text, char byte, int64_t n) {
  size_t at = text.find(byte);
  for (; n > 0 && at != kNone; --n) at = text.find(byte, at + 1);
  return at;
}

int64_t CountByte(std::string_view text, char byte) { return std::count(text.begin(), text.end(), byte); }

int64_t CountNonContinuation(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

bool ChangeAsciiCase(std::string_view text, bool upper, char* out) {
  bool ascii = true;
  for (char c : text) {
    const bool letter = upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z');
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    *out++ = static_cast<char>(letter ? c ^ 0x20 : c);
  }
  return ascii;
}

#endif

}  // namespace weir::expression
