#include "tests/simulation/plan/fault.h"

#include <algorithm>
#include <cctype>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace weir::sim {
namespace {

constexpr int64_t kSecond = 1'000'000;

std::string Seconds(SteadyMicros micros) {
  std::string text = absl::StrCat(micros / kSecond);
  if (const int64_t rest = micros % kSecond; rest != 0) {
    std::string digits = absl::StrCat(rest);
    digits.insert(0, 6 - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    absl::StrAppend(&text, ".", digits);
  }
  return text;
}

/// Seconds with up to six decimals, without a sign.
bool ReadSeconds(absl::string_view text, SteadyMicros* micros) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  int64_t whole = 0, rest = 0;
  if (parts.size() > 2 || text.empty() || text[0] == '-' || !absl::SimpleAtoi(parts[0], &whole)) return false;
  if (parts.size() == 2) {
    std::string digits(parts[1]);
    if (digits.empty() || digits.size() > 6 || !std::all_of(digits.begin(), digits.end(), ::isdigit)) return false;
    digits.resize(6, '0');
    if (!absl::SimpleAtoi(digits, &rest)) return false;
  }
  if (whole > 1'000'000'000) return false;
  *micros = whole * kSecond + rest;
  return true;
}

absl::StatusOr<Fault> ReadFault(absl::string_view text) {
  const auto unreadable = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("fault '", text, "': ", why, "; its form is TIME[+LASTS] KIND[(NODE,...)][=AMOUNT]"));
  };
  Fault fault;
  const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  const std::vector<absl::string_view> times = absl::StrSplit(halves.first, '+');
  if (times.size() > 2 || !ReadSeconds(times[0], &fault.at)) return unreadable("no time");
  if (times.size() == 2 && !ReadSeconds(times[1], &fault.lasts)) return unreadable("no length of time after '+'");
  absl::string_view rest = absl::StripAsciiWhitespace(halves.second);
  const size_t name_end = std::min(rest.find_first_of("(="), rest.size());
  fault.kind = std::string(rest.substr(0, name_end));
  if (fault.kind.empty() || fault.kind.find(' ') != std::string::npos) return unreadable("no kind");
  rest.remove_prefix(name_end);
  if (absl::ConsumePrefix(&rest, "(")) {
    const size_t end = rest.find(')');
    if (end == absl::string_view::npos) return unreadable("no ')'");
    for (absl::string_view node : absl::StrSplit(rest.substr(0, end), ',')) {
      node = absl::StripAsciiWhitespace(node);
      if (node.empty()) return unreadable("a node without a name");
      fault.targets.emplace_back(node);
    }
    rest.remove_prefix(end + 1);
  }
  if (absl::ConsumePrefix(&rest, "=")) {
    if (!absl::SimpleAtoi(rest, &fault.amount)) return unreadable("no number after '='");
  } else if (!rest.empty()) {
    return unreadable(absl::StrCat("'", rest, "' is too much"));
  }
  return fault;
}

}  // namespace

std::string Text(const Fault& fault) {
  std::string text = Seconds(fault.at);
  if (fault.lasts > 0) absl::StrAppend(&text, "+", Seconds(fault.lasts));
  absl::StrAppend(&text, " ", fault.kind);
  if (!fault.targets.empty()) absl::StrAppend(&text, "(", absl::StrJoin(fault.targets, ","), ")");
  if (fault.amount != 0) absl::StrAppend(&text, "=", fault.amount);
  return text;
}

std::string FaultPlan::Text() const {
  return absl::StrJoin(faults, "; ", [](std::string* out, const Fault& fault) {
    absl::StrAppend(out, sim::Text(fault));
  });
}

absl::StatusOr<FaultPlan> FaultPlan::Parse(const std::string& text) {
  FaultPlan plan;
  for (absl::string_view part : absl::StrSplit(text, absl::ByAnyChar(";\n"))) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;
    ASSIGN_OR_RETURN(Fault fault, ReadFault(part));
    plan.faults.push_back(std::move(fault));
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return plan;
}

SteadyMicros FaultPlan::Ends() const {
  SteadyMicros end = 0;
  for (const Fault& fault : faults) end = std::max(end, fault.at + fault.lasts);
  return end;
}

}  // namespace weir::sim
