#include "common/config/yaml/environment.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weir::config {
namespace {

constexpr std::string_view kOpen = "${env:";

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

void ExpandScalar(const Environment& environment, Value* value, Diagnostics* diagnostics) {
  std::string_view text = value->text;
  std::string out;
  while (true) {
    const size_t open = text.find(kOpen);
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const size_t close = text.find('}');
    if (close == std::string_view::npos) {
      diagnostics->Error(value->location, "`${env:` without a closing `}`");
      return;
    }
    const std::string_view inside = text.substr(kOpen.size(), close - kOpen.size());
    const size_t dash = inside.find(":-");
    const std::string_view name = inside.substr(0, dash);
    const auto it = environment.find(std::string(name));
    if (!IsName(name)) {
      diagnostics->Error(
          value->location,
          absl::StrCat("`", std::string(name), "` is not the name of an environment variable"));
    } else if (it != environment.end() && !(it->second.empty() && dash != std::string_view::npos)) {
      out += it->second;
    } else if (dash != std::string_view::npos) {
      out.append(inside.substr(dash + 2));
    } else {
      diagnostics->Error(value->location,
                         absl::StrCat("environment variable `", std::string(name),
                                      "` is not set, and there is no default (`${env:",
                                      std::string(name), ":-default}`)"));
    }
    text.remove_prefix(close + 1);
  }
  Value expanded = value->quoted ? Value::String(std::move(out)) : Value::Plain(out);
  expanded.location = value->location;
  expanded.quoted = value->quoted;
  *value = std::move(expanded);
}

}  // namespace

Environment ProcessEnvironment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

void ExpandEnvironment(const Environment& environment, Value* value, Diagnostics* diagnostics) {
  if (value->is_scalar() && value->text.find(kOpen) != std::string::npos) {
    ExpandScalar(environment, value, diagnostics);
  }
  for (Value& item : value->items) ExpandEnvironment(environment, &item, diagnostics);
  for (MapEntry& entry : value->entries) ExpandEnvironment(environment, &entry.value, diagnostics);
}

}  // namespace weir::config
