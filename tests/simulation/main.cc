// weir-simulate: the cluster in one thread from one seed. See README.md.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/simulation/bugs/known_bugs.h"
#include "tests/simulation/plan/shrinker.h"
#include "tests/simulation/run/batch.h"

namespace weir::sim {
namespace {

struct Arguments {
  RunOptions run;
  std::optional<uint64_t> seed, from, to, count;
  double minutes = 0;
  int jobs = 0, keep_going = 5;
  bool trace = false, shrink = false, twice = false, hashes = false;
  std::string replay;  // options that a replay needs, too
};

/// The command line. Ends the process where it asks for help, or is wrong.
Arguments Parse(int argc, char** argv) {
  Arguments a;
  std::string seeds, kind, faults, bug;
  int64_t seconds = 0;
  bool without_bug = false;
  CLI::App app("The cluster in one thread from one seed.", "weir-simulate");
  app.add_option("--seed", a.seed, "One run; with --minutes and --count: the first seed (else a fresh one)");
  app.add_option("--seeds", seeds, "Runs A to B")->type_name("A..B");
  app.add_option("--minutes", a.minutes, "Runs for so long");
  app.add_option("--count", a.count, "So many runs");
  app.add_flag("--trace", a.trace, "With one seed: one line per event");
  app.add_flag("--shrink", a.shrink, "With one seed: looks for the fewest faults that show the same");
  app.add_option("--seconds", seconds,
                 "Virtual time in which faults come and go (default 18; a run lasts some seconds more)");
  app.add_option("--kind", kind, "Jobs of this kind only: control, real, sessions, top, join, firsts");
  app.add_option("--jobmanagers", a.run.jobmanagers,
                 "So many, on a simulated etcd; 1: one, on files; 0: one, on etcd (default: drawn)")
      ->check(CLI::Range(0, 5));
  app.add_option("--faults", faults, "This plan (as a run prints it) instead of the seed's; none: no faults");
  app.add_option("--jobs", a.jobs, "Processes at once (default: the cores)");
  app.add_flag("--twice", a.twice, "Every seed runs twice; the hashes must be the same");
  app.add_option("--bug", bug, "Brings a known bug back, in jobs and faults in which it can show (weir-simulate-gate)");
  app.add_flag("--without-bug", without_bug, "The same jobs and faults, right code");
  app.add_flag("--hashes", a.hashes, "Prints the hash of every seed");
  app.add_option("--keep-going", a.keep_going, "Ends after so many failing seeds (default 5)");
  app.callback([&] {
    const auto check = [](bool good, const char* option, const std::string& why) {
      if (!good) throw CLI::ValidationError(option, why);
    };
    if (!seeds.empty()) {
      const std::vector<std::string> range = absl::StrSplit(seeds, "..");
      uint64_t from = 0, to = 0;
      check(range.size() == 2 && absl::SimpleAtoi(range[0], &from) && absl::SimpleAtoi(range[1], &to), "--seeds",
            "needs A..B");
      a.from = from, a.to = to;
    }
    if (app.count("--seconds") > 0) a.run.busy = static_cast<SteadyMicros>(seconds) * 1'000'000;
    if (!kind.empty()) {
      a.run.kind = KindOf(kind);
      check(a.run.kind.has_value(), "--kind", "is control, real, sessions, top, join or firsts");
    }
    if (!faults.empty()) {
      auto plan = FaultPlan::Parse(faults == "none" ? "" : faults);
      check(plan.ok(), "--faults", std::string(plan.status().message()));
      a.run.plan = *std::move(plan);
    }
    if (!bug.empty()) {
      a.run.bug = FindKnownBug(bug);
      check(a.run.bug != nullptr, "--bug", "no such bug: " + bug);
    }
    check(a.seed || a.from || a.count || a.minutes > 0, "--seed", "nothing to run");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  for (const char* option : {"--seconds", "--kind", "--jobmanagers", "--faults", "--bug"}) {
    if (app.count(option) == 0) continue;
    absl::StrAppend(&a.replay, " ", option, " '", app.get_option(option)->as<std::string>(), "'");
  }
  if (without_bug) {
    a.run.has_bug = false;
    a.replay += " --without-bug";
  }
  if (a.jobs <= 0) a.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return a;
}

void Print(const Violations& violations) {
  for (const Violation& violation : violations) {
    std::printf("  %s: %s\n", violation.oracle.c_str(), violation.what.c_str());
  }
}

/// In a process of its own, so that a crash is an answer, too.
SeedReport RunApart(const Arguments& a, const RunOptions& run) {
  BatchOptions options;
  options.run = run;
  options.workers = options.seeds_per_process = 1;
  options.twice = a.twice;
  bool given = false;
  SeedReport report;
  RunBatch(
      options,
      [&]() -> std::optional<uint64_t> {
        if (std::exchange(given, true)) return std::nullopt;
        return run.seed;
      },
      [&](const SeedReport& r) { report = r; });
  return report;
}

int RunOneSeed(Arguments a) {
  a.run.seed = *a.seed;
  a.run.trace = a.trace ? stdout : nullptr;
  if (!a.trace) {
    const SeedReport report = RunApart(a, a.run);
    std::printf("seed %llu: hash %016llx, %.1f virtual seconds, %d checkpoints, %d attempts, %d faults, %llu steps\n",
                static_cast<unsigned long long>(report.seed), static_cast<unsigned long long>(report.hash),
                static_cast<double>(report.virtual_micros) / 1e6, report.checkpoints, report.attempts, report.faults,
                static_cast<unsigned long long>(report.steps));
    Print(report.violations);
    if (!report.violations.empty() && a.shrink) {
      const FaultPlan plan = PlanOf(a.run);
      const std::string oracle = report.violations.front().oracle;
      const Shrunk shrunk = Shrink(plan, [&](const FaultPlan& smaller) {
        RunOptions run = a.run;
        run.plan = smaller;
        const Violations violations = RunApart(a, run).violations;
        return !violations.empty() && violations.front().oracle == oracle;
      });
      std::printf("%zu of %zu faults are enough (%d runs): weir-simulate --seed %llu%s --faults '%s' --trace\n",
                  shrunk.plan.faults.size(), plan.faults.size(), shrunk.runs,
                  static_cast<unsigned long long>(a.run.seed), a.replay.c_str(),
                  shrunk.plan.faults.empty() ? "none" : shrunk.plan.Text().c_str());
    }
    return report.violations.empty() ? 0 : 1;
  }
  const RunResult result = RunSeed(a.run);
  std::printf("workload: %s\nfaults: %s\nseed %llu: hash %016llx, %.1f virtual seconds\n", result.workload.c_str(),
              result.plan.Text().c_str(), static_cast<unsigned long long>(a.run.seed),
              static_cast<unsigned long long>(result.hash), static_cast<double>(result.virtual_micros) / 1e6);
  Print(result.violations);
  std::fflush(stdout);
  ::_exit(result.violations.empty() ? 0 : 1);  // what the run has left behind is not destroyed
}

int RunMany(const Arguments& a) {
  BatchOptions options;
  options.run = a.run;
  options.workers = a.jobs;
  options.twice = a.twice;
  uint64_t seed = a.from ? *a.from : a.seed ? *a.seed : std::random_device{}();
  const uint64_t first = seed;
  const auto begin = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  int runs = 0, failing = 0;
  double virtual_seconds = 0, checkpoints = 0, faults = 0;
  int64_t slowest_recovery = 0;
  std::map<std::string, int> reached;
  RunBatch(
      options,
      [&]() -> std::optional<uint64_t> {
        if (failing >= a.keep_going) return std::nullopt;
        if (a.to && seed > *a.to) return std::nullopt;
        if (a.count && seed - first >= *a.count) return std::nullopt;
        if (a.minutes > 0 && passed() >= a.minutes * 60) return std::nullopt;
        return seed++;
      },
      [&](const SeedReport& report) {
        ++runs;
        virtual_seconds += static_cast<double>(report.virtual_micros) / 1e6;
        checkpoints += report.checkpoints;
        faults += report.faults;
        slowest_recovery = std::max(slowest_recovery, report.recovered_in);
        for (const auto& [name, count] : report.reached) reached[name] += count;
        if (a.hashes) {
          std::printf("%llu %016llx\n", static_cast<unsigned long long>(report.seed),
                      static_cast<unsigned long long>(report.hash));
        }
        if (report.violations.empty()) return;
        ++failing;
        std::printf("FAIL seed %llu; replay: weir-simulate --seed %llu%s --trace\n",
                    static_cast<unsigned long long>(report.seed), static_cast<unsigned long long>(report.seed),
                    a.replay.c_str());
        Print(report.violations);
        std::fflush(stdout);
      });
  if (runs == 0) return 2;
  const double minutes = passed() / 60;
  rusage used{};  // of the processes that ran seeds, all of which have ended
  ::getrusage(RUSAGE_CHILDREN, &used);
  const double cpu_minutes = (static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                              static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6) / 60;
  std::printf("%d schedules of seeds %llu..%llu, %d failed: %.0f a minute and core (%.0f a minute of CPU time); "
              "on average %.1f virtual seconds, %.1f checkpoints, %.1f faults; slowest recovery %.1f s\n",
              runs, static_cast<unsigned long long>(first), static_cast<unsigned long long>(seed - 1), failing,
              runs / minutes / a.jobs, runs / cpu_minutes, virtual_seconds / runs, checkpoints / runs, faults / runs,
              static_cast<double>(slowest_recovery) / 1e6);
  for (const auto& [name, count] : reached) std::printf("  %6d %s\n", count, name.c_str());
  return failing == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  const Arguments a = Parse(argc, argv);
  if (a.from || a.count || a.minutes > 0) return RunMany(a);
  return RunOneSeed(a);
}

}  // namespace
}  // namespace weir::sim

int main(int argc, char** argv) { return weir::sim::Main(argc, argv); }
