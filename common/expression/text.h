#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::expression {

/// Without leading and trailing ASCII white space.
std::string_view TrimSpaces(std::string_view text);
/// Whether the bytes are well-formed UTF-8.
bool IsUtf8(std::string_view text);
/// Number of characters (code points) of UTF-8 text.
int64_t CountCharacters(std::string_view text);
/// Bytes of the first `count` characters of `text` (all of them when it has fewer).
size_t PrefixBytes(std::string_view text, int64_t count);
/// Bytes of the character that starts `text`; 1 where the text is malformed. `text` is not empty.
size_t CharacterBytes(std::string_view text);
/// Upper or lower case of ASCII, Latin, Greek and Cyrillic letters; other characters stay. Appends
/// to `out`.
void ChangeCase(std::string_view text, bool upper, std::string* out);

}  // namespace weir::expression
