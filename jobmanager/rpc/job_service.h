#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

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

 private:
  std::mutex mutex_;
  std::map<OpenCall*, std::shared_ptr<OpenCall>> calls_;
  bool stopping_ = false;
};

namespace internal {
// Every method reads raw bytes: see common/rpc/README.md.
template <typename S>
using RawUnary1 =
    v1::JobService::WithRawCallbackMethod_Validate<v1::JobService::WithRawCallbackMethod_Submit<
        v1::JobService::WithRawCallbackMethod_List<v1::JobService::WithRawCallbackMethod_Get<S>>>>;
template <typename S>
using RawUnary2 = v1::JobService::WithRawCallbackMethod_Cancel<
    v1::JobService::WithRawCallbackMethod_Stop<v1::JobService::WithRawCallbackMethod_Savepoint<
        v1::JobService::WithRawCallbackMethod_Checkpoints<
            v1::JobService::WithRawCallbackMethod_Transactions<
                v1::JobService::WithRawCallbackMethod_Cluster<S>>>>>>;
using RawJobService =
    RawUnary1<RawUnary2<v1::JobService::WithRawCallbackMethod_Watch<v1::JobService::Service>>>;
}  // namespace internal

/// JobService over a JobApi.
/// Thread: gRPC's; StopCalls from any other.
class JobService final : public internal::RawJobService {
 public:
  explicit JobService(JobApi* api) : api_(api) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Unary = grpc::ServerUnaryReactor;
  Unary* Validate(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Submit(Context* context, const Bytes* in, Bytes* out) override;
  Unary* List(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Get(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Cancel(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Stop(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Savepoint(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Checkpoints(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Transactions(Context* context, const Bytes* in, Bytes* out) override;
  Unary* Cluster(Context* context, const Bytes* in, Bytes* out) override;
  grpc::ServerWriteReactor<Bytes>* Watch(Context* context, const Bytes* in) override;

  /// Answers what is open and what comes with UNAVAILABLE; answers of the API that come later are
  /// dropped.
  void StopCalls();

 private:
  template <typename Request, typename Result, typename Reply>
  Unary* Answer(Context* context, const Bytes* in, Bytes* out,
                const std::function<void(const Request&, Done<Result>)>& ask);

  JobApi* const api_;
  const std::shared_ptr<OpenCalls> calls_ = std::make_shared<OpenCalls>();
};

}  // namespace weir::jobmanager
