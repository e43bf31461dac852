#include "jobmanager/rpc/job_service.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "common/security/audit.h"
#include "common/security/refusals.h"
#include "jobmanager/rpc/job_convert.h"
#include "jobmanager/rpc/refusal.h"
#include "jobmanager/rpc/writing_reactor.h"
#include "weir/v1/jobs.pb.h"

namespace weir::jobmanager {
namespace {

constexpr size_t kMaxQueuedUpdates = 64;

void ToProto(const std::monostate&, v1::ValidateReply*) {}
void ToProto(const JobId& in, v1::SubmitReply* out) { out->set_job(in.value); }

using Bytes = grpc::ByteBuffer;
using Context = grpc::CallbackServerContext;

/// The job of a request or of an answer, for the audit; empty: it says nothing of that.
std::string JobOf(const v1::JobRequest& request) { return request.job(); }
std::string JobOf(const JobId& made) { return made.value; }
template <typename Other>
std::string JobOf(const Other&) {
  return "";
}

/// Reads the one message of a call. `Reactor`: of gRPC, and what the call adds to it.
template <typename Reactor>
class MessageCall : public Reactor, public OpenCall {
 public:
  using Handle = std::function<void(const Bytes& in)>;

  /// `handle` is called once with the message, unless the call ends before.
  void Read(Handle handle) {
    handle_ = std::move(handle);
    calls_->BeginsReading(this);
    this->StartRead(&in_);
  }

 protected:
  template <typename... Args>
  explicit MessageCall(std::shared_ptr<OpenCalls> calls, Args... args)
      : Reactor(args...), calls_(std::move(calls)) {}

  // Not before OnReadDone has returned.
  void OnDone() override { calls_->Remove(this); }

 private:
  void OnReadDone(bool ok) override {
    calls_->HasRead(this);
    const Handle handle = std::move(handle_);
    if (ok) {
      handle(in_);
      in_.Clear();
    } else {
      this->Abort(absl::InvalidArgumentError("a call without a message, or one that is too large"));
    }
  }

  const std::shared_ptr<OpenCalls> calls_;
  Handle handle_;
  Bytes in_;
};

/// One call with one message and one answer. gRPC and the JobApi each may end it first.
class UnaryCall final : public MessageCall<BidiReactor> {
 public:
  UnaryCall(Context* context, std::shared_ptr<OpenCalls> calls)
      : MessageCall(std::move(calls)), context_(context) {}

  void Answer(const absl::Status& status, const google::protobuf::MessageLite* reply) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    context_->AddTrailingMetadata(kOurStatusKey, OurStatusValue(status));
    if (status.ok()) {
      rpc::Serialize(*reply, &out_);
      StartWriteAndFinish(&out_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      Finish(rpc::ToGrpc(status));
    }
  }
  void Abort(const absl::Status& why) override { Answer(why, nullptr); }

 private:
  void OnCancel() override { Answer(absl::CancelledError("the caller is gone"), nullptr); }

