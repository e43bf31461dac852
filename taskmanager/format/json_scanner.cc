#include "taskmanager/format/json_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "taskmanager/format/number.h"

namespace weir::taskmanager {
namespace {

using batch::TypeKind;

constexpr int64_t kPowers[] = {1,
                               10,
                               100,
                               1'000,
                               10'000,
                               100'000,
                               1'000'000,
                               10'000'000,
                               100'000'000,
                               1'000'000'000,
                               10'000'000'000,
                               100'000'000'000,
                               1'000'000'000'000,
                               10'000'000'000'000,
                               100'000'000'000'000,
                               1'000'000'000'000'000,
                               10'000'000'000'000'000,
                               100'000'000'000'000'000,
                               1'000'000'000'000'000'000};

inline const char* SkipSpaces(const char* p) {
  while (*p == ' ') ++p;
  return p;
}

/// The quote at or behind `p`, before `end`; null: none.
inline const char* FindQuote(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  for (; p < end; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    if (const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote))); mask != 0) {
      p += __builtin_ctz(mask);
      return p < end ? p : nullptr;
    }
  }
  return nullptr;
#else
  return static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
#endif
}

inline bool IsStructural(char c) {
  return c == ',' || c == '}' || c == ']' || c == '{' || c == '[' || c == '"' || c == ':';
}

/// Behind a value that nobody wants; null: unusual. Its inside need not be valid.
const char* SkipValue(const char* p, const char* end) {
  if (*p == '"') {
    p = FindQuote(p + 1, end);
    return p == nullptr ? nullptr : p + 1;
  }
  if (*p != '{' && *p != '[') {
    const char* const from = p;
    while (p < end && !IsStructural(*p) && *p != ' ') ++p;
    return p == from ? nullptr : p;
  }
  for (int depth = 0; p < end; ++p) {
    switch (*p) {
      case '"':
        p = FindQuote(p + 1, end);
        if (p == nullptr) return nullptr;
        break;
      case '{':
      case '[':
        if (++depth > 500) return nullptr;
        break;
      case '}':
      case ']':
        if (--depth == 0) return p + 1;
        break;
      default:
        break;
    }
  }
  return nullptr;
}

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
/// What may stand behind a number, true, false or null in a plain line.
inline bool EndsScalar(char c) { return c == ',' || c == '}' || c == ' '; }

/// Eight digits at once (Lemire, 2018); false: not all are digits.
inline bool ReadEightDigits(const char* p, uint64_t* value) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t v;
  std::memcpy(&v, p, sizeof(v));
  constexpr uint64_t kHigh = 0xf0f0f0f0f0f0f0f0, kZeros = 0x3030303030303030;
  if ((v & kHigh) != kZeros || ((v + 0x0606060606060606) & kHigh) != kZeros) return false;
  v -= kZeros;
  v = v * 10 + (v >> 8);
  constexpr uint64_t kMask = 0x000000ff000000ff;
  *value = (((v & kMask) * 0x000f424000000064) + (((v >> 16) & kMask) * 0x0000271000000001)) >> 32;
  return true;
}

/// Up to 18 digits at `*p`; more than that: false.
inline bool ReadDigits(const char** p, int64_t* value, int* count) {
  const char* const from = *p;
  const char* q = from;
  uint64_t v = 0;
  if (ReadEightDigits(q, &v)) q += 8;
  while (IsDigit(*q)) v = v * 10 + static_cast<uint64_t>(*q++ - '0');
  *count = static_cast<int>(q - from);
  *value = static_cast<int64_t>(v);
  *p = q;
  return *count > 0 && *count <= 18;
}

inline const char* ReadInteger(const char* p, int64_t* out) {
  const bool negative = *p == '-';
  p += negative;
  const char first = *p;
  int count;
  if (!ReadDigits(&p, out, &count) || (first == '0' && count > 1) || !EndsScalar(*p)) return nullptr;
  if (negative) *out = -*out;
  return p;
}

