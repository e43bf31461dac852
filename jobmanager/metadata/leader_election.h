#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

/// Chooses one JobManager of several, and gives it the metadata store that only it may write to.
///
/// Thread:    Campaign, Hold and Resign from one thread, in turns; they block. The others from any.
/// Invariant: whoever leads later has a greater epoch, and from then on every write of an earlier
///            leader is refused (kAborted), whatever that one believes. Leases only make it fast.
/// Source:    design.md E4.
class LeaderElection {
 public:
  virtual ~LeaderElection() = default;

  /// Waits until this one leads: the store, under its new epoch.
  /// Errors: kCancelled: Stop. Any other: it will never lead (the folder is another one's, damaged).
  virtual absl::StatusOr<std::unique_ptr<MetadataStore>> Campaign() = 0;
  /// Keeps the lead and waits until it is lost: why. kCancelled: Stop.
  virtual absl::Status Hold() = 0;
  /// Lets another one lead at once rather than when the lease is over. When the JobManager of this
  /// lead has stopped; the store is still there.
  virtual void Resign() = 0;

  /// The lead is lost (a write was refused): Hold returns `why`.
  virtual void Abandon(absl::Status why) = 0;
  /// Ends what waits, for good.
  virtual void Stop() = 0;
  /// HOST:PORT of who leads, as far as known here; empty: nobody.
  virtual std::string Leader() const = 0;
  /// Others may lead meanwhile, and Campaign may wait for long.
  virtual bool has_standbys() const = 0;
};

}  // namespace weir::jobmanager
