#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/yaml/document.h"

namespace weir::config {
namespace {

/// Index of the first byte of a 1-based line; npos when there is no such line.
size_t LineStart(std::string_view text, int32_t line) {
  size_t at = 0;
  for (int32_t i = 1; i < line; ++i) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return at;
    ++at;
  }
  return at;
}

Location LocationAt(std::string_view text, size_t at) {
  at = std::min(at, text.size());
  const auto line = static_cast<int32_t>(std::count(text.begin(), text.begin() + at, '\n'));
  const size_t newline = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  return {line + 1, static_cast<int32_t>(at - start) + 1};
}

/// Past a line break and the blanks that begin the next line.
size_t SkipBreak(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == '\r' || text[at] == '\n')) ++at;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

/// Source bytes that one escape of a double-quoted scalar takes, and the bytes it stands for.
std::pair<size_t, int64_t> Escape(std::string_view text, size_t at) {
  if (at + 1 >= text.size()) return {1, 1};
  switch (text[at + 1]) {
    case 'x':
      return {4, 1};
    case 'u':
      return {6, 3};
    case 'U':
      return {10, 4};
    default:
      return {2, 1};
  }
}

/// Walks a quoted or plain scalar. A line break and what is around it were folded into one blank.
size_t WalkFlow(std::string_view text, size_t at, int64_t offset) {
  const char quote = text[at] == '"' || text[at] == '\'' ? text[at] : '\0';
  if (quote != '\0') ++at;
  while (offset > 0 && at < text.size()) {
    if (text[at] == '\n' || text[at] == '\r') {
      at = SkipBreak(text, at);
      --offset;
    } else if (quote == '"' && text[at] == '\\') {
      const auto [source, value] = Escape(text, at);
      at += source;
      offset -= value;
    } else if (quote == '\'' && text.substr(at, 2) == "''") {
      at += 2;
      --offset;
    } else {
      ++at;
      --offset;
    }
  }
  return at;
}

/// Walks a block scalar (`|` or `>`): lines without their common indentation.
size_t WalkBlock(std::string_view text, size_t at, int64_t offset) {
  at = text.find('\n', at);
  if (at == std::string_view::npos) return text.size();
  ++at;
  size_t indent = 0;
  while (at + indent < text.size() && text[at + indent] == ' ') ++indent;
  at += indent;
  while (offset > 0 && at < text.size()) {
    --offset;
    if (text[at++] != '\n') continue;
    for (size_t i = 0; i < indent && at < text.size() && text[at] == ' '; ++i) ++at;
  }
  return at;
}

/// The source line and the caret below it. Of a long line the part around the place.
std::string Excerpt(std::string_view text, Location place) {
  constexpr size_t kBefore = 80;
  constexpr size_t kMaxShown = 160;
  const size_t start = LineStart(text, place.line);
  if (start == std::string_view::npos) return "";
  std::string_view line = text.substr(start, text.find('\n', start) - start);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  size_t caret = std::min<size_t>(place.column - 1, line.size());
  std::string before;
  if (line.size() > kMaxShown && caret > kBefore) {
    size_t cut = caret - kBefore;
    while (cut < caret && (line[cut] & 0xc0) == 0x80) ++cut;  // not inside a character
    line.remove_prefix(cut);
    caret -= cut;
    before = "…";
  }
  std::string_view shown = line.substr(0, kMaxShown);
  while (shown.size() < line.size() && (line[shown.size()] & 0xc0) == 0x80)
    shown = line.substr(0, shown.size() + 1);
  std::string out =
      absl::StrCat("  ", before, std::string(shown), shown.size() < line.size() ? "…" : "", "\n  ");
  if (!before.empty()) out += ' ';
  for (const char c : line.substr(0, caret)) {
    if ((c & 0xc0) != 0x80) out += c == '\t' ? '\t' : ' ';
  }
  return out + "^\n";
}

}  // namespace

Location PlaceInScalar(std::string_view text, Location location, int64_t offset) {
  if (offset < 0 || location.line < 1) return location;
  const size_t line = LineStart(text, location.line);
  if (line == std::string_view::npos) return location;
  const size_t begin = line + location.column - 1;
  if (begin >= text.size()) return location;
  const bool block = text[begin] == '|' || text[begin] == '>';
  const size_t at = block ? WalkBlock(text, begin, offset) : WalkFlow(text, begin, offset);
  // What was expanded has another length than what stands there.
  if (text.substr(begin, at - begin).find("${env:") != std::string_view::npos) return location;
  return LocationAt(text, at);
}

std::string Render(std::string_view file, std::string_view text, const Diagnostics& diagnostics) {
  struct Placed {
    Location place;
    const Diagnostic* diagnostic;
  };
  std::vector<Placed> placed;
  for (const Diagnostic& d : diagnostics.errors()) {
    placed.push_back({PlaceInScalar(text, d.location, d.offset), &d});
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::string out;
  for (const Placed& p : placed) {
    // What has no place of its own is about the whole file.
    const Location place = p.place.line < 1 ? Location{1, 1} : p.place;
    std::string message = p.diagnostic->message;
    std::replace(message.begin(), message.end(), '\n', ' ');
    absl::StrAppend(&out, std::string(file), ":", place.line, ":", std::max(place.column, 1),
                    ": error: ", message, "\n",
                    Excerpt(text, {place.line, std::max(place.column, 1)}));
  }
  return out;
}

}  // namespace weir::config
