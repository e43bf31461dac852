#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>
#include <utility>

#include "client/arguments.h"
#include "client/exit_code.h"
#include "common/config/diagnostics.h"
#include "common/config/units.h"

namespace weir::client {
namespace {

constexpr const char* kIntroduction =
    "weir: stream processing with exactly-once results\n"
    "\n"
    "  weir run JOB.yaml                     one job in this process, no cluster needed\n"
    "  weir submit JOB.yaml                  the same job on a cluster\n"
    "  weir lint JOB.yaml                    every mistake of a job file at once\n";

constexpr const char* kFooter =
    "\n`weir VERB --help` tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such job,\n"
    "4 refused, 5 cluster not reachable, 6 waited too long, 70 a bug of weir, 78 invalid job file "
    "or\n"
    "configuration, 130 interrupted.";

// Without the descriptions that CLI11 would put into every help text; its messages on a mistake
// stay.
CLI::Validator OneOf(std::vector<std::string> choices) {
  CLI::Validator validator = CLI::IsMember(std::move(choices));
  return validator.description("");
}
CLI::Validator Between(int low, int high) {
  CLI::Validator validator = CLI::Range(low, high);
  return validator.description("");
}

class Parser {
 public:
  Parser() : app_(kIntroduction, "weir") {
    app_.set_help_flag("-h,--help", "Print this help and leave");
    app_.set_version_flag("--version", "", "Print the version and leave");
    app_.require_subcommand(1);
    app_.footer(kFooter);
    app_.get_formatter()->column_width(40);
    JobFileVerbs();
    ClusterVerbs();
    DaemonVerbs();
  }

  ParsedCommandLine Parse(const std::vector<std::string>& words) {
    ParsedCommandLine result;
    if (words.empty()) return {std::nullopt, app_.help(), kExitUsage};
    if (words[0] == "--version") {
      arguments_.verb = Verb::kVersion;
      return {arguments_, "", 0};
    }
    if (words[0][0] != '-' && !IsVerb(words[0])) return UnknownVerb(words[0]);
    try {
      std::vector<std::string> reversed(words.rbegin(), words.rend());
      app_.parse(reversed);
    } catch (const CLI::ParseError& error) {
      return OfError(error);
    }
    for (const auto& [app, verb] : verbs_) {
      if (app->parsed()) arguments_.verb = verb;
    }
    if (!timeout_.empty()) {
      std::optional<int64_t> micros = config::ParseDuration(timeout_);
      if (micros) arguments_.timeout_ms = (*micros + 999) / 1000;
      if (!micros) {
        return {
            std::nullopt,
            "weir: error: --timeout " + timeout_ + " is no duration; write for example 30s or 5m\n",
            kExitUsage};
      }
    }
    if (!arguments_.unresolved.empty() && arguments_.from.empty()) {
      return {
          std::nullopt,
          "weir: error: --unresolved says how to go on from a checkpoint; it needs --from PATH\n",
          kExitUsage};
    }
    if (arguments_.jobmanager.empty()) {
      const char* environment = std::getenv("WEIR_JOBMANAGER");
      arguments_.jobmanager =
          environment != nullptr && *environment != '\0' ? environment : "127.0.0.1:6123";
    }
    for (auto [value, name] : {std::pair(&arguments_.tls_ca, "WEIR_TLS_CA"),
                               std::pair(&arguments_.tls_cert, "WEIR_TLS_CERT"),
                               std::pair(&arguments_.tls_key, "WEIR_TLS_KEY"),
                               std::pair(&arguments_.token_file, "WEIR_TOKEN_FILE")}) {
      const char* environment = std::getenv(name);
      if (value->empty() && environment != nullptr) *value = environment;
    }
    if (arguments_.tls_cert.empty() != arguments_.tls_key.empty()) {
      return {std::nullopt,
              "weir: error: --tls-cert and --tls-key go together: a certificate and the key to it\n",
              kExitUsage};
    }
    arguments_.json = output_ == "json";
    result.arguments = arguments_;
    return result;
  }

