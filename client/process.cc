#include "client/process.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "absl/debugging/failure_signal_handler.h"
#include "absl/debugging/symbolize.h"
#include "common/base/log/log.h"

namespace weir::client {
namespace {

[[noreturn]] void OnTerminate() {
  const char* what = "no exception";
  std::string text;
  if (std::exception_ptr current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::exception& error) {
      text = error.what();
      what = text.c_str();
    } catch (...) {
      what = "an exception of unknown type";
    }
  }
  std::fprintf(stderr, "weir: terminated (this is a bug of weir): %s\n", what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace

void InstallCrashReports(const char* program) {
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(OnTerminate);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  absl::InitializeSymbolizer(program);
  absl::FailureSignalHandlerOptions options;
  options.alarm_on_failure_secs = 10;
  absl::InstallFailureSignalHandler(options);
  // It takes SIGTERM for a failure; here it is how a process is asked to end.
  std::signal(SIGTERM, SIG_DFL);
#endif
}

void ConfigureLog(const Arguments& arguments, const char* default_level) {
  log::SetFormat(arguments.log_format == "json" ? log::Format::kJson : log::Format::kText);
  const std::string level = arguments.log_level.empty() ? default_level : arguments.log_level;
  log::SetMinimumLevel(level == "debug"     ? log::Level::kDebug
                       : level == "warning" ? log::Level::kWarning
                       : level == "error"   ? log::Level::kError
                                            : log::Level::kInfo);
}

void Leave(int code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(stdout);
  std::fflush(stderr);
  _exit(code);
}

}  // namespace weir::client
