#include "jobmanager/metadata/etcd/grpc/grpc_etcd_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"
#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "etcd/etcd.grpc.pb.h"

namespace weir::jobmanager::etcd {
namespace {

namespace wire = etcdserverpb;

struct Member {
  std::string address;
  std::unique_ptr<wire::KV::Stub> kv;
  std::unique_ptr<wire::Lease::Stub> lease;
  std::unique_ptr<wire::Watch::Stub> watch;
};

void ToWire(const Operation& operation, wire::RequestOp* out) {
  if (const auto* put = std::get_if<Put>(&operation)) {
    auto* request = out->mutable_request_put();
    request->set_key(put->key);
    request->set_value(put->value);
    request->set_lease(put->lease);
  } else if (const auto* range = std::get_if<Range>(&operation)) {
    auto* request = out->mutable_request_range();
    request->set_key(range->key);
    request->set_range_end(range->end);
    request->set_limit(range->limit);
  } else if (const auto* drop = std::get_if<DeleteRange>(&operation)) {
    auto* request = out->mutable_request_delete_range();
    request->set_key(drop->key);
    request->set_range_end(drop->end);
  }
}

wire::TxnRequest ToWire(const Transaction& transaction) {
  wire::TxnRequest request;
  for (const Compare& compare : transaction.compare) {
    auto* out = request.add_compare();
    out->set_result(wire::Compare::EQUAL);
    out->set_key(compare.key);
    if (compare.of == Compare::Of::kCreateRevision) {
      out->set_target(wire::Compare::CREATE);
      out->set_create_revision(compare.equals);
    } else {
      out->set_target(wire::Compare::MOD);
      out->set_mod_revision(compare.equals);
    }
  }
  for (const Operation& operation : transaction.success) ToWire(operation, request.add_success());
  for (const Operation& operation : transaction.failure) ToWire(operation, request.add_failure());
  return request;
}

TransactionResult FromWire(const wire::TxnResponse& reply) {
  TransactionResult result;
  result.succeeded = reply.succeeded();
  result.revision = reply.header().revision();
  for (const auto& response : reply.responses()) {
    if (!response.has_response_range()) continue;
    std::vector<KeyValue>& keys = result.ranges.emplace_back();
    for (const auto& kv : response.response_range().kvs()) {
      keys.push_back({kv.key(), kv.value(), kv.create_revision(), kv.mod_revision(), kv.lease()});
    }
  }
  return result;
}

/// Another member may answer where this one does not.
bool IsTheMembers(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsCancelled(status);
}

class GrpcClient final : public Client {
 public:
  GrpcClient(std::vector<Member> members, int64_t call_timeout_ms)
      : members_(std::move(members)), call_timeout_ms_(call_timeout_ms) {}

  absl::StatusOr<TransactionResult> Transact(const Transaction& transaction) override {
    const wire::TxnRequest request = ToWire(transaction);
    wire::TxnResponse reply;
    RETURN_IF_ERROR(Try([&](Member& member, grpc::ClientContext* context) {
      reply.Clear();
      return member.kv->Txn(context, request, &reply);
    }));
    return FromWire(reply);
  }

  absl::StatusOr<int64_t> Grant(int64_t ttl_seconds) override {
    wire::LeaseGrantRequest request;
    request.set_ttl(ttl_seconds);
    wire::LeaseGrantResponse reply;
    RETURN_IF_ERROR(Try([&](Member& member, grpc::ClientContext* context) {
      reply.Clear();
      return member.lease->LeaseGrant(context, request, &reply);
    }));
    if (!reply.error().empty()) return absl::UnavailableError("etcd: " + reply.error());
    return reply.id();
  }

  absl::Status KeepAlive(int64_t lease) override {
    wire::LeaseKeepAliveRequest request;
    request.set_id(lease);
    wire::LeaseKeepAliveResponse reply;
    RETURN_IF_ERROR(Try([&](Member& member, grpc::ClientContext* context) {
      auto stream = member.lease->LeaseKeepAlive(context);
      reply.Clear();
      const bool answered = stream->Write(request) && stream->Read(&reply);
      if (answered) context->TryCancel();
      const grpc::Status status = stream->Finish();
      if (answered) return grpc::Status::OK;
      return !status.ok() ? status
                          : grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream ended");
    }));
    if (reply.ttl() > 0) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("etcd has no lease ", lease));
  }