/// Digits with a fraction that needs no rounding, into an unscaled value that surely fits.
inline const char* ReadDecimal(const char* p, const batch::DataType& type, batch::Decimal* out) {
  const bool negative = *p == '-';
  p += negative;
  const char first = *p;
  int64_t whole, fraction = 0;
  int whole_digits, fraction_digits = 0;
  if (!ReadDigits(&p, &whole, &whole_digits) || (first == '0' && whole_digits > 1)) return nullptr;
  if (*p == '.') {
    ++p;
    if (!ReadDigits(&p, &fraction, &fraction_digits)) return nullptr;
  }
  if (!EndsScalar(*p) || fraction_digits > type.scale) return nullptr;
  if (whole_digits > type.precision - type.scale && whole != 0) return nullptr;
  batch::Decimal value = whole;
  int rest = type.scale;
  for (; rest > 18; rest -= 18) value *= kPowers[18];
  value *= kPowers[rest];
  batch::Decimal low = fraction;
  rest = type.scale - fraction_digits;
  for (; rest > 18; rest -= 18) low *= kPowers[18];
  low *= kPowers[rest];
  *out = negative ? -(value + low) : value + low;
  return p;
}

/// Where the number at `p` ends.
inline const char* NumberEnd(const char* p) {
  while (IsDigit(*p) || *p == '-' || *p == '+' || *p == '.' || *p == 'e' || *p == 'E') ++p;
  return p;
}

}  // namespace

LineShape FindLine(const char* p, const char* limit) {
  LineShape shape;
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (const char* q = p; q < limit; q += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
    // Signed: control characters and everything above ASCII are less than a space.
    const __m128i odd = _mm_or_si128(_mm_cmplt_epi8(bytes, space), _mm_cmpeq_epi8(bytes, backslash));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(odd));
    if (mask == 0) continue;
    q += __builtin_ctz(mask);
    if (q >= limit) break;
    if (*q == '\n' || (*q == '\r' && q + 1 < limit && q[1] == '\n')) {
      shape.end = q;
      shape.next = q + (*q == '\r' ? 2 : 1);
      shape.plain = true;
      return shape;
    }
    p = q;
    break;
  }
#endif
  if (p >= limit) return shape;
  const auto* newline = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(limit - p)));
  if (newline != nullptr) {
    shape.end = newline;
    shape.next = newline + 1;
  }
  return shape;
}

bool IsUnescaped(const char* p, const char* end) {
  for (; p < end; ++p) {
    if (static_cast<unsigned char>(*p) < 0x20 || *p == '\\') return false;
  }
  return true;
}

JsonScanner::JsonScanner(const JsonPaths* paths) : paths_(paths), expected_(paths->objects.size()) {}

bool JsonScanner::Matches(const Expected& expected, const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i prefix = _mm_load_si128(reinterpret_cast<const __m128i*>(expected.prefix));
  const auto equal = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, prefix)));
  if ((equal & expected.mask) != expected.mask) return false;
  if (expected.text.size() <= sizeof(expected.prefix)) return true;
#endif
  return static_cast<size_t>(end - p) >= expected.text.size() &&
         std::memcmp(p, expected.text.data(), expected.text.size()) == 0;
}

const JsonPaths::Key* JsonScanner::LearnKey(int object, size_t index, const char* p, const char* quote) {
  const std::string_view name(p, static_cast<size_t>(quote - p));
  const JsonPaths::Key* key = paths_->objects[object].Find(name);
  std::vector<Expected>& expected = expected_[object];
  if (index >= kRemembered) return key;
  if (expected.size() <= index) expected.resize(index + 1);
  Expected& entry = expected[index];
  entry.text.assign(p, name.size() + 1);
  entry.key = key;
  const size_t prefix = std::min(entry.text.size(), sizeof(entry.prefix));
  std::memcpy(entry.prefix, entry.text.data(), prefix);
  entry.mask = static_cast<uint32_t>((uint64_t{1} << prefix) - 1);
  return key;
}

bool JsonScanner::Scan(const char* p, const char* end, RowBuilder& rows) {
  p = SkipSpaces(p);
  if (p >= end || *p != '{') return false;
  p = ScanObject(p + 1, end, 0, rows);
  return p != nullptr && SkipSpaces(p) == end;
}

