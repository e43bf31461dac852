#include "client/rpc/job_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/endpoint.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "jobmanager/rpc/job_convert.h"
#include "weir/v1/jobs.grpc.pb.h"

namespace weir::client {
namespace {

using jobmanager::CheckpointInfo;
using jobmanager::ClusterInfo;
using jobmanager::Done;
using jobmanager::JobStatus;
using jobmanager::JobSummary;
using jobmanager::JobTransactions;
using jobmanager::SubmitRequest;
using Stub = v1::JobService::Stub;

/// Calls that only ask. The others take as long as what they ask for; pings find a dead JobManager.
constexpr auto kAskDeadline = std::chrono::seconds(30);
/// Of several JobManagers one may have to be elected first.
constexpr auto kElectionPatience = std::chrono::seconds(15);
constexpr auto kElectionPause = std::chrono::milliseconds(200);
constexpr int kConnectMs = 500;

absl::StatusOr<std::monostate> FromProto(const v1::ValidateReply&) { return std::monostate(); }
absl::StatusOr<JobId> FromProto(const v1::SubmitReply& in) { return JobId{in.job()}; }
using jobmanager::FromProto;

/// Of a status: nothing has happened, another JobManager leads.
constexpr char kAskAnother[] = "weir/ask-another";

struct Target {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
};

/// A blocking call on a thread of its own: gRPC's callbacks would run on threads that outlive main.
struct Call {
  std::atomic<bool> cancelled{false};
  std::atomic<bool> finished{false};
  std::thread thread;

  /// False when it was cancelled.
  bool Begin(std::shared_ptr<grpc::ClientContext> next) {
    std::lock_guard lock(mutex);
    context = std::move(next);
    return !cancelled;
  }
  void Cancel() {
    std::lock_guard lock(mutex);
    cancelled = true;
    if (context != nullptr) context->TryCancel();
  }

 private:
  std::mutex mutex;
  std::shared_ptr<grpc::ClientContext> context;  // of the try under way
};

/// What gRPC made up for want of a connection, in words for a user.
absl::Status Explain(const grpc::Status& status, const grpc::ClientContext& context,
                     const std::string& address, bool tls) {
  const auto& trailer = context.GetServerTrailingMetadata();
  const auto ours = trailer.find("weir-status");
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE || ours != trailer.end()) {
    absl::Status from = rpc::FromGrpc(status);
    if (ours != trailer.end() && ours->second == "not-leading") {
      from.SetPayload(kAskAnother, absl::Cord());
    }
    return from;
  }
  if (const std::string why = rpc::ExplainConnection(status.error_message(), tls); !why.empty()) {
    return absl::UnavailableError(
        absl::StrCat("cluster not reachable: the JobManager at ", address, ": ", why));
  }
  if (status.error_message().find("connect") != std::string::npos) {
    return absl::UnavailableError(absl::StrCat("cluster not reachable: no JobManager answers at ",
                                               address, " (is it running? --jobmanager)"));
  }
  return absl::UnavailableError(absl::StrCat(
      "cluster not reachable: the connection to the JobManager at ", address, " broke"));
}

class GrpcJobApi final : public jobmanager::JobApi {
 public:
  GrpcJobApi(std::vector<Target> targets, std::shared_ptr<const rpc::ClientSecurity> security)
      : targets_(std::move(targets)), security_(std::move(security)) {}

  ~GrpcJobApi() override {
    std::list<std::shared_ptr<Call>> calls;
    {
      std::lock_guard lock(mutex_);
      calls.swap(calls_);
    }
    for (const auto& call : calls) call->Cancel();
    for (const auto& call : calls) call->thread.join();
  }

  void Validate(std::string spec, Done<std::monostate> done) override {
    v1::ValidateRequest request;
    request.set_spec(std::move(spec));
    Ask(&Stub::Validate, request, true, std::move(done));
  }
  void Submit(SubmitRequest submit, Done<JobId> done) override {
    v1::SubmitRequest request;
    ToProto(submit, &request);
    Ask(&Stub::Submit, request, false, std::move(done));
  }
  void List(Done<std::vector<JobSummary>> done) override {
    Ask(&Stub::List, v1::ListRequest(), true, std::move(done));
  }
  void Get(std::string job, Done<JobStatus> done) override {
    Ask(&Stub::Get, Job(job), true, std::move(done));
  }
  void Cancel(std::string job, Done<JobStatus> done) override {
    Ask(&Stub::Cancel, Job(job), false, std::move(done));
  }
  void Stop(std::string job, Done<CheckpointInfo> done) override {
    Ask(&Stub::Stop, Job(job), false, std::move(done));
  }
  void Savepoint(std::string job, Done<CheckpointInfo> done) override {
    Ask(&Stub::Savepoint, Job(job), false, std::move(done));
  }
  void Checkpoints(std::string job, Done<std::vector<CheckpointInfo>> done) override {
    Ask(&Stub::Checkpoints, Job(job), true, std::move(done));
  }
  void Transactions(std::string job, Done<JobTransactions> done) override {
    Ask(&Stub::Transactions, Job(job), true, std::move(done));
  }
  void Cluster(Done<ClusterInfo> done) override {
    Ask(&Stub::Cluster, v1::ClusterRequest(), true, std::move(done));
  }

