#pragma once

#include <cstdio>
#include <cstdlib>

namespace weir::internal {
[[noreturn]] inline void CheckFailed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
  std::abort();
}
}  // namespace weir::internal

/// An invariant of ours, also in release builds: crash and recover. Input, peers and disk never reach it.
#define WEIR_CHECK(condition) \
  ((condition) ? (void)0 : ::weir::internal::CheckFailed(#condition, __FILE__, __LINE__))
