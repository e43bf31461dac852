#include "common/expression/text.h"

#include "common/expression/byte_search.h"

namespace weir::expression {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Simple case mapping of the two-byte range's common alphabets (Unicode 15, one character to one).
uint32_t MapCase(uint32_t c, bool upper) {
  if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) ||
      (c >= 0x410 && c <= 0x42f)) {
    return upper ? c : c + 32;
  }
  if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) ||
      (c >= 0x430 && c <= 0x44f)) {
    return upper ? c - 32 : c;
  }
  if (c == 0x3c2) return upper ? 0x3a3 : c;                 // final sigma
  if (c >= 0x400 && c <= 0x40f) return upper ? c : c + 80;  // Ѐ to Џ
  if (c >= 0x450 && c <= 0x45f) return upper ? c - 80 : c;
  if (c == 0xff) return upper ? 0x178 : c;
  if (c == 0x178) return upper ? c : 0xff;
  bool even_upper = (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
                    (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481);
  bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
  if (even_upper) return upper ? c & ~1U : c | 1U;
  if (odd_upper) return upper ? ((c & 1) != 0 ? c : c - 1) : ((c & 1) != 0 ? c + 1 : c);
  return c;
}

}  // namespace

std::string_view TrimSpaces(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      ++i;
      continue;
    }
    size_t size = c >= 0xf0 && c <= 0xf4  ? 4
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xc2 && c < 0xe0 ? 2
                                          : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t value = c & (0xffU >> (size + 1));
    for (size_t k = 1; k < size; ++k) {
      if (!IsContinuation(text[i + k])) return false;
      value = (value << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    }
    if ((size == 3 && (value < 0x800 || (value >= 0xd800 && value <= 0xdfff))) ||
        (size == 4 && (value < 0x10000 || value > 0x10ffff))) {
      return false;
    }
    i += size;
  }
  return true;
}

int64_t CountCharacters(std::string_view text) { return CountNonContinuation(text); }

size_t CharacterBytes(std::string_view text) {
  size_t size = 1;
  if ((static_cast<unsigned char>(text[0]) & 0xc0) == 0xc0) {
    while (size < 4 && size < text.size() && IsContinuation(text[size])) ++size;
  }
  return size;
}

size_t PrefixBytes(std::string_view text, int64_t count) {
  if (count >= static_cast<int64_t>(text.size())) return text.size();
  size_t at = 0;
  // Plain text has its first non-ASCII character behind the prefix.
  while (at < text.size() && count > 0 && static_cast<unsigned char>(text[at]) < 0x80) {
    ++at;
    --count;
  }
  for (; count > 0 && at < text.size(); --count) at += CharacterBytes(text.substr(at));
  return at;
}

void ChangeCase(std::string_view text, bool upper, std::string* out) {
  const size_t before = out->size();
  out->resize(before + text.size());
  if (ChangeAsciiCase(text, upper, out->data() + before)) return;
  out->resize(before);
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      bool letter = upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z');
      out->push_back(static_cast<char>(letter ? c ^ 0x20 : c));
    } else if (c >= 0xc2 && c <= 0xdf && i + 1 < text.size() && IsContinuation(text[i + 1])) {
      uint32_t mapped =
          MapCase(((c & 0x1fU) << 6) | (static_cast<unsigned char>(text[i + 1]) & 0x3fU), upper);
      out->push_back(static_cast<char>(0xc0 | (mapped >> 6)));
      out->push_back(static_cast<char>(0x80 | (mapped & 0x3f)));
      ++i;
    } else {
      out->push_back(text[i]);
    }
  }
}

}  // namespace weir::expression
