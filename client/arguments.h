#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::client {

enum class Verb {
  kRun,
  kSubmit,
  kList,
  kStatus,
  kWait,
  kCancel,
  kStop,
  kSavepoint,
  kCheckpoints,
  kTransactions,
  kRescale,
  kLint,
  kExplain,
  kCluster,
  kVersion,
  kJobManager,
  kTaskManager,
};

/// Everything a command line can say; each verb reads what concerns it.
struct Arguments {
  Verb verb = Verb::kVersion;
  bool json = false;       // -o json
  std::string jobmanager;  // HOST:PORT[,…]
  // PEM files and the token shown to the JobManager; empty: none.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string token_file;
  std::string job_file;
  std::string job;  // name or id
  bool live = false;  // lint: ask the systems outside too
  // submit
  bool detach = false;
  std::string from;
  std::string unresolved;  // "", "skip", "repeat"
  // wait
  std::string wait_for = "finished";
  std::optional<int64_t> timeout_ms;
  // run
  std::string state_dir;
  int parallelism = 0;  // 0: as the job file says
  int taskmanagers = 1;
  // daemons
  std::string config_file;
  std::vector<std::string> sets;  // section.key=value
  bool insecure = false;
  std::string log_format = "text";
  std::string log_level;
};

/// What came of a command line: arguments, or text to print and an exit code (help, a mistake).
struct ParsedCommandLine {
  std::optional<Arguments> arguments;
  std::string text;
  int exit_code = 0;
};

/// Thread: call from one. Errors: exit code 2 and one line that says what is wrong and where help
/// is.
ParsedCommandLine ParseCommandLine(const std::vector<std::string>& words);

}  // namespace weir::client
