#pragma once

#include <string_view>

namespace weir::known_bug {

/// Bugs that others had, which a build with failpoints (never a release) can bring back to show that the tests find them (tests/simulation/bugs).
/// Most are wrappers around ports and live there; these need a place in the code. Each stands where the right
/// behaviour is decided.
inline constexpr std::string_view kNames[] = {
    "FLINK-8132",                  // sink/slot_pool: a slot is given out again before its commit is settled
    "FLINK-17568",                 // task/barrier_aligner: a channel that delivered the barrier is read on
    "FLINK-21132",                 // job_master_end: the end of a job commits nothing
    "notify-before-record",        // checkpoint_coordinator: commits are announced before the record is durable
    "older-recorded-after-newer",  // checkpoint_coordinator: records are put in any order
    "window-fired-again",          // window operator: what has fired stays, and the watermark is not restored
};

constexpr bool IsName(std::string_view name) {
  for (std::string_view known : kNames) {
    if (known == name) return true;
  }
  return false;
}

#ifdef WEIR_FAILPOINTS
/// The one that is there; empty: none. Set once, before anything runs.
inline std::string_view active;
inline bool On(std::string_view name) { return !active.empty() && active == name; }
#endif

}  // namespace weir::known_bug

/// `WEIR_KNOWN_BUG("FLINK-8132")`: whether it is switched on; `false` in builds without failpoints.
#ifdef WEIR_FAILPOINTS
#define WEIR_KNOWN_BUG(name)                                                            \
  ([]() -> bool {                                                                       \
    static_assert(::weir::known_bug::IsName(name), "not listed in known_bug.h");        \
    return ::weir::known_bug::On(name);                                                 \
  }())
#else
#define WEIR_KNOWN_BUG(name) false
#endif
