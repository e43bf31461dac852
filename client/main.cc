#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/arguments.h"
#include "client/cluster/guarded_registry.h"
#include "client/context.h"
#include "client/exit_code.h"
#include "client/interrupts.h"
#include "client/process.h"
#include "client/rpc/job_client.h"
#include "client/verb/daemons.h"
#include "client/verb/run.h"
#include "client/verb/verbs.h"
#include "common/base/clock/system_clock.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/rpc/client_security.h"
#include "common/security/token_table.h"
#include "taskmanager/connector/builtin/builtin.h"

namespace weir::client {
namespace {

/// The JobManager that the command line names, with what it says of TLS and tokens.
absl::StatusOr<std::unique_ptr<jobmanager::JobApi>> Connect(const Arguments& arguments) {
  const config::TlsConfig tls{arguments.tls_cert, arguments.tls_key, arguments.tls_ca, false};
  rpc::ClientSecurity::Token token;
  if (!arguments.token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, security::LoadClientToken(arguments.token_file));
    token = [text] { return text; };
  }
  ASSIGN_OR_RETURN(auto security, rpc::ClientSecurity::Make(tls, std::move(token)));
  return ConnectToJobManager(arguments.jobmanager, std::move(security));
}

/// The connectors of jobs that run in this process, with the user's own rights and secrets.
taskmanager::ConnectorRegistry ConnectorsHere() {
  const char* secrets = std::getenv("WEIR_SECRETS_DIR");
  return Guarded(taskmanager::BuiltinRegistry(), {secrets != nullptr ? secrets : "", nullptr});
}

/// Asks a JobManager over gRPC.
int Remote(Context context, const Arguments& arguments) {
  absl::StatusOr<std::unique_ptr<jobmanager::JobApi>> api = Connect(arguments);
  if (!api.ok()) {
    PrintError(context, std::string(api.status().message()));
    return kExitUsage;
  }
  context.api = api->get();
  SignalThread signals(context.interrupts);
  switch (arguments.verb) {
    case Verb::kSubmit:
      return Submit(context, arguments, taskmanager::BuiltinCatalog());
    case Verb::kList:
      return List(context, arguments);
    case Verb::kStatus:
      return Status(context, arguments);
    case Verb::kWait:
      return Wait(context, arguments);
    case Verb::kCancel:
      return Cancel(context, arguments);
    case Verb::kStop:
      return Stop(context, arguments);
    case Verb::kSavepoint:
      return Savepoint(context, arguments);
    case Verb::kCheckpoints:
      return Checkpoints(context, arguments);
    case Verb::kTransactions:
      return Transactions(context, arguments);
    case Verb::kCluster:
      return Cluster(context, arguments);
    default:
      return kExitOurBug;
  }
}

int Dispatch(const Context& context, const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kVersion:
      return Version(context, arguments);
    case Verb::kRescale:
      return Rescale(context, arguments);
    case Verb::kLint:
      ConfigureLog(arguments, "error");
      return Lint(context, arguments, taskmanager::BuiltinCatalog(), ConnectorsHere());
    case Verb::kExplain:
      return Explain(context, arguments, taskmanager::BuiltinCatalog());
    case Verb::kJobManager:
      return RunJobManager(context, arguments, taskmanager::BuiltinCatalog(),
                           taskmanager::BuiltinRegistry());
    case Verb::kTaskManager:
      return RunTaskManager(context, arguments, taskmanager::BuiltinCatalog(),
                            taskmanager::BuiltinRegistry());
    case Verb::kRun: {
      ConfigureLog(arguments, "warning");
      SignalThread signals(context.interrupts);
      return Run(context, arguments, taskmanager::BuiltinCatalog(), ConnectorsHere());
    }
    default:
      return Remote(context, arguments);
  }
}

int Main(int argc, char** argv) {
  InstallCrashReports(argv[0]);
  ParsedCommandLine parsed = ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!parsed.arguments) {
    (parsed.exit_code == kExitDone ? std::cout : std::cerr) << parsed.text;
    return parsed.exit_code;
  }
  SystemClock clock;
  Interrupts interrupts;
  Context context;
  context.out = &std::cout;
  context.err = &std::cerr;
  context.out_is_terminal = isatty(STDOUT_FILENO) != 0;
  context.err_is_terminal = isatty(STDERR_FILENO) != 0;
  context.interrupts = &interrupts;
  context.clock = &clock;
  if (absl::Status status = failpoint::ConfigureFromEnvironment(); !status.ok()) {
    PrintError(context, std::string(status.message()));
    return kExitInvalidConfig;
  }
  return Dispatch(context, *parsed.arguments);
}

}  // namespace
}  // namespace weir::client

int main(int argc, char** argv) { weir::client::Leave(weir::client::Main(argc, argv)); }
