// weir-simulate-gate: brings known bugs back, one after another, and counts the seeds until the simulator finds each.
// The same seeds must be clean without the bug. See README.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulation/bugs/known_bugs.h"
#include "tests/simulation/run/batch.h"

namespace weir::sim {
namespace {

struct Arguments {
  double minutes = 10;
  uint64_t clean = 50, seed = 1;
  int jobs = 0;
  std::vector<const KnownBug*> bugs;
};

/// The command line. Ends the process where it asks for help or for the list, or is wrong.
Arguments Parse(int argc, char** argv) {
  Arguments a;
  std::vector<std::string> names;
  CLI::App app("Brings known bugs back and counts the seeds until each is found.", "weir-simulate-gate");
  app.add_option("BUG", names, "Those only (default: all)");
  app.add_option("--minutes", a.minutes, "At most so long for each bug (default 10)");
  app.add_option("--clean", a.clean,
                 "So many of the first seeds must be clean without the bug, and the one that found it (default 50)");
  app.add_option("--seed", a.seed, "The first seed (default 1)");
  app.add_option("--jobs", a.jobs, "Processes at once (default: the cores)");
  app.add_flag_callback(
      "--list",
      [] {
        for (const KnownBug& bug : KnownBugs()) std::printf("%-30s %s\n", bug.name.c_str(), bug.what.c_str());
        throw CLI::Success();
      },
      "The bugs");
  app.callback([&] {
    for (const std::string& name : names) {
      a.bugs.push_back(FindKnownBug(name));
      if (a.bugs.back() == nullptr) throw CLI::ValidationError("BUG", "no such bug: " + name);
    }
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (a.bugs.empty()) {
    for (const KnownBug& bug : KnownBugs()) a.bugs.push_back(&bug);
  }
  if (a.jobs <= 0) a.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return a;
}

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

BatchOptions OptionsFor(const Arguments& a, const KnownBug& bug, bool has_bug) {
  BatchOptions options;
  options.run.bug = &bug;
  options.run.has_bug = has_bug;
  options.workers = a.jobs;
  options.seeds_per_process = 4;
  return options;
}

/// Runs `seeds` in their order until `stop`; those with violations, by seed.
template <typename Next>
std::vector<SeedReport> RunSeeds(const BatchOptions& options, const Next& next, bool stop_at_first) {
  std::vector<SeedReport> wrong;
  RunBatch(
      options,
      [&]() -> std::optional<uint64_t> {
        if (stop_at_first && !wrong.empty()) return std::nullopt;
        return next();
      },
      [&](const SeedReport& report) {
        if (!report.violations.empty()) wrong.push_back(report);
      });
  std::sort(wrong.begin(), wrong.end(), [](const auto& x, const auto& y) { return x.seed < y.seed; });
  return wrong;
}

/// Those of them that are wrong without the bug, too.
std::vector<SeedReport> WrongWithout(const Arguments& a, const KnownBug& bug, std::vector<uint64_t> seeds) {
  size_t at = 0;
  return RunSeeds(
      OptionsFor(a, bug, false),
      [&]() -> std::optional<uint64_t> {
        if (at == seeds.size()) return std::nullopt;
        return seeds[at++];
      },
      false);
}

/// One row of the table. False: it was not found, or its seeds are wrong without it.
bool TryBug(const Arguments& a, const KnownBug& bug) {
  const auto begin = std::chrono::steady_clock::now();
  const auto in_time = [&] { return Seconds(begin) < a.minutes * 60; };
  uint64_t next = a.seed;
  std::optional<SeedReport> found;
  std::vector<SeedReport> wrong;
  while (!found && in_time()) {
    const std::vector<SeedReport> candidates = RunSeeds(
        OptionsFor(a, bug, true),
        [&]() -> std::optional<uint64_t> {
          if (!in_time()) return std::nullopt;
          return next++;
        },
        true);
    for (const SeedReport& candidate : candidates) {
      std::vector<SeedReport> without = WrongWithout(a, bug, {candidate.seed});
      if (without.empty()) {
        found = candidate;
        break;
      }
      wrong.push_back(std::move(without.front()));
    }
  }
  const double seconds = Seconds(begin);
  std::vector<uint64_t> first(a.clean);
  for (uint64_t i = 0; i < a.clean; ++i) first[i] = a.seed + i;
  for (SeedReport& report : WrongWithout(a, bug, first)) wrong.push_back(std::move(report));
  if (found) {
    std::printf("| %-30s | %6llu | %7.1f | %-6s | %.150s\n", bug.name.c_str(),
                static_cast<unsigned long long>(found->seed - a.seed + 1), seconds,
                found->violations[0].oracle.c_str(), found->violations[0].what.c_str());
  } else {
    std::printf("| %-30s | NOT FOUND in %llu seeds, %.0f s\n", bug.name.c_str(),
                static_cast<unsigned long long>(next - a.seed), seconds);
  }
  for (const SeedReport& report : wrong) {
    std::printf("    wrong without it: weir-simulate --seed %llu --bug %s --without-bug --trace\n      %s: %s\n",
                static_cast<unsigned long long>(report.seed), bug.name.c_str(), report.violations[0].oracle.c_str(),
                report.violations[0].what.c_str());
  }
  std::fflush(stdout);
  return found && wrong.empty();
}

int Main(int argc, char** argv) {
  const Arguments a = Parse(argc, argv);
  std::printf("| %-30s | %6s | %7s | oracle | what it says\n", "bug", "seeds", "seconds");
  size_t good = 0;
  for (const KnownBug* bug : a.bugs) good += TryBug(a, *bug) ? 1 : 0;
  std::printf("%zu of %zu bugs found, clean without them\n", good, a.bugs.size());
  return good == a.bugs.size() ? 0 : 1;
}

}  // namespace
}  // namespace weir::sim

int main(int argc, char** argv) { return weir::sim::Main(argc, argv); }
