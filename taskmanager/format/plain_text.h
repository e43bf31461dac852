#pragma once

#include <cstddef>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::taskmanager {

/// How many bytes at the beginning of `text` stand for themselves in a JSON string: ASCII but for control characters,
/// the quote and the backslash. May say less, by up to 15 bytes, so that nothing behind the text is read.
inline size_t PlainJsonBytes(std::string_view text) {
  size_t at = 0;
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' '), quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // As signed bytes, those from 0x80 on are below the space, too.
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    const int bits = _mm_movemask_epi8(special);
    if (bits != 0) return at + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(bits)));
  }
#endif
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

}  // namespace weir::taskmanager