 private:
  CLI::App* Add(const char* name, Verb verb, const char* what, const char* group,
                const char* footer = "") {
    CLI::App* app = app_.add_subcommand(name, what);
    app->group(group);
    app->footer(footer);
    app->get_formatter()->column_width(34);
    app->add_option("-o,--output", output_, "With json: data on stdout, all else on stderr")
        ->check(OneOf({"text", "json"}))
        ->type_name("text|json");
    verbs_[app] = verb;
    return app;
  }
  void AddJobFile(CLI::App* app) {
    app->add_option("JOB", arguments_.job_file, "The job file (YAML)")->required()->type_name("");
  }
  void AddParallelism(CLI::App* app) {
    app->add_option("--parallelism", arguments_.parallelism,
                    "Instead of the job file's parallelism")
        ->check(Between(1, 32768))
        ->type_name("N");
  }
  void AddJob(CLI::App* app) {
    app->add_option("JOB", arguments_.job, "Name or id of a job")->required()->type_name("");
  }
  CLI::App* AddRemote(const char* name, Verb verb, const char* what, const char* group,
                      const char* footer = "") {
    CLI::App* app = Add(name, verb, what, group, footer);
    app->add_option("--jobmanager", arguments_.jobmanager,
                    "Where the JobManager is (or $WEIR_JOBMANAGER; 127.0.0.1:6123)")
        ->type_name("HOST:PORT[,...]");
    app->add_option("--tls-ca", arguments_.tls_ca,
                    "Speak TLS; who signed the JobManager's certificate (or $WEIR_TLS_CA)")
        ->type_name("FILE");
    app->add_option("--tls-cert", arguments_.tls_cert, "Our certificate (or $WEIR_TLS_CERT)")
        ->type_name("FILE");
    app->add_option("--tls-key", arguments_.tls_key, "The key to it (or $WEIR_TLS_KEY)")
        ->type_name("FILE");
    app->add_option("--token-file", arguments_.token_file,
                    "Our token, in a file (or $WEIR_TOKEN_FILE)")
        ->type_name("FILE");
    return app;
  }
  void AddTimeout(CLI::App* app, const char* what) {
    app->add_option("--timeout", timeout_, what)->type_name("DURATION");
  }

  void JobFileVerbs() {
    constexpr const char* kGroup = "Jobs here";
    CLI::App* run =
        Add("run", Verb::kRun, "Run a job in this process until it ends or Ctrl-C", kGroup,
            "\nA job that ends by itself leaves with 0. Ctrl-C takes a savepoint and leaves with "
            "130; the next\n"
            "run in the same --state-dir goes on from it. Ctrl-C twice leaves at once: the next "
            "run goes on\n"
            "from the last checkpoint. A job that has finished there starts anew.\n"
            "\nExample: weir run deploy/jobs/fraud-alert.yaml --state-dir /var/tmp/fraud");
    AddJobFile(run);
    run->add_option("--state-dir", arguments_.state_dir,
                    "State and checkpoints live here (default: a temporary folder)")
        ->type_name("DIR");
    AddParallelism(run);
    run->add_option("--taskmanagers", arguments_.taskmanagers,
                    "How many TaskManagers to run in the process")
        ->check(Between(1, 64))
        ->type_name("N")
        ->capture_default_str();
    AddLog(run);
    CLI::App* lint =
        Add("lint", Verb::kLint, "Report every mistake in a job file", kGroup,
            "\nLeaves with 78 when there is one. Nothing is started; only --live asks brokers: whether "
            "they are\nreached, topics are there, rights and time limits suffice.");
    AddJobFile(lint);
    lint->add_flag("--live", arguments_.live, "Ask the brokers of sources and sinks too");
    CLI::App* explain =
        Add("explain", Verb::kExplain,
            "Show how a job would run: tasks, exchanges, state, guarantees", kGroup);
    AddJobFile(explain);
    AddParallelism(explain);
  }

