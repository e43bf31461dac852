#include "client/cluster/job_manager_host.h"

#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cluster/wiring.h"
#include "common/base/log/log.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/runtime/sync.h"
#include "common/runtime/threads.h"
#include "jobmanager/metadata/file/file_election.h"

namespace weir::client {
namespace {

/// Behind a lead that could not begin.
constexpr SteadyMicros kPause = 500'000;

/// A value that one thread waits for and another one gives.
template <typename T>
class Answer {
 public:
  void Give(T value) {
    std::lock_guard lock(mutex_);
    if (!value_) value_ = std::move(value);
    given_.notify_all();
  }
  T Wait() {
    std::unique_lock lock(mutex_);
    given_.wait(lock, [this] { return value_.has_value(); });
    return *value_;
  }

 private:
  runtime::Mutex mutex_;
  runtime::ConditionVariable given_;
  std::optional<T> value_;
};

/// One lead: the JobManager and what it is made of.
struct Lead {
  explicit Lead(const Clock* clock)
      : loop(clock, "jm-loop"), io("jm-io"), background("jm-background") {}
  ~Lead() { Stop(); }

  void Stop() {
    // The workers post to the loop: events of work that ends later are dropped by it.
    loop.Stop();
    io.Stop();
    background.Stop();
  }

  std::unique_ptr<jobmanager::MetadataStore> store;
  runtime::ThreadEventLoop loop;
  runtime::ThreadWorker io;
  runtime::ThreadWorker background;
  std::unique_ptr<jobmanager::JobManager> job_manager;
};

}  // namespace

struct JobManagerHost::Parts {
  Parts(Settings s, const Clock* c, const job::ConnectorCatalog* k,
        std::function<void(absl::Status)> e)
      : settings(std::move(s)), clock(c), catalog(k), on_ended(std::move(e)) {}

  void Main();
  /// Until the lead is lost, or could not begin: why.
  absl::Status LeadOnce(std::unique_ptr<jobmanager::MetadataStore> store);
  absl::Status StartLead(Lead* lead);

  Settings settings;
  const Clock* const clock;
  const job::ConnectorCatalog* const catalog;
  const std::function<void(absl::Status)> on_ended;
  std::unique_ptr<jobmanager::LeaderGate> gate;
  Answer<absl::Status> first;  // how the first lead began
  bool began = false;          // the thread's
  runtime::Thread thread;
};

JobManagerHost::JobManagerHost() = default;
JobManagerHost::~JobManagerHost() { Stop(); }

absl::StatusOr<std::unique_ptr<JobManagerHost>> JobManagerHost::Start(
    Settings settings, const Clock* clock, const job::ConnectorCatalog* catalog,
    std::function<void(absl::Status)> on_ended) {
  if (settings.election == nullptr) {
    settings.election = std::make_unique<jobmanager::FileElection>(settings.state_dir);
  }
  std::unique_ptr<JobManagerHost> host(new JobManagerHost());
  host->parts_ = std::make_unique<Parts>(std::move(settings), clock, catalog, std::move(on_ended));
  Parts* parts = host->parts_.get();
  jobmanager::LeaderElection* election = parts->settings.election.get();
  parts->gate =
      std::make_unique<jobmanager::LeaderGate>([election] { return election->Leader(); });
  parts->thread = runtime::Thread("jm-election", [parts] { parts->Main(); });
  if (!election->has_standbys()) RETURN_IF_ERROR(parts->first.Wait());
  return host;
}

jobmanager::LeaderGate& JobManagerHost::gate() { return *parts_->gate; }

void JobManagerHost::Stop() {
  if (parts_ == nullptr || !parts_->thread.joinable()) return;
  parts_->settings.election->Stop();
  parts_->thread.join();
}

void JobManagerHost::Parts::Main() {
  jobmanager::LeaderElection& election = *settings.election;
  while (true) {
    auto store = election.Campaign();
    absl::Status why = store.status();
    const bool elected = store.ok();
    if (elected) why = LeadOnce(*std::move(store));
    first.Give(why);
    if (absl::IsCancelled(why)) return;
    // A damaged record is as damaged for the next one; other troubles pass.
    if (!elected || !election.has_standbys() || absl::IsDataLoss(why)) {
      if (began || election.has_standbys()) on_ended(why);  // else Start says it
      return;
    }
    log::Warning(absl::StrCat("does not lead any more and stands by: ", why.message()));
    if (!absl::IsAborted(why)) runtime::SleepFor(kPause);
  }
}

absl::Status JobManagerHost::Parts::StartLead(Lead* lead) {
  jobmanager::JobManagerParts wiring;
  wiring.loop = &lead->loop;
  wiring.io = &lead->io;
  wiring.background = &lead->background;
  wiring.store = lead->store.get();
  wiring.open_storage = StorageWithin(settings.roots, settings.options.checkpoint_storage);
  wiring.compile = settings.compile ? settings.compile : Compiler(catalog);
  wiring.preflight = settings.preflight;
  wiring.seed = RandomSeed();
  wiring.on_deposed = [this](absl::Status why) { settings.election->Abandon(std::move(why)); };
  lead->job_manager =
      std::make_unique<jobmanager::JobManager>(settings.options, std::move(wiring));
  auto started = std::make_shared<Answer<absl::Status>>();
  lead->job_manager->Start([started](absl::Status status) { started->Give(std::move(status)); });
  return started->Wait();
}

absl::Status JobManagerHost::Parts::LeadOnce(std::unique_ptr<jobmanager::MetadataStore> store) {
  auto lead = std::make_shared<Lead>(clock);
  lead->store = std::move(store);
  absl::Status why = StartLead(lead.get());
  if (why.ok()) {
    gate->Lead(std::shared_ptr<jobmanager::JobManager>(lead, lead->job_manager.get()));
    began = true;
    first.Give(absl::OkStatus());
    why = settings.election->Hold();
    // Who leaves for good has said so already; TaskManagers need not look for another one.
    if (!absl::IsCancelled(why)) gate->StepDown();
  }
  lead->Stop();
  settings.election->Resign();
  return why;
}

}  // namespace weir::client
