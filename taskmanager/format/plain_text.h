#pragma once

#include <cstddef>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::taskmanager {

inline constexpr size_t kPlainStep = 16;

/// Whether a byte stands for itself in a JSON string: ASCII but for control characters, the quote and the backslash.
inline bool IsPlainJson(char c) {
  return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\';
}

/// Copies the bytes that stand for themselves in a JSON string up to the first one that does not, and returns how many.
/// `out` has room for kPlainStep bytes more than `text`; nothing behind the text is read.
inline size_t CopyPlainJson(std::string_view text, char* out) {
  size_t at = 0;
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' '), quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
  const auto step = [&](size_t from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + from), bytes);
    // As signed bytes, those from 0x80 on are below the space, too.
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    return static_cast<unsigned>(_mm_movemask_epi8(special));
  };
  for (; at + kPlainStep <= text.size(); at += kPlainStep) {
    if (const unsigned bits = step(at); bits != 0) return at + static_cast<size_t>(__builtin_ctz(bits));
  }
  if (at > 0 && at < text.size()) {
    // The last bytes together with some that were seen before.
    const size_t from = text.size() - kPlainStep;
    const unsigned bits = step(from);
    return bits == 0 ? text.size() : from + static_cast<size_t>(__builtin_ctz(bits));
  }
#endif
  for (; at < text.size() && IsPlainJson(text[at]); ++at) out[at] = text[at];
  return at;
}

/// Whether a CSV field of this text needs quotes: a comma, a quote or a line end is in it.
inline bool NeedsCsvQuotes(std::string_view text) {
  size_t at = 0;
#ifdef __SSE2__
  const __m128i comma = _mm_set1_epi8(','), quote = _mm_set1_epi8('"'), cr = _mm_set1_epi8('\r'),
                lf = _mm_set1_epi8('\n');
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, quote)),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, cr), _mm_cmpeq_epi8(bytes, lf)));
    if (_mm_movemask_epi8(special) != 0) return true;
  }
#endif
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == ',' || c == '"' || c == '\r' || c == '\n') return true;
  }
  return false;
}

/// The first comma, quote or line feed in [p, limit), or `limit`.
inline const char* SkipPlainCsv(const char* p, const char* limit) {
#ifdef __SSE2__
  const __m128i comma = _mm_set1_epi8(','), quote = _mm_set1_epi8('"'), lf = _mm_set1_epi8('\n');
  for (; p + kPlainStep <= limit; p += kPlainStep) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const int bits = _mm_movemask_epi8(_mm_or_si128(
        _mm_cmpeq_epi8(bytes, comma), _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, lf))));
    if (bits != 0) return p + __builtin_ctz(static_cast<unsigned>(bits));
  }
#endif
  while (p < limit && *p != ',' && *p != '\n' && *p != '"') ++p;
  return p;
}

}  // namespace weir::taskmanager