// Every byte is compared with what it must be before `p` moves on, and the byte at `end` (a line end, or the zeros
// behind a buffer) is none of these: so `p` stays below `end`.
const char* JsonScanner::ScanObject(const char* p, const char* end, int object, RowBuilder& rows) {
  p = SkipSpaces(p);
  if (*p == '}') return p + 1;
  for (size_t index = 0;; ++index) {
    if (*p != '"' || p >= end) return nullptr;
    ++p;
    const JsonPaths::Key* key;
    const std::vector<Expected>& expected = expected_[object];
    if (index < expected.size() && Matches(expected[index], p, end)) {
      key = expected[index].key;
      p += expected[index].text.size();
    } else {
      const char* quote = FindQuote(p, end);
      if (quote == nullptr) return nullptr;
      key = LearnKey(object, index, p, quote);
      p = quote + 1;
    }
    p = SkipSpaces(p);
    if (*p != ':') return nullptr;
    p = SkipSpaces(p + 1);
    if (p >= end) return nullptr;
    if (key == nullptr) {
      p = SkipValue(p, end);
    } else if (key->child < 0) {
      if (rows.is_set(key->column)) return nullptr;
      p = ScanValue(p, end, key->column, rows);
    } else if (key->column < 0 && *p == '{') {
      p = ScanObject(p + 1, end, key->child, rows);
    } else if (key->column < 0 && end - p > 4 && std::memcmp(p, "null", 4) == 0 && EndsScalar(p[4])) {
      p += 4;
    } else {
      return nullptr;
    }
    if (p == nullptr) return nullptr;
    p = SkipSpaces(p);
    if (p >= end) return nullptr;
    if (*p == '}') return p + 1;
    if (*p != ',') return nullptr;
    p = SkipSpaces(p + 1);
  }
}

const char* JsonScanner::ScanValue(const char* p, const char* end, int column, RowBuilder& rows) {
  if (*p == 'n') {
    if (end - p < 5 || std::memcmp(p, "null", 4) != 0 || !EndsScalar(p[4])) return nullptr;
    return rows.SetNull(column) ? p + 4 : nullptr;
  }
  const batch::DataType& type = rows.type(column);
  switch (type.kind) {
    case TypeKind::kString:
    case TypeKind::kBytes: {
      if (*p != '"') return nullptr;
      const char* quote = FindQuote(p + 1, end);
      if (quote == nullptr) return nullptr;
      rows.SetText(column, {p + 1, static_cast<size_t>(quote - p - 1)});
      return quote + 1;
    }
    case TypeKind::kTimestamp: {
      int64_t millis;
      if (*p == '"') {
        const char* quote = FindQuote(p + 1, end);
        if (quote == nullptr) return nullptr;
        const auto micros = batch::ParseTimestamp({p + 1, static_cast<size_t>(quote - p - 1)});
        if (!micros) return nullptr;
        rows.Set<int64_t>(column, *micros);
        return quote + 1;
      }
      p = ReadInteger(p, &millis);
      // 15 digits of milliseconds reach beyond the year 30000 and cannot overflow as microseconds.
      if (p == nullptr || millis >= kPowers[15] || millis <= -kPowers[15]) return nullptr;
      rows.Set<int64_t>(column, millis * 1000);
      return p;
    }
    case TypeKind::kBigint: {
      int64_t value;
      p = ReadInteger(p, &value);
      if (p != nullptr) rows.Set<int64_t>(column, value);
      return p;
    }
    case TypeKind::kInt: {
      int64_t value;
      p = ReadInteger(p, &value);
      if (p == nullptr || value != static_cast<int32_t>(value)) return nullptr;
      rows.Set<int32_t>(column, static_cast<int32_t>(value));
      return p;
    }
    case TypeKind::kDecimal: {
      batch::Decimal value;
      p = ReadDecimal(p, type, &value);
      if (p != nullptr) rows.Set<batch::Decimal>(column, value);
      return p;
    }
    case TypeKind::kDouble: {
      const char* number_end = NumberEnd(p);
      double value;
      const std::string_view text(p, static_cast<size_t>(number_end - p));
      if (!EndsScalar(*number_end) || ToDouble(text, &value) != NumberFault::kNone) return nullptr;
      rows.Set<double>(column, value);
      return number_end;
    }
    case TypeKind::kBoolean: {
      const bool yes = end - p > 4 && std::memcmp(p, "true", 4) == 0;
      if (!yes && (end - p <= 5 || std::memcmp(p, "false", 5) != 0)) return nullptr;
      p += yes ? 4 : 5;
      if (!EndsScalar(*p)) return nullptr;
      rows.Set<uint8_t>(column, yes);
      return p;
    }
    case TypeKind::kDate:
      return nullptr;  // rare
  }
  return nullptr;
}

}  // namespace weir::taskmanager
