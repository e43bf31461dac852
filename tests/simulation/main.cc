// weir-simulate: the cluster in one thread from one seed. See README.md.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/simulation/bugs/known_bugs.h"
#include "tests/simulation/plan/shrinker.h"
#include "tests/simulation/run/batch.h"

namespace weir::sim {
namespace {

constexpr char kUsage[] =
    "weir-simulate --seed N [--trace] [--shrink]    one run; --trace: one line per event\n"
    "              --seeds A..B                     runs A to B\n"
    "              --minutes M [--seed N]           seeds from N (default: a fresh one) for so long\n"
    "              --count N [--seed N]             so many seeds from N (default: a fresh one)\n"
    "  --seconds S      virtual time in which faults come and go (default 18; a run lasts some seconds more)\n"
    "  --kind K         jobs of this kind only: control, real, sessions, top, join, firsts\n"
    "  --jobmanagers N  so many, on a simulated etcd; 1: one, on files; 0: one, on etcd (default: drawn)\n"
    "  --faults TEXT    this plan (as a run prints it) instead of the seed's; none: no faults\n"
    "  --jobs N         processes at once (default: the cores)\n"
    "  --twice          every seed runs twice; the hashes must be the same\n"
    "  --bug NAME       brings a known bug back, in jobs and faults in which it can show (weir-simulate-gate)\n"
    "  --without-bug    the same jobs and faults, right code\n"
    "  --hashes         prints the hash of every seed\n"
    "  --keep-going N   ends after so many failing seeds (default 5)\n";

struct Arguments {
  RunOptions run;
  std::optional<uint64_t> seed, from, to, count;
  double minutes = 0;
  int jobs = 0, keep_going = 5;
  bool trace = false, shrink = false, twice = false, hashes = false;
  std::string replay;  // options that a replay needs, too
};

[[noreturn]] void Usage(const std::string& why) {
  std::fprintf(stderr, "weir-simulate: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

Arguments Parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) Usage(option + " needs a value");
      return argv[++i];
    };
    const auto number = [&] {
      uint64_t n = 0;
      if (!absl::SimpleAtoi(value(), &n)) Usage(option + " needs a number");
      return n;
    };
    if (option == "--seed") {
      a.seed = number();
    } else if (option == "--seeds") {
      const std::vector<std::string> range = absl::StrSplit(value(), "..");
      uint64_t from = 0, to = 0;
      if (range.size() != 2 || !absl::SimpleAtoi(range[0], &from) || !absl::SimpleAtoi(range[1], &to)) {
        Usage("--seeds needs A..B");
      }
      a.from = from, a.to = to;
    } else if (option == "--minutes") {
      if (!absl::SimpleAtod(value(), &a.minutes)) Usage("--minutes needs a number");
    } else if (option == "--count") {
      a.count = number();
    } else if (option == "--seconds") {
      const uint64_t seconds = number();
      a.run.busy = static_cast<SteadyMicros>(seconds) * 1'000'000;
      a.replay += absl::StrCat(" --seconds ", seconds);
    } else if (option == "--kind") {
      const std::string kind = value();
      a.run.kind = KindOf(kind);
      if (!a.run.kind) Usage("--kind is control, real, sessions, top, join or firsts");
      a.replay += " --kind " + kind;
    } else if (option == "--jobmanagers") {
      const uint64_t jobmanagers = number();
      if (jobmanagers > 5) Usage("--jobmanagers is 0 to 5");
      a.run.jobmanagers = static_cast<int>(jobmanagers);
      a.replay += absl::StrCat(" --jobmanagers ", jobmanagers);
    } else if (option == "--faults") {
      const std::string text = value();
      auto plan = FaultPlan::Parse(text == "none" ? "" : text);
      if (!plan.ok()) Usage(std::string(plan.status().message()));
      a.run.plan = *std::move(plan);
      a.replay += absl::StrCat(" --faults '", text, "'");
    } else if (option == "--jobs") {
      a.jobs = static_cast<int>(number());
    } else if (option == "--keep-going") {
      a.keep_going = static_cast<int>(number());
    } else if (option == "--bug") {
      const std::string name = value();
      a.run.bug = FindKnownBug(name);
      if (a.run.bug == nullptr) Usage("no such bug: " + name);
      a.replay += " --bug " + name;
    } else if (option == "--without-bug") {
      a.run.has_bug = false;
      a.replay += " --without-bug";
    } else if (option == "--trace") {
      a.trace = true;
    } else if (option == "--shrink") {
      a.shrink = true;
    } else if (option == "--twice") {
      a.twice = true;
    } else if (option == "--hashes") {
      a.hashes = true;
    } else {
      Usage("unknown option " + option);
    }
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
  if (a.seed) return RunOneSeed(a);
  Usage("nothing to run");
}

}  // namespace
}  // namespace weir::sim

int main(int argc, char** argv) { return weir::sim::Main(argc, argv); }
