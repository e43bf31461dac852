#pragma once

#include "client/arguments.h"

namespace weir::client {

/// Makes the process tell why it dies: a backtrace on a fatal signal, the message on
/// std::terminate. Ignores SIGPIPE. Thread: first thing in main.
void InstallCrashReports(const char* program);

/// Log format and level as asked for; `default_level` when nothing was.
void ConfigureLog(const Arguments& arguments, const char* default_level);

/// Flushes stdout and stderr and ends the process without running destructors of static objects:
/// libraries' threads may still be at work, and none of them has anything left to say.
[[noreturn]] void Leave(int code);

}  // namespace weir::client
