#include "jobmanager/rpc/job_service.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "jobmanager/rpc/job_convert.h"
#include "jobmanager/rpc/writing_reactor.h"
#include "weir/v1/jobs.pb.h"

namespace weir::jobmanager {
namespace {

constexpr size_t kMaxQueuedUpdates = 64;

void ToProto(const std::monostate&, v1::ValidateReply*) {}
void ToProto(const JobId& in, v1::SubmitReply* out) { out->set_job(in.value); }

/// One call with one answer. gRPC and the JobApi each may end it first; `out` is written only
/// before Finish.
class UnaryCall final : public grpc::ServerUnaryReactor, public OpenCall {
 public:
  UnaryCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* out,
            std::shared_ptr<OpenCalls> calls)
      : context_(context), out_(out), calls_(std::move(calls)) {}

  void Answer(const absl::Status& status, const google::protobuf::MessageLite* reply) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    if (status.ok()) rpc::Serialize(*reply, out_);
    context_->AddTrailingMetadata(kOurStatusKey, OurStatusValue(status));
    Finish(rpc::ToGrpc(status));
  }
  void Abort(const absl::Status& why) override { Answer(why, nullptr); }

 private:
  void OnCancel() override { Answer(absl::CancelledError("the caller is gone"), nullptr); }
  void OnDone() override { calls_->Remove(this); }

  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const out_;
  const std::shared_ptr<OpenCalls> calls_;
  std::mutex mutex_;
  bool finished_ = false;
};

class WatchCall final : public WritingReactor<grpc::ServerWriteReactor<grpc::ByteBuffer>>,
                        public OpenCall {
 public:
  WatchCall(grpc::CallbackServerContext* context, std::shared_ptr<OpenCalls> calls)
      : WritingReactor(context), calls_(std::move(calls)) {}

  void Update(const absl::StatusOr<JobStatus>& status) {
    if (!status.ok()) {
      End(status.status());
      return;
    }
    v1::JobStatus wire;
    ToProto(*status, &wire);
    grpc::ByteBuffer bytes;
    rpc::Serialize(wire, &bytes);
    Enqueue(std::move(bytes), kMaxQueuedUpdates, rpc::kMaxStatusBytes * 1024,
            WhenFull::kDropOldest);
    if (IsEnded(status->state)) End(absl::OkStatus());
  }
  void Abort(const absl::Status& why) override { EndNow(why); }
  void Keep(std::unique_ptr<JobApi::Subscription> subscription) {
    subscription_ = std::move(subscription);
  }

 private:
  void OnDone() override {
    subscription_.reset();
    calls_->Remove(this);
  }

  const std::shared_ptr<OpenCalls> calls_;
  std::unique_ptr<JobApi::Subscription> subscription_;
};

absl::Status Leaving() { return absl::UnavailableError("the JobManager is leaving"); }

}  // namespace

bool OpenCalls::Add(std::shared_ptr<OpenCall> call) {
  std::lock_guard lock(mutex_);
  OpenCall* key = call.get();
  calls_.emplace(key, std::move(call));
  return !stopping_;
}

void OpenCalls::Remove(OpenCall* call) {
  std::shared_ptr<OpenCall> last;
  std::lock_guard lock(mutex_);
  const auto it = calls_.find(call);
  last = std::move(it->second);
  calls_.erase(it);
}

void OpenCalls::Stop(const absl::Status& why) {
  std::vector<std::shared_ptr<OpenCall>> open;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [_, call] : calls_) open.push_back(call);
  }
  for (const auto& call : open) call->Abort(why);
}

template <typename Request, typename Result, typename Reply>
JobService::Unary* JobService::Answer(
    Context* context, const Bytes* in, Bytes* out,
    const std::function<void(const Request&, Done<Result>)>& ask) {
  auto call = std::make_shared<UnaryCall>(context, out, calls_);
  if (!calls_->Add(call)) {
    call->Abort(Leaving());
    return call.get();
  }
  Request request;
  if (absl::Status status = rpc::Parse(*in, Request::descriptor()->name().c_str(), &request);
      !status.ok()) {
    rpc::LogRefused("a call", status, context->peer().c_str());
    call->Abort(status);
    return call.get();
  }
  ask(request, [call](absl::StatusOr<Result> result) {
    Reply reply;
    if (result.ok()) ToProto(*result, &reply);
    call->Answer(result.status(), &reply);
  });
  return call.get();
}

JobService::Unary* JobService::Validate(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::ValidateRequest, std::monostate, v1::ValidateReply>(
      context, in, out,
      [this](const auto& request, auto done) { api_->Validate(request.spec(), std::move(done)); });
}

JobService::Unary* JobService::Submit(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::SubmitRequest, JobId, v1::SubmitReply>(
      context, in, out, [this](const auto& request, auto done) {
        absl::StatusOr<SubmitRequest> submit = FromProto(request);
        if (!submit.ok()) return done(submit.status());
        api_->Submit(*std::move(submit), std::move(done));
      });
}

JobService::Unary* JobService::List(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::ListRequest, std::vector<JobSummary>, v1::ListReply>(
      context, in, out, [this](const auto&, auto done) { api_->List(std::move(done)); });
}

JobService::Unary* JobService::Get(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, JobStatus, v1::JobStatus>(
      context, in, out,
      [this](const auto& request, auto done) { api_->Get(request.job(), std::move(done)); });
}

JobService::Unary* JobService::Cancel(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, JobStatus, v1::JobStatus>(
      context, in, out,
      [this](const auto& request, auto done) { api_->Cancel(request.job(), std::move(done)); });
}

JobService::Unary* JobService::Stop(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, CheckpointInfo, v1::CheckpointInfo>(
      context, in, out,
      [this](const auto& request, auto done) { api_->Stop(request.job(), std::move(done)); });
}

JobService::Unary* JobService::Savepoint(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, CheckpointInfo, v1::CheckpointInfo>(
      context, in, out,
      [this](const auto& request, auto done) { api_->Savepoint(request.job(), std::move(done)); });
}

JobService::Unary* JobService::Checkpoints(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, std::vector<CheckpointInfo>, v1::CheckpointsReply>(
      context, in, out, [this](const auto& request, auto done) {
        api_->Checkpoints(request.job(), std::move(done));
      });
}

JobService::Unary* JobService::Transactions(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::JobRequest, JobTransactions, v1::TransactionsReply>(
      context, in, out, [this](const auto& request, auto done) {
        api_->Transactions(request.job(), std::move(done));
      });
}

JobService::Unary* JobService::Cluster(Context* context, const Bytes* in, Bytes* out) {
  return Answer<v1::ClusterRequest, ClusterInfo, v1::ClusterInfo>(
      context, in, out, [this](const auto&, auto done) { api_->Cluster(std::move(done)); });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* JobService::Watch(Context* context, const Bytes* in) {
  auto call = std::make_shared<WatchCall>(context, calls_);
  if (!calls_->Add(call)) {
    call->Abort(Leaving());
    return call.get();
  }
  v1::JobRequest request;
  if (absl::Status status = rpc::Parse(*in, "JobRequest", &request); !status.ok()) {
    rpc::LogRefused("a call", status, context->peer().c_str());
    call->Abort(status);
    return call.get();
  }
  // OnDone, which lets the subscription go, cannot come before this method has returned.
  call->Keep(api_->Watch(
      request.job(), [call](const absl::StatusOr<JobStatus>& status) { call->Update(status); }));
  return call.get();
}

void JobService::StopCalls() { calls_->Stop(Leaving()); }

}  // namespace weir::jobmanager
