#pragma once

#include <ostream>
#include <string_view>

#include "client/interrupts.h"
#include "common/base/clock.h"
#include "jobmanager/job_api.h"

namespace weir::client {

/// What a verb works with. `api` is null for verbs that ask no JobManager.
/// Thread: the main thread's.
struct Context {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  jobmanager::JobApi* api = nullptr;
  Interrupts* interrupts = nullptr;
  const Clock* clock = nullptr;
};

/// `weir: error: MESSAGE` on stderr.
inline void PrintError(const Context& context, std::string_view message) {
  *context.err << "weir: error: " << message << "\n";
}

}  // namespace weir::client
