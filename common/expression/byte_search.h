#pragma once

#include <cstdint>
#include <string_view>

namespace weir::expression {

/// Searching and counting in short texts, 16 bytes a step (SSE2, else byte by byte). Nothing is read outside of the
/// text. Thread: any.

/// Where `part` first occurs, or npos; an empty one at 0.
/// Source:  Muła, "SIMD-friendly algorithms for substring searching": the first and the last byte of `part` are compared
///          at 16 places at once, and only where both fit the rest.
size_t FindBytes(std::string_view text, std::string_view part);
/// Where `byte` occurs for the time number `n` (from 0), or npos.
size_t FindNthByte(std::string_view text, char byte, int64_t n);
int64_t CountByte(std::string_view text, char byte);
/// Bytes that do not continue a UTF-8 character.
int64_t CountNonContinuation(std::string_view text);
/// Writes `text` to `out` with its ASCII letters in upper or lower case, other bytes as they are; `out` has room for it
/// and may be `text` itself. Returns whether the text was all ASCII.
bool ChangeAsciiCase(std::string_view text, bool upper, char* out);

}  // namespace weir::expression
