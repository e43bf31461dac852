#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace weir::failpoint {

/// The names of all failpoints; a name outside this list does not compile into `WEIR_FAILPOINT`.
/// Each stands at a point where a crash must lose and double nothing (design.md sections 5 and 6).
inline constexpr std::string_view kNames[] = {
    "before_trigger",               // JobManager: a checkpoint is due, nothing was sent
    "after_trigger",                // JobManager: the triggers were sent
    "in_alignment",                 // TaskManager: some, not all, channels have delivered the barrier
    "before_seal",                  // TaskManager: aligned and drained, before the synchronous part
    "after_seal",                   // TaskManager: after the synchronous part, before the barrier goes on
    "before_pre_commit",            // TaskManager: before what was sealed is flushed and fsynced
    "after_pre_commit",             // TaskManager: the sink's handle exists, nobody knows it
    "before_upload",                // TaskManager: before state is written to the checkpoint storage
    "after_upload",                 // TaskManager: state is durable, not acknowledged
    "before_manifest_rename",       // JobManager: the manifest's temporary file is complete
    "after_manifest_rename",        // JobManager: the manifest is durable
    "before_metadata_record",       // JobManager: manifest durable, the record was not put
    "after_metadata_record",        // JobManager: the record is durable, nobody was notified
    "after_some_notifications",     // JobManager: the first TaskManager was notified, the others were not
    "before_commit_rename",         // TaskManager: a sink is about to rename a committed file
    "after_commit_rename",          // TaskManager: the file is visible, nobody knows it
    "in_restore",                   // TaskManager: state is being restored
    "in_resolve",                   // TaskManager: handles are being resolved
    "before_sweep",                 // TaskManager: all have resolved, nothing was swept
    "kafka_after_drain",            // TaskManager: all records of a sealed transaction are confirmed, it has no marker
    "kafka_after_marker",           // TaskManager: the transaction can be committed by anybody, its handle is not made
    "kafka_before_end_txn",         // TaskManager: a sink is about to commit a transaction of a complete checkpoint
    "kafka_after_end_txn",          // TaskManager: the transaction is committed, nobody knows it
    "in_sweep",                     // TaskManager: an open Kafka transaction of an older attempt was aborted, others not
    "in_resolve_after_fence",       // TaskManager: a Kafka transaction's id was fenced, what became of it was not read
    "in_repair_after_init",         // TaskManager: a repair has fenced all others of that id
    "in_repair_produce",            // TaskManager: a repair has given a record to its producer
    "in_repair_before_commit",      // TaskManager: all records of a repair were given to its producer
    "in_repair_after_commit",       // TaskManager: a repair is committed, nobody knows it
};

constexpr bool IsName(std::string_view name) {
  for (std::string_view known : kNames) {
    if (known == name) return true;
  }
  return false;
}

/// Exit code of a process that a failpoint crashed.
inline constexpr int kCrashExitCode = 113;

/// Reads WEIR_FAILPOINTS: `name=action@n[,…]`, n from 1 = the hit that acts (`@n` absent: the first; `@n+`:
/// the n-th and all later). Actions: `crash` (_exit(113) at once, no flushing, no destructors), `error` (the
/// point returns kUnavailable), `stop` (SIGSTOP to itself), `sleep:MILLIS`. Unknown names or actions are
/// errors. Call once at start; thread-safe against hits only after it has returned.
absl::Status ConfigureFromEnvironment();

/// Configures from a text of the same form; an empty one turns all off. For tests.
absl::Status Configure(std::string_view text);

/// A simulation's: asked at every hit, before the table is. Null in production.
inline absl::Status (*hook)(std::string_view name) = nullptr;

/// Counts a hit of `name` and acts. Thread-safe.
absl::Status Hit(std::string_view name);

}  // namespace weir::failpoint

/// `WEIR_FAILPOINT("before_seal")`: evaluates to an absl::Status, OK unless told otherwise.
#ifdef WEIR_FAILPOINTS
#define WEIR_FAILPOINT(name)                                                          \
  ([]() -> ::absl::Status {                                                           \
    static_assert(::weir::failpoint::IsName(name), "not listed in failpoint.h");      \
    return ::weir::failpoint::Hit(name);                                              \
  }())
#else
#define WEIR_FAILPOINT(name) (::absl::OkStatus())
#endif