  void ClusterVerbs() {
    constexpr const char* kGroup = "Jobs on a cluster";
    CLI::App* submit =
        AddRemote("submit", Verb::kSubmit, "Start a job on a cluster and follow it", kGroup,
                  "\n--unresolved: skip leaves transactions whose outcome cannot be known as they "
                  "are, repeat writes\n"
                  "again what is found of them; without it such a start is refused.\n"
                  "\nWithout --detach the job is followed until it ends; Ctrl-C stops following, "
                  "the job goes on.\n"
                  "\nExample: weir submit job.yaml --detach\n"
                  "         weir submit job.yaml --from \"$(weir stop my-job)\"");
    AddJobFile(submit);
    AddParallelism(submit);
    submit->add_flag("-d,--detach", arguments_.detach, "Print the job's id and leave");
    submit->add_option("--from", arguments_.from, "Start from this checkpoint or savepoint")
        ->type_name("PATH");
    submit
        ->add_option("--unresolved", arguments_.unresolved,
                     "With --from: what becomes of transactions of unknown outcome")
        ->check(OneOf({"skip", "repeat"}))
        ->type_name("skip|repeat");
    AddRemote("list", Verb::kList, "Jobs, running and ended", kGroup);
    AddJob(AddRemote("status", Verb::kStatus, "State, progress and failures of a job", kGroup));
    CLI::App* wait =
        AddRemote("wait", Verb::kWait, "Wait until a job has come to something", kGroup,
                  "\nLeaves with 1 if the job ends otherwise, with 6 when the time is over.\n"
                  "checkpoint: one that the job's current attempt has completed.");
    AddJob(wait);
    wait->add_option("--for", arguments_.wait_for, "What to wait for")
        ->capture_default_str()
        ->check(OneOf({"running", "checkpoint", "finished"}))
        ->type_name("running|checkpoint|finished");
    AddTimeout(wait, "Give up after this long, for example 30s");
    CLI::App* cancel =
        AddRemote("cancel", Verb::kCancel, "End a job at once, without a savepoint", kGroup);
    AddJob(cancel);
    AddTimeout(cancel, "Stop waiting after this long; the request stands");
    CLI::App* stop =
        AddRemote("stop", Verb::kStop, "End a job with a savepoint and print its path", kGroup);
    AddJob(stop);
    AddTimeout(stop, "Stop waiting after this long; the request stands");
    CLI::App* savepoint = AddRemote("savepoint", Verb::kSavepoint,
                                    "Take a savepoint of a running job and print its path", kGroup);
    AddJob(savepoint);
    AddTimeout(savepoint, "Stop waiting after this long; the request stands");
    AddJob(
        AddRemote("checkpoints", Verb::kCheckpoints, "What a job can be started --from", kGroup));
    AddJob(AddRemote("transactions", Verb::kTransactions,
                     "What the sinks of a job have open and not committed", kGroup));
    CLI::App* rescale =
        AddRemote("rescale", Verb::kRescale, "Change the parallelism of a running job", kGroup);
    AddJob(rescale);
    AddParallelism(rescale);
    AddRemote("cluster", Verb::kCluster, "TaskManagers and their slots", kGroup);
    Add("version", Verb::kVersion, "Version and build id", "Other");
  }

  void AddLog(CLI::App* app) {
    app->add_option("--log-format", arguments_.log_format, "One event a line on stderr")
        ->check(OneOf({"text", "json"}))
        ->type_name("text|json")
        ->capture_default_str();
    app->add_option("--log-level", arguments_.log_level, "Least level that is logged")
        ->check(OneOf({"debug", "info", "warning", "error"}))
        ->type_name("debug|info|warning|error");
  }
  void DaemonVerbs() {
    for (auto [name, verb, what] :
         {std::tuple("jobmanager", Verb::kJobManager, "Lead a cluster: jobs and checkpoints"),
          std::tuple("taskmanager", Verb::kTaskManager, "Run the tasks of jobs")}) {
      CLI::App* app = Add(
          name, verb, what, "Daemons",
          "\nA daemon that is ready prints one line with its addresses; SIGTERM ends it cleanly.\n"
          "--set beats the environment (WEIR__SECTION__KEY), which beats the file.");
      app->add_option("--config", arguments_.config_file, "Configuration file (YAML)")
          ->type_name("FILE");
      app->add_option("--set", arguments_.sets,
                      "Set one key, for example --set listen=127.0.0.1:7000; may be repeated")
          ->type_name("KEY=VALUE")
          ->allow_extra_args(false);
      app->add_flag("--insecure", arguments_.insecure,
                    "Allow addresses that other machines can reach without TLS and tokens");
      AddLog(app);
    }
  }

  bool IsVerb(const std::string& word) const {
    return std::any_of(verbs_.begin(), verbs_.end(),
                       [&](const auto& entry) { return entry.first->get_name() == word; });
  }

  ParsedCommandLine UnknownVerb(const std::string& word) {
    std::vector<std::string> names;
    for (const auto& [app, verb] : verbs_) names.push_back(app->get_name());
    std::sort(names.begin(), names.end());
    std::string nearest = config::Nearest(word, names);
    std::string text = "weir: error: there is no verb `" + word + "`";
    if (!nearest.empty()) text += ", did you mean `" + nearest + "`?";
    return {std::nullopt, text + "\n`weir --help` lists all.\n", kExitUsage};
  }

  ParsedCommandLine OfError(const CLI::ParseError& error) {
    CLI::App* app = &app_;
    for (const auto& [sub, verb] : verbs_) {
      if (sub->parsed()) app = sub;
    }
    if (error.get_exit_code() == 0)
      return {std::nullopt, app == &app_ ? app->help() : app->help("weir"), 0};
    std::string command = app == &app_ ? "weir" : "weir " + app->get_name();
    return {
        std::nullopt,
        "weir: error: " + std::string(error.what()) + "\n`" + command + " --help` tells more.\n",
        kExitUsage};
  }

  CLI::App app_;
  std::map<CLI::App*, Verb> verbs_;
  Arguments arguments_;
  std::string output_ = "text";
  std::string timeout_;
};

}  // namespace

ParsedCommandLine ParseCommandLine(const std::vector<std::string>& words) {
  return Parser().Parse(words);
}

}  // namespace weir::client
