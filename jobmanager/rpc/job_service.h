#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "common/security/access.h"
#include "jobmanager/job_api.h"
#include "weir/v1/jobs.grpc.pb.h"

namespace weir::jobmanager {

/// A call that can be ended before its answer is there.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  virtual void Abort(const absl::Status& why) = 0;
};

/// The calls under way: keeps each until its OnDone.
/// Thread: thread-safe.
class OpenCalls {
 public:
  /// False when stopping: the call must be answered at once (it is kept all the same).
  bool Add(std::shared_ptr<OpenCall> call);
  void Remove(OpenCall* call);
  void Stop(const absl::Status& why);
  /// Between the two its message comes. Of more than kMaxReading such calls the slowest is aborted.
  void BeginsReading(OpenCall* call);
  void HasRead(OpenCall* call);

 private:
  static constexpr size_t kMaxReading = 32;
  std::mutex mutex_;
  std::deque<OpenCall*> reading_;  // oldest first
  std::map<OpenCall*, std::shared_ptr<OpenCall>> calls_;
  bool stopping_ = false;
};

/// JobService over a JobApi.
///
/// Thread:  gRPC's; StopCalls from any other.
/// Shape:   every call is a stream to gRPC, so that who calls is known before anything of the message
///          is read: a peer without a token cannot make this process hold its bytes. A message is
///          read raw: see common/rpc/README.md.
/// Bound:   the messages of 32 calls are read at once, of at most 64 MiB each.
class JobService final : public v1::JobService::Service {
 public:
  JobService(JobApi* api, std::shared_ptr<security::Access> access);

  /// Answers what is open and what comes with UNAVAILABLE; answers of the API that come later are
  /// dropped.
  void StopCalls();

 private:
  /// What a call is, for who may make it and for the audit.
  struct Method {
    const char* verb;
    security::Role needs;
    bool changes = false;
  };
  template <typename Request, typename Result, typename Reply>
  void Serve(int index, const Method& method,
             std::function<void(const Request&, Done<Result>)> ask);
  void ServeWatch(int index, const Method& method);

  JobApi* const api_;
  const std::shared_ptr<security::Access> access_;
  const std::shared_ptr<OpenCalls> calls_ = std::make_shared<OpenCalls>();
};

}  // namespace weir::jobmanager
