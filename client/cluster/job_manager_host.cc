#include "client/cluster/job_manager_host.h"

#include <mutex>
#include <optional>
#include <utility>

#include "client/cluster/wiring.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/runtime/threads.h"
#include "jobmanager/metadata/file/file_metadata_store.h"

namespace weir::client {

struct JobManagerHost::Parts {
  explicit Parts(const Clock* clock)
      : loop(clock, "jm-loop"), io("jm-io"), background("jm-background") {}

  std::unique_ptr<jobmanager::FileMetadataStore> store;
  runtime::ThreadEventLoop loop;
  runtime::ThreadWorker io;
  runtime::ThreadWorker background;
  std::unique_ptr<jobmanager::JobManager> job_manager;
};

JobManagerHost::JobManagerHost() = default;
JobManagerHost::~JobManagerHost() {
  if (parts_ == nullptr) return;
  Stop();
  parts_->job_manager.reset();
}

absl::StatusOr<std::unique_ptr<JobManagerHost>> JobManagerHost::Start(
    Settings settings, const Clock* clock, const job::ConnectorCatalog* catalog,
    std::function<void(absl::Status)> on_deposed) {
  ASSIGN_OR_RETURN(auto store, jobmanager::FileMetadataStore::Open(settings.state_dir));
  std::unique_ptr<JobManagerHost> host(new JobManagerHost());
  host->parts_ = std::make_unique<Parts>(clock);
  Parts& parts = *host->parts_;
  parts.store = std::move(store);
  jobmanager::JobManagerParts wiring;
  wiring.loop = &parts.loop;
  wiring.io = &parts.io;
  wiring.background = &parts.background;
  wiring.store = parts.store.get();
  wiring.open_storage = OpenStorage;
  wiring.compile = Compiler(catalog);
  wiring.preflight = std::move(settings.preflight);
  wiring.seed = RandomSeed();
  wiring.on_deposed = std::move(on_deposed);
  parts.job_manager =
      std::make_unique<jobmanager::JobManager>(std::move(settings.options), std::move(wiring));
  struct Started {
    runtime::Mutex mutex;
    runtime::ConditionVariable changed;
    std::optional<absl::Status> status;
  };
  auto started = std::make_shared<Started>();
  parts.job_manager->Start([started](absl::Status status) {
    std::lock_guard lock(started->mutex);
    started->status = std::move(status);
    started->changed.notify_all();
  });
  {
    std::unique_lock lock(started->mutex);
    started->changed.wait(lock, [&] { return started->status.has_value(); });
    RETURN_IF_ERROR(*started->status);
  }
  return host;
}

jobmanager::JobManager& JobManagerHost::job_manager() { return *parts_->job_manager; }

void JobManagerHost::Stop() {
  if (parts_ == nullptr) return;
  // The workers post to the loop: events of work that ends later are dropped by it.
  parts_->loop.Stop();
  parts_->io.Stop();
  parts_->background.Stop();
}

}  // namespace weir::client
