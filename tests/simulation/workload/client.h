#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/job/connector_descriptor.h"
#include "jobmanager/job_api.h"
#include "tests/simulation/oracle/history.h"
#include "tests/simulation/scheduler/simulation.h"
#include "tests/simulation/workload/workload.h"

namespace weir::sim {

/// The user of a cluster: submits the jobs of a workload, does with them what it says, and sees each to its end. Asks
/// again as the command line does: who is not answered looks whether it happened, then repeats.
///
/// Thread:  Run in a fiber outside of all processes.
/// Shape:   when the faults are over, the job must run and complete a checkpoint; then it is stopped (one that ends by
///          itself is waited for). What takes longer than `patience` is a violation of O7.
class Client {
 public:
  /// Who leads now, and its process; null: nobody.
  struct Leader {
    jobmanager::JobApi* api = nullptr;
    ProcessId process = 0;
  };
  struct Options {
    Workload workload;
    const job::ConnectorCatalog* catalog = nullptr;
    std::function<Leader()> leader;
    SteadyMicros quiet_at = 20'000'000;  // the last fault is over
    SteadyMicros patience = 60'000'000;  // after that
  };
  Client(Options options, Simulation* simulation);

  void Run();

  bool done() const { return done_; }
  const std::vector<Leg>& legs() const { return legs_; }
  const Violations& violations() const { return violations_; }
  /// From the end of the faults to a new checkpoint of a running job; nothing: it was not waited for.
  std::optional<SteadyMicros> recovered_in() const { return recovered_in_; }

 private:
  template <typename T>
  using Ask = std::function<void(jobmanager::JobApi&, jobmanager::Done<T>)>;

  /// One request, to whoever leads. kUnavailable: it was not answered, and may have happened.
  template <typename T>
  absl::StatusOr<T> Request(const char* what, const Ask<T>& ask);
  absl::StatusOr<jobmanager::JobStatus> Status(const std::string& job);
  bool InTime(const char* what);
  void Pause() { simulation_->Await(300'000); }

  /// The id of the job once it is recorded; nothing: it never will be.
  std::optional<JobId> Submit(int leg, int32_t parallelism, const std::string& from);
  /// Does what is due until the job has ended. What the next job starts from; empty: there is none.
  std::string RunLeg(const JobId& job, int32_t* parallelism);
  void TakeSavepoint(const JobId& job);
  void AskToEnd(const JobId& job, bool stop);
  void AwaitRecovery(const JobId& job);
  std::optional<jobmanager::JobStatus> AwaitEnd(const JobId& job, SteadyMicros until);

  const Options options_;
  Simulation* const simulation_;
  Rng rng_;
  size_t next_step_ = 0;
  int tries_ = 0;
  bool done_ = false;
  std::vector<Leg> legs_;
  Violations violations_;
  std::optional<SteadyMicros> recovered_in_;
};

}  // namespace weir::sim