  std::unique_ptr<Subscription> Watch(
      std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) override {
    auto call = Run([this, request = Job(job), on_update = std::move(on_update)](Call* call) {
      const absl::Status status =
          AskLeader(call, [&](const Target& target, grpc::ClientContext* context) {
            std::unique_ptr<grpc::ClientReader<v1::JobStatus>> reader =
                target.stub->Watch(context, request);
            v1::JobStatus update;
            while (reader->Read(&update)) {
              if (!call->cancelled) on_update(FromProto(update));
            }
            return reader->Finish();
          });
      if (!status.ok() && !call->cancelled) on_update(status);
    });
    return std::make_unique<CallSubscription>(std::move(call));
  }

 private:
  class CallSubscription final : public Subscription {
   public:
    explicit CallSubscription(std::shared_ptr<Call> call) : call_(std::move(call)) {}
    ~CallSubscription() override { call_->Cancel(); }

   private:
    const std::shared_ptr<Call> call_;
  };

  static v1::JobRequest Job(const std::string& job) {
    v1::JobRequest request;
    request.set_job(job);
    return request;
  }

  template <typename Request, typename Reply, typename Result>
  void Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
           const Request& request, bool only_asks, Done<Result> done) {
    Run([this, method, request, only_asks, done = std::move(done)](Call* call) {
      Reply reply;
      const absl::Status status =
          AskLeader(call, [&](const Target& target, grpc::ClientContext* context) {
            if (only_asks) context->set_deadline(std::chrono::system_clock::now() + kAskDeadline);
            reply.Clear();
            return (target.stub.get()->*method)(context, request, &reply);
          });
      if (call->cancelled) return;
      if (!status.ok()) {
        done(status);
      } else {
        done(FromProto(reply));
      }
    });
  }

  /// Asks one JobManager after the other until one does not refer to another one. A call that broke is
  /// not asked again: nobody knows whether it had been heard.
  absl::Status AskLeader(
      Call* call, const std::function<grpc::Status(const Target&, grpc::ClientContext*)>& ask) {
    const auto give_up = std::chrono::steady_clock::now() + kElectionPatience;
    while (true) {
      absl::Status status;
      for (size_t i = 0; i < targets_.size(); ++i) {
        const size_t at = Choose();
        const Target& target = targets_[at];
        auto context = std::make_shared<grpc::ClientContext>();
        if (!call->Begin(context)) return absl::CancelledError("the call was given up");
        security_->Authorize(context.get(), target.address);
        const grpc::Status answer = ask(target, context.get());
        if (answer.ok()) return absl::OkStatus();
        status = Explain(answer, *context, target.address, security_->tls());
        if (!status.GetPayload(kAskAnother)) return status;
        last_ = (at + 1) % targets_.size();
      }
      if (targets_.size() == 1 || call->cancelled || std::chrono::steady_clock::now() > give_up) {
        return status;
      }
      std::this_thread::sleep_for(kElectionPause);
    }
  }

  std::shared_ptr<Call> Run(std::function<void(Call*)> work) {
    auto call = std::make_shared<Call>();
    std::list<std::shared_ptr<Call>> finished;
    std::lock_guard lock(mutex_);
    for (auto it = calls_.begin(); it != calls_.end();) {
      const auto next = std::next(it);
      if ((*it)->finished) finished.splice(finished.end(), calls_, it);
      it = next;
    }
    for (const auto& old : finished) old->thread.join();
    call->thread = std::thread([call = call.get(), work = std::move(work)] {
      work(call);
      call->finished = true;
    });
    calls_.push_back(call);
    return call;
  }

  /// The JobManager that answered last, else the first that a connection can be made to.
  size_t Choose() {
    const size_t last = last_.load();
    for (size_t i = 0; targets_.size() > 1 && i < targets_.size(); ++i) {
      const size_t at = (last + i) % targets_.size();
      if (rpc::WaitUntilConnected(targets_[at].channel.get(), kConnectMs, rpc::WhenRefused::kGiveUp)) {
        last_ = at;
        return at;
      }
    }
    return last;
  }

  const std::vector<Target> targets_;
  const std::shared_ptr<const rpc::ClientSecurity> security_;
  std::atomic<size_t> last_{0};
  std::mutex mutex_;
  std::list<std::shared_ptr<Call>> calls_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<jobmanager::JobApi>> ConnectToJobManager(
    const std::string& addresses, std::shared_ptr<const rpc::ClientSecurity> security) {
  std::vector<Target> targets;
  for (const absl::string_view part : absl::StrSplit(addresses, ',')) {
    const std::string address(part);
    const auto endpoint = Endpoint::Parse(address);
    if (!endpoint || endpoint->port == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--jobmanager: `", address, "` is not HOST:PORT"));
    }
    std::shared_ptr<grpc::Channel> channel = rpc::MakeChannel(address, security.get());
    auto stub = v1::JobService::NewStub(channel);
    targets.push_back({address, std::move(channel), std::move(stub)});
  }
  return std::make_unique<GrpcJobApi>(std::move(targets), std::move(security));
}

}  // namespace weir::client
