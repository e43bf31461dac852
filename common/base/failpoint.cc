#include "common/base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weir::failpoint {
namespace {

enum class Action { kCrash, kError, kStop, kSleep };

struct Point {
  Action action = Action::kCrash;
  int millis = 0;
  int64_t at = 1;
  bool onwards = false;
  int64_t hits = 0;
};

struct Table {
  std::mutex mutex;
  std::map<std::string, Point, std::less<>> points;
};

std::atomic<bool> armed{false};

Table& TheTable() {
  static Table* table = new Table;  // never destroyed: threads may hit a point while the process ends
  return *table;
}

absl::Status ParseOne(const std::string& text, Table& table) {
  const std::vector<std::string> sides = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.size() != 2 || !IsName(sides[0])) {
    return absl::InvalidArgumentError(
        absl::StrCat("WEIR_FAILPOINTS: `", text, "` is not NAME=ACTION[@N]; names are in common/base/failpoint.h"));
  }
  Point point;
  std::vector<std::string> action = absl::StrSplit(sides[1], absl::MaxSplits('@', 1));
  if (action.size() == 2) {
    std::string& n = action[1];
    if (!n.empty() && n.back() == '+') point.onwards = true, n.pop_back();
    if (!absl::SimpleAtoi(n, &point.at) || point.at < 1) {
      return absl::InvalidArgumentError(absl::StrCat("WEIR_FAILPOINTS: `", text, "`: the hit is a number from 1"));
    }
  }
  const std::vector<std::string> verb = absl::StrSplit(action[0], absl::MaxSplits(':', 1));
  if (verb[0] == "crash") {
    point.action = Action::kCrash;
  } else if (verb[0] == "error") {
    point.action = Action::kError;
  } else if (verb[0] == "stop") {
    point.action = Action::kStop;
  } else if (verb[0] == "sleep" && verb.size() == 2 && absl::SimpleAtoi(verb[1], &point.millis)) {
    point.action = Action::kSleep;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("WEIR_FAILPOINTS: `", text, "`: the action is crash, error, stop or sleep:MILLIS"));
  }
  table.points[sides[0]] = point;
  return absl::OkStatus();
}

}  // namespace

absl::Status Configure(std::string_view text) {
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  table.points.clear();
  for (absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipWhitespace())) {
    if (absl::Status status = ParseOne(std::string(part), table); !status.ok()) return status;
  }
  armed = !table.points.empty();
  return absl::OkStatus();
}

absl::Status ConfigureFromEnvironment() {
  const char* text = std::getenv("WEIR_FAILPOINTS");
  if (text == nullptr || *text == '\0') return absl::OkStatus();
#ifndef WEIR_FAILPOINTS
  return absl::FailedPreconditionError("WEIR_FAILPOINTS is set, but this build has no failpoints (release)");
#else
  return Configure(text);
#endif
}

absl::Status Hit(std::string_view name) {
  if (hook != nullptr) return hook(name);
  if (!armed.load(std::memory_order_relaxed)) return absl::OkStatus();
  Point point;
  {
    Table& table = TheTable();
    std::lock_guard lock(table.mutex);
    auto it = table.points.find(name);
    if (it == table.points.end()) return absl::OkStatus();
    ++it->second.hits;
    point = it->second;
  }
  if (point.hits < point.at || (point.hits > point.at && !point.onwards)) return absl::OkStatus();
  switch (point.action) {
    case Action::kCrash:
      ::_exit(kCrashExitCode);
    case Action::kError:
      return absl::UnavailableError(
          absl::StrCat("failpoint ", absl::string_view(name.data(), name.size())));
    case Action::kStop:
      // To this thread: one for the process may be taken by another one, while this one goes on past the point.
      ::raise(SIGSTOP);
      return absl::OkStatus();
    case Action::kSleep:
      ::usleep(static_cast<useconds_t>(point.millis) * 1000);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace weir::failpoint