  Context* const context_;
  Bytes out_;
  std::mutex mutex_;
  bool finished_ = false;
};

class WatchCall final : public MessageCall<WritingReactor<BidiReactor>> {
 public:
  WatchCall(Context* context, std::shared_ptr<OpenCalls> calls) : MessageCall(std::move(calls), context) {}

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
  // OnReadDone makes the subscription.
  void OnDone() override {
    subscription_.reset();
    MessageCall::OnDone();
  }

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

void OpenCalls::BeginsReading(OpenCall* call) {
  std::shared_ptr<OpenCall> slowest;
  {
    std::lock_guard lock(mutex_);
    reading_.push_back(call);
    if (reading_.size() <= kMaxReading) return;
    const auto it = calls_.find(reading_.front());
    reading_.pop_front();
    if (it != calls_.end()) slowest = it->second;
  }
  if (slowest == nullptr) return;
  security::Refuse(security::Refusal::kSilent, "the slowest of too many calls whose message does not come", "");
  slowest->Abort(absl::ResourceExhaustedError("the message of the call did not come, and others wait"));
}

void OpenCalls::HasRead(OpenCall* call) {
  std::lock_guard lock(mutex_);
  std::erase(reading_, call);
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
void JobService::Serve(int index, const Method& method,
                       std::function<void(const Request&, Done<Result>)> ask) {
  auto take = [this, method, ask = std::move(ask)](Context* context) -> BidiReactor* {
    const std::string peer = context->peer();
    absl::StatusOr<security::Principal> who =
        access_->Admit(AuthorizationOf(*context), method.needs, method.verb, peer);
    if (!who.ok()) return new Refusal(context, who.status());
    auto call = std::make_shared<UnaryCall>(context, calls_);
    if (!calls_->Add(call)) {
      call->Abort(Leaving());
      return call.get();
    }
    // The call is kept by calls_ until its OnDone, and its reading ends before that.
    call->Read([call = call.get(), weak = std::weak_ptr<UnaryCall>(call), method, who = *std::move(who),
                peer, ask](const Bytes& in) {
      Request request;
      if (absl::Status status = rpc::Parse(in, Request::descriptor()->name().c_str(), &request);
          !status.ok()) {
        rpc::LogRefused("a call", status, peer.c_str());
        call->Abort(status);
        return;
      }
      ask(request, [kept = weak.lock(), method, who, peer,
                    job = std::string(JobOf(request))](absl::StatusOr<Result> result) {
        if (method.changes) {
          security::Audit(who, peer, method.verb, result.ok() && job.empty() ? JobOf(*result) : job,
                          result.status());
        }
        Reply reply;
        if (result.ok()) ToProto(*result, &reply);
        if (kept != nullptr) kept->Answer(result.status(), &reply);
      });
    });
    return call.get();
  };
  MarkMethodStreamed(index, new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(take));
  MarkMethodRawCallback(index, new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(take));
}

void JobService::ServeWatch(int index, const Method& method) {
  auto take = [this, method](Context* context) -> BidiReactor* {
    const std::string peer = context->peer();
    const auto who = access_->Admit(AuthorizationOf(*context), method.needs, method.verb, peer);
    if (!who.ok()) return new Refusal(context, who.status());
    auto call = std::make_shared<WatchCall>(context, calls_);
    if (!calls_->Add(call)) {
      call->Abort(Leaving());
      return call.get();
    }
    call->Read([this, call = call.get(), weak = std::weak_ptr<WatchCall>(call), peer](const Bytes& in) {
      v1::JobRequest request;
      if (absl::Status status = rpc::Parse(in, "JobRequest", &request); !status.ok()) {
        rpc::LogRefused("a call", status, peer.c_str());
        call->Abort(status);
        return;
      }
      call->Keep(api_->Watch(request.job(), [kept = weak.lock()](const absl::StatusOr<JobStatus>& status) {
        if (kept != nullptr) kept->Update(status);
      }));
    });
    return call.get();
  };
  MarkMethodStreamed(index, new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(take));
  MarkMethodRawCallback(index, new grpc::internal::CallbackBidiHandler<Bytes, Bytes>(take));
}

JobService::JobService(JobApi* api, std::shared_ptr<security::Access> access)
    : api_(api), access_(std::move(access)) {
  constexpr auto kRead = security::Role::kReadOnly;
  constexpr auto kAdmin = security::Role::kAdmin;
  // The order of the methods in jobs.proto.
  Serve<v1::ValidateRequest, std::monostate, v1::ValidateReply>(
      0, {"validate", kAdmin},
      [this](const auto& request, auto done) { api_->Validate(request.spec(), std::move(done)); });
  Serve<v1::SubmitRequest, JobId, v1::SubmitReply>(
      1, {"submit", kAdmin, true}, [this](const auto& request, auto done) {
        absl::StatusOr<SubmitRequest> submit = FromProto(request);
        if (!submit.ok()) return done(submit.status());
        api_->Submit(*std::move(submit), std::move(done));
      });
  Serve<v1::ListRequest, std::vector<JobSummary>, v1::ListReply>(
      2, {"list", kRead}, [this](const auto&, auto done) { api_->List(std::move(done)); });
  Serve<v1::JobRequest, JobStatus, v1::JobStatus>(
      3, {"status", kRead},
      [this](const auto& request, auto done) { api_->Get(request.job(), std::move(done)); });
  ServeWatch(4, {"watch", kRead});
  Serve<v1::JobRequest, JobStatus, v1::JobStatus>(
      5, {"cancel", kAdmin, true},
      [this](const auto& request, auto done) { api_->Cancel(request.job(), std::move(done)); });
  Serve<v1::JobRequest, CheckpointInfo, v1::CheckpointInfo>(
      6, {"stop", kAdmin, true},
      [this](const auto& request, auto done) { api_->Stop(request.job(), std::move(done)); });
  Serve<v1::JobRequest, CheckpointInfo, v1::CheckpointInfo>(
      7, {"savepoint", kAdmin, true},
      [this](const auto& request, auto done) { api_->Savepoint(request.job(), std::move(done)); });
  Serve<v1::JobRequest, std::vector<CheckpointInfo>, v1::CheckpointsReply>(
      8, {"checkpoints", kRead}, [this](const auto& request, auto done) {
        api_->Checkpoints(request.job(), std::move(done));
      });
  Serve<v1::JobRequest, JobTransactions, v1::TransactionsReply>(
      9, {"transactions", kRead}, [this](const auto& request, auto done) {
        api_->Transactions(request.job(), std::move(done));
      });
  Serve<v1::ClusterRequest, ClusterInfo, v1::ClusterInfo>(
      10, {"cluster", kRead}, [this](const auto&, auto done) { api_->Cluster(std::move(done)); });
}

void JobService::StopCalls() { calls_->Stop(Leaving()); }

}  // namespace weir::jobmanager