  absl::Status Revoke(int64_t lease) override {
    wire::LeaseRevokeRequest request;
    request.set_id(lease);
    wire::LeaseRevokeResponse reply;
    const absl::Status status = Try([&](Member& member, grpc::ClientContext* context) {
      reply.Clear();
      return member.lease->LeaseRevoke(context, request, &reply);
    });
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }

  absl::Status Watch(const std::string& key, int64_t revision, int64_t timeout_ms) override {
    Member& member = members_[current_.load() % members_.size()];
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    auto stream = member.watch->Watch(&context);
    wire::WatchRequest request;
    request.mutable_create_request()->set_key(key);
    request.mutable_create_request()->set_start_revision(revision + 1);
    wire::WatchResponse reply;
    bool over = !stream->Write(request);
    while (!over && stream->Read(&reply)) over = reply.events_size() > 0 || reply.canceled();
    context.TryCancel();
    const grpc::Status status = stream->Finish();
    if (over || status.ok() || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::OkStatus();
    }
    ++current_;
    return Explain(status, member);
  }

 private:
  static absl::Status Explain(const grpc::Status& status, const Member& member) {
    const absl::Status from = rpc::FromGrpc(status);
    return absl::Status(from.code(), absl::StrCat("etcd at ", member.address, ": ", from.message()));
  }

  absl::Status Try(const std::function<grpc::Status(Member&, grpc::ClientContext*)>& call) {
    absl::Status last;
    const size_t begin = current_.load();
    for (size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[(begin + i) % members_.size()];
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() +
                           std::chrono::milliseconds(call_timeout_ms_));
      // A channel that rests after a failure is not waited for beyond the deadline.
      context.set_wait_for_ready(members_.size() == 1);
      const grpc::Status status = call(member, &context);
      if (status.ok()) {
        current_ = (begin + i) % members_.size();
        return absl::OkStatus();
      }
      last = Explain(status, member);
      if (!IsTheMembers(last)) return last;
    }
    current_ = begin + 1;
    return absl::UnavailableError(last.message());
  }

  std::vector<Member> members_;
  const int64_t call_timeout_ms_;
  std::atomic<size_t> current_{0};
};

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text.str();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Client>> MakeGrpcClient(const GrpcClientOptions& options) {
  rpc::Initialize();
  grpc::SslCredentialsOptions tls;
  ASSIGN_OR_RETURN(tls.pem_root_certs, ReadPem(options.ca_file));
  ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadPem(options.cert_file));
  ASSIGN_OR_RETURN(tls.pem_private_key, ReadPem(options.key_file));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(rpc::Server::kMaxMessageBytes);
  std::vector<Member> members;
  for (const std::string& endpoint : options.endpoints) {
    const bool secure = absl::StartsWith(endpoint, "https://");
    std::string address = endpoint;
    if (const size_t scheme = address.find("://"); scheme != std::string::npos)
      address = address.substr(scheme + 3);
    while (!address.empty() && address.back() == '/') address.pop_back();
    const auto parsed = Endpoint::Parse(address);
    if (!parsed || parsed->port == 0 ||
        (absl::StrContains(endpoint, "://") && !secure && !absl::StartsWith(endpoint, "http://"))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "`", endpoint, "` is no endpoint of etcd: it must be HOST:PORT, http://… or https://…"));
    }
    auto channel = grpc::CreateCustomChannel(
        address, secure ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials(), arguments);
    members.push_back({address, wire::KV::NewStub(channel), wire::Lease::NewStub(channel),
                       wire::Watch::NewStub(channel)});
  }
  if (members.empty()) return absl::InvalidArgumentError("no endpoint of etcd is given");
  return std::make_shared<GrpcClient>(std::move(members), options.call_timeout_ms);
}

}  // namespace weir::jobmanager::etcd
